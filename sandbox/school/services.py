"""The services that write: what they were told when their newest pod started is what they do.

Each keeps one session and writes about a row a second while it has ready pods.  Address and
read-only mode come from its ConfigMaps at the moment at which a pod was made, as environment does:
a change of them has no effect before a restart.  Owned by `database`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg

from sandbox.estate.catalogue import NAMESPACE
from sandbox.estate.controllers.kubelet import is_ready
from sandbox.estate.resources import CONFIGMAPS, PODS
from sandbox.estate.store import Change, Store
from sandbox.estate.values import Object
from sandbox.school import seeds
from sandbox.school.clusters import conninfo

ADDRESS = ("database-config", "DATABASE_URL")
MODE = ("app-config", "READ_ONLY_MODE")
SPOILT = "assessment-service"
_NAME = "app.kubernetes.io/name"
_EVERY = 1.0  # simulated seconds between two writes of a service
_LEAST = 0.05  # real ones
_REMEMBERED = 5  # attempts that count for what users feel now
_REFUSED = 0.40  # share of a service's requests that fail while its writes are refused
_POLITE = 0.08  # and while it says itself that it saves nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a pod was told when it started."""

    address: str = ""
    read_only: bool = False

    @property
    def port(self) -> int:
        """Return the port of the address; 0 where there is none, or another host is meant."""
        with contextlib.suppress(ValueError):
            parts = urlsplit(self.address)
            return (parts.port or 0) if parts.hostname in ("127.0.0.1", "localhost") else 0
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A service that writes: its role, and what it does each time."""

    name: str
    role: str
    statement: LiteralString


WRITERS = (
    Writer(
        name="user-service",
        role="app_user",
        statement="UPDATE users SET last_seen = now() WHERE id = 1 + (random() * 119)::int",
    ),
    Writer(
        name="payment-service",
        role="app_payment",
        statement="INSERT INTO payments (student, amount) "
        "VALUES (1 + (random() * 99)::int, round((5 + random() * 45)::numeric, 2))",
    ),
    Writer(
        name=SPOILT,
        role="app_assessment",
        statement="INSERT INTO submissions (student, assessment) "
        "VALUES (1 + (random() * 99)::int, 1 + (random() * 19)::int)",
    ),
)


@dataclass(slots=True, kw_only=True)
class Writes:
    """How the writes went."""

    done: int = 0
    refused: int = 0
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def note(self, how: str) -> None:
        """Count one attempt."""
        self.recent.append(how)
        if how == "done":
            self.done += 1
        else:
            self.refused += 1

    def share(self, *kinds: str) -> float:
        """Return the share of the last attempts that ended in one of these ways."""
        return sum(each in kinds for each in self.recent) / max(1, len(self.recent))


class Pods:
    """The ready pods of the services, and what each was told when it started."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[str, Told] = {}
        store.listen(self._changed)

    def forget(self) -> None:
        """Let all pods that are there now have started with what the ConfigMaps say now."""
        self._told = {pod["metadata"]["uid"]: self.now for pod in self._store.list(PODS, NAMESPACE)}

    @property
    def now(self) -> Told:
        """Return what a pod that starts now is told."""
        return Told(address=self._entry(*ADDRESS), read_only=self._entry(*MODE) == "true")

    def ready(self, service: str) -> dict[str, Told]:
        """Return a service's ready pods by their uid, the newest last."""
        pods = [pod for pod in self._store.list(PODS, NAMESPACE) if _belongs(pod, service)]
        uids = {pod["metadata"]["uid"] for pod in pods if is_ready(pod)}
        return {uid: told for uid, told in self._told.items() if uid in uids}

    def _changed(self, change: Change) -> None:
        meta = change.object["metadata"]
        if change.resource != PODS or meta.get("namespace") != NAMESPACE:
            return
        if change.type == "ADDED":
            self._told[meta["uid"]] = self.now
        elif change.type == "DELETED":
            self._told.pop(meta["uid"], None)

    def _entry(self, name: str, key: str) -> str:
        found = self._store.get(CONFIGMAPS, NAMESPACE, name)
        return str((found or {}).get("data", {}).get(key, ""))


class Services:
    """All of them; each is a task while this runs."""

    def __init__(
        self, pods: Pods, passwords: Mapping[str, str], speed: Callable[[], float]
    ) -> None:
        self.pods = pods
        self.writes = {each.name: Writes() for each in WRITERS}
        self._passwords = passwords
        self._speed = speed
        self._spoilt: frozenset[str] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin writing."""
        self._tasks = [
            asyncio.create_task(self._run(each), name=f"writes of {each.name}") for each in WRITERS
        ]

    async def stop(self) -> None:
        """End all sessions; safe to call twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spoil(self) -> None:
        """Let a bad job write wrong grades in the pods of now, until they are gone."""
        self._spoilt = frozenset(self.pods.ready(SPOILT))

    def reset(self) -> None:
        """Count from zero, without the bad job; the ConfigMaps of now hold for all pods."""
        self._spoilt = frozenset()
        self.pods.forget()
        for each in self.writes.values():
            each.done = each.refused = 0
            each.recent.clear()

    def port(self) -> int:
        """Return the port of the database that the services are told to use."""
        told = [list(self.pods.ready(each.name).values())[-1:] for each in WRITERS]
        ports = [one.port for each in told for one in each if one.port]
        return max(ports, key=ports.count) if ports else self.pods.now.port

    def errors(self) -> dict[str, float]:
        """Return the share of each service's requests that fail because it can't save."""
        shares = {
            name: _REFUSED * each.share("refused", "unreachable") + _POLITE * each.share("polite")
            for name, each in self.writes.items()
        }
        return {name: round(share, 4) for name, share in shares.items() if share}

    def unreachable(self) -> float:
        """Return the share of the connections that fail."""
        return sum(each.share("unreachable") for each in self.writes.values()) / len(self.writes)

    async def _run(self, writer: Writer) -> None:
        session = _Session(writer, self._passwords[writer.role])
        writes = self.writes[writer.name]
        try:
            while True:
                told = next(reversed(self.pods.ready(writer.name).values()), None)
                if told is None:
                    writes.recent.clear()
                    await session.close()
                elif told.read_only:
                    writes.recent.append("polite")
                else:
                    await session.lead_to(told)
                    writes.note(await self._write(session))
                await asyncio.sleep(max(_LEAST, _EVERY / self._speed()))
        finally:
            await session.close()

    async def _write(self, session: _Session) -> str:
        """Write once; return how it went."""
        try:
            await session.open()
        except (psycopg.Error, OSError):
            return "unreachable"
        statements = [session.writer.statement]
        if session.writer.name == SPOILT and self._is_spoilt():
            statements.append(seeds.CORRUPT_ONE)
        try:
            for each in statements:
                await session.send(each)
        except psycopg.Error:
            return "refused"
        return "done"

    def _is_spoilt(self) -> bool:
        return bool(self._spoilt & self.pods.ready(SPOILT).keys())


class _Session:
    """A service's session, with its own user and password at the address that it was told."""

    def __init__(self, writer: Writer, password: str) -> None:
        self.writer = writer
        self._password = password
        self._told = Told()
        self._open: psycopg.AsyncConnection | None = None

    async def lead_to(self, told: Told) -> None:
        """Use another address from now on."""
        if told.address != self._told.address:
            await self.close()
        self._told = told

    async def open(self) -> None:
        """Connect, unless it is connected."""
        if self._open is not None and self._open.closed:
            await self.close()
        if self._open is not None:
            return
        if not self._told.port:
            raise OSError(f"{self._told.address} leads nowhere")
        self._open = await psycopg.AsyncConnection.connect(
            conninfo(self._told.port, self.writer.role, self._password),
            autocommit=True,
            application_name=self.writer.name,
            options="-c statement_timeout=5s",
        )

    async def send(self, statement: LiteralString) -> None:
        """Run one statement."""
        assert self._open is not None
        await self._open.execute(statement)

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        if self._open is not None:
            session, self._open = self._open, None
            await session.close()


def _belongs(pod: Object, service: str) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return bool(labels.get(_NAME) == service)
