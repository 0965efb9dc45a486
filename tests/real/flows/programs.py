"""The programs in AIVO's pods: they read their settings when they start, and write until told not.

Each pod that runs in the cluster is one program with one session, at the address that stood in the
ConfigMap when it began: a new address reaches it by a restart only, as with real ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg

from tests.real.bench.clusters import Cluster

APP_CONFIG, DATABASE_CONFIG = "app-config", "database-config"
READ_ONLY, URL = "READ_ONLY_MODE", "DATABASE_URL"
BETWEEN = 0.1
SERVICES = {
    "user-service": 2,
    "payment-service": 1,
    "assessment-service": 1,
    "student-dashboard": 1,
}
VISIT = "INSERT INTO visits (who) VALUES (%s)"
Json = Any


def deployment(cluster: Cluster, name: str, replicas: int) -> Json:
    """Return a Deployment that reads both settings as environment."""
    settings = ((READ_ONLY, APP_CONFIG), (URL, DATABASE_CONFIG))
    env = [
        {"name": key, "valueFrom": {"configMapKeyRef": {"name": of, "key": key}}}
        for key, of in settings
    ]
    made = cluster.deployment(name, replicas=replicas)
    made["spec"]["template"]["spec"]["containers"][0]["env"] = env
    return made


class Program:
    """One pod's program.  `url` and `saves` are what it read at its start."""

    def __init__(self, who: str, url: str, *, saves: bool) -> None:
        self.who, self.url, self.saves = who, url, saves
        self._session: psycopg.Connection[Any] | None = None

    def work(self) -> None:
        """Do something; connect first where there is no session (any more)."""
        try:
            if self._session is None:
                self._session = psycopg.connect(
                    self.url, autocommit=True, connect_timeout=30, application_name=self.who
                )
            if self.saves:
                self._session.execute(VISIT, [self.who])
            else:
                self._session.execute("SELECT 1")
        except psycopg.errors.ReadOnlySqlTransaction:
            pass  # what people see is an error
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """End its session."""
        if self._session is not None:
            self._session.close()
            self._session = None


class Programs:
    """Those of all pods, while `running`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ends = False
        self.by_pod: dict[str, Program] = {}

    def addresses(self) -> set[str]:
        """Return where they are led."""
        return {program.url for program in self.by_pod.values()}

    async def run(self) -> None:
        """Let them work until the end."""
        while not self._ends:
            await asyncio.to_thread(self._step)
            await asyncio.sleep(BETWEEN)

    def end(self) -> None:
        """Let no program go on."""
        self._ends = True

    def _step(self) -> None:
        pods = {
            each["metadata"]["uid"]: each["metadata"]["labels"]["app"]
            for each in self._cluster.all("pod")
            if _runs(each)
        }
        for gone in self.by_pod.keys() - pods.keys():
            self.by_pod.pop(gone).close()
        for new in pods.keys() - self.by_pod.keys():
            url = self._cluster.get("configmap", DATABASE_CONFIG)["data"][URL]
            mode = self._cluster.get("configmap", APP_CONFIG)["data"].get(READ_ONLY)
            self.by_pod[new] = Program(pods[new], url, saves=mode != "true")
        for program in tuple(self.by_pod.values()):
            program.work()

    def close(self) -> None:
        """End every session."""
        for program in self.by_pod.values():
            program.close()


def _runs(pod: Json) -> bool:
    gone = pod["metadata"].get("deletionTimestamp")
    return not gone and pod["status"].get("phase") == "Running"


@asynccontextmanager
async def working(cluster: Cluster) -> AsyncIterator[Programs]:
    """Let programs work in every pod while the block runs."""
    found = Programs(cluster)
    task = asyncio.ensure_future(found.run())
    try:
        yield found
    finally:
        found.end()
        with suppress(Exception):  # the cluster may be gone before them
            await task
        found.close()
