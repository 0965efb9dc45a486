"""Worlds to die in, over each implementation of the engine's port."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests import zygotes
from tests.conformance import kinds
from tests.conformance.worlds import Place, Setting, World
from tests.real.processes import scratch
from tests.real.services.postgres import PostgresServer, database, postgres_server

__all__ = ["postgres_server"]

SEED = "BACKOUT_KILL_SEED"


class Make(Protocol):
    """Makes a world; it ends with the test."""

    def __call__(self, setting: Setting | None = None) -> World:
        """Make one."""


@pytest.fixture(scope="session")
def zygote() -> Iterator[Path]:
    """The process that every bot comes from."""
    with zygotes.zygote("tests.conformance.zygote") as path:
        yield path


@pytest.fixture(params=kinds.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each implementation."""
    return str(request.param)


@pytest.fixture
def places(
    kind: str, zygote: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[], Place]]:
    """Make places for journals, each empty; they go away with the test."""
    with ExitStack() as block:

        def made() -> Place:
            folder = block.enter_context(scratch("world"))
            journal = str(folder / "journal")
            if kind == kinds.SHARED:
                server: PostgresServer = request.getfixturevalue("postgres_server")
                server.revive()
                name = f"world_{secrets.token_hex(4)}"
                journal = block.enter_context(database(server, name)).owner_dsn
            return Place(kind=kind, journal=journal, folder=folder, zygote=zygote)

        yield made


@pytest.fixture
def make(places: Callable[[], Place]) -> Iterator[Make]:
    """Make worlds."""
    with ExitStack() as block:

        def made(setting: Setting | None = None) -> World:
            place = places()
            kinds.prepare(place.kind, place.journal)
            return block.enter_context(World(place, setting or Setting()))

        yield made


@pytest.fixture
def seed() -> Iterator[str]:
    """What chance is drawn from: BACKOUT_KILL_SEED, or a new one; a failed test shows it."""
    drawn = os.environ.get(SEED) or str(secrets.randbelow(10**6))
    yield drawn
    sys.stdout.write(f"{SEED}={drawn}\n")
