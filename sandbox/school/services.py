"""The services that use the database: they do what their newest pod was told when it started.

Each keeps one session, and reads or writes about a row a second while it has ready pods.  Address
and read-only mode come from its ConfigMaps at the moment at which a pod was made, as environment
does: a change of them has no effect before a restart.  Owned by `database`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
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
class Client:
    """A service that uses the database, and what it does each time."""

    name: str
    statement: LiteralString
    writes: bool = True


CLIENTS = (
    Client(
        name="user-service",
        statement="UPDATE users SET last_seen = now() WHERE id = 1 + (random() * 119)::int",
    ),
    Client(
        name="payment-service",
        statement="INSERT INTO payments (student, amount) "
        "VALUES (1 + (random() * 99)::int, round((5 + random() * 45)::numeric, 2))",
    ),
    Client(
        name=SPOILT,
        statement="INSERT INTO submissions (student, assessment) "
        "VALUES (1 + (random() * 99)::int, 1 + (random() * 19)::int)",
    ),
    Client(
        name="gradebook-service",
        statement="SELECT avg(grade) FROM grades WHERE student = 1 + (random() * 99)::int",
        writes=False,
    ),
    Client(
        name="course-service",
        statement="SELECT count(*) FROM students WHERE course = 1 + (random() * 7)::int",
        writes=False,
    ),
)


@dataclass(slots=True, kw_only=True)
class Uses:
    """How it went: what was written, and all of the last attempts."""

    done: int = 0
    refused: int = 0
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    def note(self, how: str) -> None:
        """Count one write."""
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

    def __init__(self, pods: Pods, password: str, speed: Callable[[], float]) -> None:
        self.pods = pods
        self.uses = {each.name: Uses() for each in CLIENTS}
        self._password = password
        self._speed = speed
        self._spoilt: frozenset[str] = frozenset()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [
            asyncio.create_task(self._run(each), name=f"rows of {each.name}") for each in CLIENTS
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
        for each in self.uses.values():
            each.done = each.refused = 0
            each.recent.clear()

    def port(self) -> int:
        """Return the port of the database that the services are told to use."""
        told = [list(self.pods.ready(each.name).values())[-1:] for each in CLIENTS]
        ports = [one.port for each in told for one in each if one.port]
        return max(ports, key=ports.count) if ports else self.pods.now.port

    def errors(self) -> dict[str, float]:
        """Return the share of each service's requests that fail because it can't save."""
        shares = {
            name: _REFUSED * each.share("refused", "unreachable") + _POLITE * each.share("polite")
            for name, each in self.uses.items()
        }
        return {name: round(share, 4) for name, share in shares.items() if share}

    def unreachable(self) -> float:
        """Return the share of the connections that fail."""
        return sum(each.share("unreachable") for each in self.uses.values()) / len(self.uses)

    async def _run(self, client: Client) -> None:
        session = _Session(client, self._password)
        uses = self.uses[client.name]
        try:
            while True:
                told = next(reversed(self.pods.ready(client.name).values()), None)
                if told is None:
                    uses.recent.clear()
                    await session.close()
                elif told.read_only and client.writes:
                    uses.recent.append("polite")
                else:
                    await session.lead_to(told)
                    uses.recent.append(how := await self._use(session))
                    if client.writes:
                        uses.note(how)
                await asyncio.sleep(max(_LEAST, _EVERY / self._speed()))
        finally:
            await session.close()

    async def _use(self, session: _Session) -> str:
        """Read or write once; return how it went."""
        try:
            await session.open()
        except (psycopg.Error, OSError):
            return "unreachable"
        statements = [session.client.statement]
        if session.client.name == SPOILT and self._is_spoilt():
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
    """A service's session at the address that it was told, with the applications' own password."""

    def __init__(self, client: Client, password: str) -> None:
        self.client = client
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
            conninfo(self._told.port, seeds.APPLICATION, self._password),
            autocommit=True,
            application_name=self.client.name,
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
