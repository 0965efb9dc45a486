"""The part `database`: AIVO's primary, what is restored beside it, and the services that write.

`restore`, `endpoint` and `forget` are what the estate's AWS calls for its RDS instances.  Where no
PostgreSQL runs, the part says why and does nothing else; its driver is loaded at the start only.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.estate import Estate
from sandbox.estate.catalogue import NAMESPACE
from sandbox.estate.registry import Write
from sandbox.estate.resources import CONFIGMAPS
from sandbox.estate.values import Object, clone
from sandbox.parts import QUIET, Disturbance, Part, Scenario
from sandbox.school import places, programs
from sandbox.school.processes import ServerError

if TYPE_CHECKING:
    from sandbox.school.instances import Instance, Instances
    from sandbox.school.services import Services

CORRUPT = Scenario(
    id="corrupt_grades",
    title="A job ruins the grades",
    breaks="Nine of ten grades are overwritten, and the job goes on while its service runs",
    story="data",
)
SOME_ROWS = Scenario(
    id="some_rows",
    title="A few rows are wrong",
    breaks="Seven grades and two assessments are changed; the panel shows their keys",
    story="rows",
)
_ERRORS = 0.3  # share of the gradebook's requests that fail when every grade is wrong
_GRADEBOOK = "gradebook-service"
_MOST_DAMAGED = 20  # keys that are worth showing
_NO_DRIVER = "its packages are missing: install them with .ci/venv sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    instances: Instances
    services: Services
    programs: Path


class Database(Part):
    """A real PostgreSQL, and services that write to it."""

    name = "database"
    scenarios = (CORRUPT, SOME_ROWS)

    def __init__(self, estate: Estate, *, data: Path) -> None:
        self._estate = estate
        self._data = data
        self._running: _Running | None = None
        self._why = "it has not been started"
        self._look: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Make the primary and let the services write; where that can't be, know why."""
        try:
            if importlib.util.find_spec("psycopg") is None:
                raise ServerError(_NO_DRIVER)
            found = await asyncio.to_thread(programs.postgres)
            await self._begin(found)
        except ServerError as error:
            self._why = str(error)

    async def stop(self) -> None:
        """Stop all clusters and remove their folder; safe to call twice."""
        running, self._running = self._running, None
        if running is None:
            return
        await self._stop_looking()
        await running.services.stop()
        await running.instances.stop()
        await asyncio.to_thread(places.remove, self._data)

    async def reset(self) -> None:
        """Bring back the good rows, roles, addresses; forget what was restored."""
        if self._running is None:
            return
        instances, services = self._running.instances, self._running.services
        await self._stop_looking()
        await services.stop()
        try:
            await instances.forget_restored()
            await instances.primary.looks.close()
            await instances.mend()
        finally:  # whatever could not be mended, the estate goes on
            self._tell()
            services.reset()
            services.start()
            await self._start_looking()

    async def break_it(self, scenario: str) -> None:
        """Damage rows of the instance in use, by statements of the application."""
        if self._running is None:
            return
        from sandbox.school import damage, seeds

        services, port = self._running.services, self._running.services.port()
        dsn = self._running.instances.dsn(seeds.APPLICATION, port)
        if scenario == CORRUPT.id:
            services.spoil()
            await damage.corrupt(dsn)
        else:
            await damage.change_some(dsn)
        await self._running.instances.look()

    def disturbance(self) -> Disturbance:
        """Return what users feel: what can't be saved, and what the gradebook can't make sense of.

        A grade that is wrong fails where it is added up.
        """
        if self._running is None:
            return QUIET
        errors = self._running.services.errors()
        look = self._in_use()[1].looks.last
        if look and look.wrong_grades:
            share = len(look.wrong_grades) / max(1, look.rows["grades"])
            errors[_GRADEBOOK] = round(min(1.0, share) * _ERRORS, 4)
        return Disturbance(errors=errors, refused=self._running.services.unreachable())

    def state(self) -> Object:
        """Return what the panel shows; counted before, never here."""
        if self._running is None:
            return {"real": False, "why": self._why, "instances": []}
        uses = self._running.services.uses.values()
        current, in_use = self._in_use()
        look = in_use.looks.last
        return {
            "real": True,
            "why": "",
            "instances": [
                _view(name, each, in_use=name == current)
                for name, each in self._running.instances.listed()
            ],
            "writes": {
                "done": sum(each.done for each in uses),
                "refused": sum(each.refused for each in uses),
            },
            "restored_to": self._restored_to(),
            "damaged": {
                "grades": _shown(look.wrong_grades if look else ()),
                "assessments": _shown(look.wrong_assessments if look else ()),
            },
        }

    def addresses(self) -> Mapping[str, str]:
        """Return the primary's data sources, and where the programs are that fit it."""
        if self._running is None:
            return {}
        from sandbox.school import seeds

        instances = self._running.instances
        return {
            "primary_dsn": instances.dsn(seeds.BOT),
            "recovered_dsn": instances.dsn(seeds.READER),
            "database_port": str(instances.primary.cluster.port),
            "postgres_programs": str(self._running.programs),
        }

    def restore(self, name: str, moment: float | None) -> None:
        """Begin to restore the primary, as it was at a moment, to a new instance.

        May be called from any thread.  `moment` is by the clock on the wall, in seconds; None is
        the latest.  Raises ValueError for a name that is taken and a moment that is too old.
        """
        if self._running is not None:
            self._running.instances.restore(name, moment)

    def endpoint(self, name: str) -> tuple[str, int] | None:
        """Return where an instance takes writes; None where it does not, or not yet."""
        return self._running.instances.endpoint(name) if self._running else None

    def forget(self, name: str) -> None:
        """Stop and remove a restored instance; may be called from any thread."""
        if self._running is not None:
            self._running.instances.forget(name)

    async def _begin(self, found: programs.Programs) -> None:
        await asyncio.to_thread(importlib.import_module, "psycopg")  # a fifth of a second
        from sandbox.school import seeds
        from sandbox.school.instances import Instances
        from sandbox.school.services import Pods, Services

        passwords = {name: secrets.token_urlsafe(12) for name in seeds.ROLES}
        folder = await asyncio.to_thread(places.make, self._data, found)
        instances = Instances(folder, found, passwords, self._estate.wall)
        try:
            await instances.start()
        except BaseException:
            await instances.stop()
            await asyncio.to_thread(places.remove, self._data)
            raise
        pods = Pods(self._estate.cluster.store)
        services = Services(pods, passwords[seeds.APPLICATION], lambda: self._estate.clock.speed)
        self._running = _Running(instances=instances, services=services, programs=found.folder)
        self._tell()
        services.reset()
        services.start()
        await self._start_looking()

    def _tell(self) -> None:
        """Let the ConfigMap lead to the primary; each service adds its own user and password."""
        from sandbox.school.services import ADDRESS

        assert self._running is not None
        cluster, (name, key) = self._estate.cluster, ADDRESS
        found = cluster.store.get(CONFIGMAPS, NAMESPACE, name)
        if found is not None:
            told = clone(found)
            port = self._running.instances.primary.cluster.port
            told.setdefault("data", {})[key] = f"postgresql://127.0.0.1:{port}/aivo"
            cluster.registry.change(CONFIGMAPS, found, told, Write(manager="helm"))

    def _in_use(self) -> tuple[str, Instance]:
        assert self._running is not None
        return self._running.instances.at(self._running.services.port())

    def _restored_to(self) -> str | None:
        assert self._running is not None
        moments = [
            each.moment
            for _, each in self._running.instances.listed()
            if each.ready and each.moment is not None
        ]
        if not moments:
            return None
        return datetime.fromtimestamp(moments[-1], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _start_looking(self) -> None:
        assert self._running is not None
        await self._running.instances.look()
        self._look = asyncio.create_task(self._looking(self._running.instances), name="looks")

    async def _stop_looking(self) -> None:
        if self._look is not None:
            look, self._look = self._look, None
            look.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await look

    async def _looking(self, instances: Instances) -> None:
        while True:
            begun = time.monotonic()
            await instances.look()
            await asyncio.sleep(max(0.2, 1.0 - (time.monotonic() - begun)))


def _view(name: str, instance: Instance, *, in_use: bool) -> Object:
    look = instance.looks.last
    view: Object = {"id": name, "in_use": in_use, "ready": instance.ready}
    if instance.problem:
        view["problem"] = instance.problem
    return view | {
        "read_only": bool(look and look.read_only),
        "sessions": look.sessions if look else 0,
        "rows": dict(look.rows) if look else {},
        "wrong": {
            "grades": len(look.wrong_grades) if look else 0,
            "assessments": len(look.wrong_assessments) if look else 0,
        },
    }


def _shown(keys: tuple[int, ...]) -> list[int]:
    return list(keys) if len(keys) <= _MOST_DAMAGED else []
