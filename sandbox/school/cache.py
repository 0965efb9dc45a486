"""The part `cache`: a real Redis with sessions, queues and courses, and a release that spoils it.

What content-service writes carries the version of its newest pod: entries of the wrong version are
wrong until they are gone, also after the release is, and come again while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.estate import Estate, releases
from sandbox.estate.catalogue import HISTORY, NAMESPACE
from sandbox.estate.controllers.kubelet import is_ready
from sandbox.estate.resources import PODS
from sandbox.estate.values import Object
from sandbox.parts import QUIET, Disturbance, Part, Scenario
from sandbox.school import programs
from sandbox.school.processes import Server, ServerError, started
from sandbox.school.resp import Client, RefusedError, Reply

STALE = Scenario(
    id="stale_cache",
    title="A release fills the cache with wrong courses",
    breaks="Version 2.14.3 writes wrong course entries; they stay when it is rolled back",
    story="service",
)
WRONG_VERSION, WRONG_CHART = "2.14.3", "1.9.2"
SERVICE = "content-service"
COURSE = "cache:course:"
COURSES, SESSIONS = 120, 40
QUEUES = ("exports", "imports", "mails", "media", "reports", "search")
_ERRORS = 0.06  # share of content-service's requests that fail while all courses are wrong
_REFILLED = 30  # courses that content-service looks up, and keeps, in a look
_LOOK = 0.5
_CONFIGURATION = """\
bind 127.0.0.1
requirepass {password}
dir "{folder}"
save ""
appendonly no
daemonize no
"""


class Cache(Part):
    """A real Redis."""

    name = "cache"
    scenarios = (STALE,)

    def __init__(self, estate: Estate, *, data: Path) -> None:
        self._estate = estate
        self._folder = data.resolve() / "cache"
        self._password = secrets.token_urlsafe(12)
        self._why = "it has not been started"
        self._server: Server | None = None
        self._client: Client | None = None
        self._using = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._keys: dict[str, int] = {}
        self._stale = 0

    async def start(self) -> None:
        """Start the server and fill it; where that can't be, know why."""
        try:
            command = await asyncio.to_thread(programs.redis_server)
            self._server = await started(
                lambda port: [command, self._configuration(), "--port", str(port)],
                log=self._made_folder() / "log",
                ready=self._answers,
            )
        except ServerError as error:
            self._why = str(error)
            return
        await self.reset()
        self._task = asyncio.create_task(self._live(), name="cache")

    async def stop(self) -> None:
        """Stop the server; safe to call twice."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._disconnect()
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def reset(self) -> None:
        """Bring back sessions, queues and good courses."""
        if self._server is None:
            return
        good = HISTORY[-1].version
        await self._send([("FLUSHALL",)])
        await self._send([*_seeds(), *(_course(n, good) for n in range(1, COURSES + 1))])
        await self._count()

    async def break_it(self, scenario: str) -> None:
        """Ship the release whose upgrade writes wrong courses."""
        if self._server is None or self._shipped():
            return
        releases.ship(self._estate.cluster, chart=WRONG_CHART, version=WRONG_VERSION)
        await self._send([_course(n, WRONG_VERSION) for n in range(1, COURSES + 1)])
        await self._count()

    def disturbance(self) -> Disturbance:
        """Return what users feel: courses that are wrong can't be shown."""
        if not self._stale:
            return QUIET
        return Disturbance(errors={SERVICE: round(_ERRORS * self._stale / COURSES, 4)})

    def state(self) -> Object:
        """Return what the panel shows; counted before, never here."""
        if self._server is None:
            return {"real": False, "why": self._why, "keys": {}, "stale": 0}
        return {"real": True, "why": "", "keys": dict(self._keys), "stale": self._stale}

    def addresses(self) -> Mapping[str, str]:
        """Return its URL, with the password."""
        if self._server is None:
            return {}
        return {"cache_url": f"redis://:{self._password}@127.0.0.1:{self._server.port}/0"}

    def _made_folder(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def _configuration(self) -> Path:
        path = self._folder / "redis.conf"
        path.touch(mode=0o600)
        text = _CONFIGURATION.format(password=self._password, folder=self._folder)
        path.write_text(text, encoding="utf-8")
        return path

    async def _answers(self, port: int) -> bool:
        try:
            client = await Client.connected(port, self._password)
        except (OSError, RefusedError, asyncio.IncompleteReadError):
            return False
        await client.close()
        return True

    def _shipped(self) -> bool:
        newest = releases.history(self._estate.cluster)[-1]
        return bool(newest["chart"]["metadata"]["appVersion"] == WRONG_VERSION)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            with contextlib.suppress(OSError, RefusedError, asyncio.IncompleteReadError):
                await self._refill()
                await self._count()

    async def _refill(self) -> None:
        """Let content-service keep courses that it looked up and did not find."""
        version = self._version()
        present = await self._courses()
        missing = [n for n, text in present.items() if text is None]
        if version and missing:
            await self._send([_course(n, version) for n in missing[:_REFILLED]])

    async def _count(self) -> None:
        found: list[str] = []
        cursor = "0"
        while True:
            (reply,) = await self._send([("SCAN", cursor, "COUNT", "1000")])
            assert isinstance(reply, list)
            cursor, some = str(reply[0]), reply[1]
            assert isinstance(some, list)
            found += [str(each) for each in some]
            if cursor == "0":
                break
        names = set(found)  # a scan may tell a key twice
        self._keys = {
            prefix: sum(each.startswith(prefix) for each in names)
            for prefix in ("session:", COURSE, "queue:")
        }
        wrong = f'"{WRONG_VERSION}"'
        self._stale = sum(wrong in text for text in (await self._courses()).values() if text)

    async def _courses(self) -> dict[int, str | None]:
        numbers = range(1, COURSES + 1)
        (texts,) = await self._send([("MGET", *(f"{COURSE}{n}" for n in numbers))])
        assert isinstance(texts, list)
        return {
            n: None if text is None else str(text) for n, text in zip(numbers, texts, strict=True)
        }

    def _version(self) -> str:
        """Return the version of content-service's newest ready pod, if it has one."""
        pods = [
            pod
            for pod in self._estate.cluster.store.list(PODS, NAMESPACE)
            if (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == SERVICE
            and is_ready(pod)
        ]
        newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        return str(newest["spec"]["containers"][0]["image"]).rpartition(":")[2] if newest else ""

    async def _send(self, commands: Sequence[Sequence[str]]) -> list[Reply]:
        assert self._server is not None
        async with self._using:
            if self._client is None:
                self._client = await Client.connected(self._server.port, self._password)
            try:
                return await self._client.calls(commands)
            except BaseException:  # replies may be on their way: nobody can tell whose they are
                await self._disconnect()
                raise

    async def _disconnect(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


def _seeds() -> list[tuple[str, ...]]:
    sessions = [
        ("SET", f"session:{n:04d}", json.dumps({"user": n, "since": "2026-11-21"}), "EX", "86400")
        for n in range(1, SESSIONS + 1)
    ]
    jobs = [("RPUSH", f"queue:{name}", *(f"job {n}" for n in range(1, 4))) for name in QUEUES]
    return [*sessions, *jobs]


def _course(number: int, version: str) -> tuple[str, ...]:
    entry = {"course": number, "title": f"Course {number}", "written_by": version}
    return ("SET", f"{COURSE}{number}", json.dumps(entry))
