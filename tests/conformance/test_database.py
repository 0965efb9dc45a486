"""The database away, restarted, cut off or full: nothing is lost, and it goes on by itself."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conformance import kinds
from tests.conformance.conftest import Make
from tests.conformance.proxies import Proxy
from tests.conformance.worlds import Place, Setting, World
from tests.real.presence import missing
from tests.real.processes import scratch
from tests.real.services.postgres import PostgresServer, own

pytestmark = pytest.mark.crash
GONE = float(os.environ.get("BACKOUT_GONE_SECONDS", "3"))
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backout'"
SMALL, FILLER = "24m", 1_000_000  # SQLite's log alone takes 4 MB


@pytest.fixture(params=[kinds.SHARED])
def kind(request: pytest.FixtureRequest) -> str:
    """The engine that has a database."""
    return str(request.param)


def underway(world: World) -> None:
    """Play until steps are being done."""
    while not world.estate.effects():
        world.play(seconds=0.1)


def end_at_once(server: PostgresServer) -> None:
    """Stop it without a checkpoint, as `pg_ctl stop -m immediate` does."""
    program = server.program
    program.signal(signal.SIGQUIT)
    program.guard.wait(60)
    server.stop()


def test_restarted_at_once(make: Make, postgres_server: PostgresServer) -> None:
    """`pg_ctl restart -m immediate` three times while runs are under way."""
    world = make(Setting(systems=3, replicas=2))
    for _ in range(3):
        world.play(seconds=world.chance.uniform(0.3, 1.0))
        end_at_once(postgres_server)
        postgres_server.start()
    world.play()
    assert world.findings().all == [], world.told()


def test_gone_for_a_while(make: Make, postgres_server: PostgresServer) -> None:
    """Down for seconds, in the long mode for a minute: bots stay, and go on when it is back."""
    world = make(Setting(systems=2, replicas=2))
    underway(world)
    born = world.born
    with postgres_server.down():
        world.play(seconds=GONE)
    world.play()
    assert world.findings().all == [], world.told()
    assert world.born == born, "a bot ended because of it"


def test_connections_killed(make: Make, postgres_server: PostgresServer) -> None:
    """`pg_terminate_backend` on every connection of the bots, again and again."""
    world = make(Setting(systems=2, replicas=2))
    for _ in range(8):
        world.play(seconds=world.chance.uniform(0.1, 0.4))
        postgres_server.execute(END)
    world.play()
    assert world.findings().all == [], world.told()


@pytest.fixture
def proxy(places: object) -> Iterator[list[Proxy]]:
    """Proxies that end with the test."""
    made: list[Proxy] = []
    yield made
    for each in made:
        each.__exit__()


@pytest.mark.parametrize("how", ["cut", "die"])
def test_one_replica_cut_off(make: Make, proxy: list[Proxy], how: str) -> None:
    """Its wire is cut, or goes dead without a word: the other one takes over, and it comes back."""
    world = make(Setting(systems=3, replicas=2))
    wire = Proxy(world.place.journal)
    proxy.append(wire.__enter__())
    world.bear(through=wire.url)
    world.bear()
    underway(world)
    getattr(wire, how)()
    world.play(seconds=2.5 * kinds.LEASE)
    wire.heal()
    world.play()
    assert world.findings().all == [], world.told()


@pytest.fixture
def tiny() -> Iterator[Path]:
    """A file system of a few megabytes."""
    with scratch("tiny") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
            missing("tmpfs", "mounting one needs root")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_under_sqlite(tiny: Path, zygote: Path) -> None:
    """Nothing more is recorded, said so, and nothing is lost; with room again it goes on."""
    with scratch("world") as folder:
        place = Place(
            kind=kinds.EMBEDDED, journal=str(tiny / "journal"), folder=folder, zygote=zygote
        )
        with World(place, Setting(systems=2)) as world:
            underway(world)
            fill(tiny / "filler")
            world.play(seconds=2.0)
            said = (folder / "bot-1.log").read_text(encoding="utf-8")
            assert "disk is full" in said or "No space left" in said
            (tiny / "filler").unlink()
            world.play()
            assert world.findings().all == [], world.told()


def fill(path: Path) -> None:
    """Take all the room that there is."""
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * FILLER)
            except OSError:
                break
        while True:
            try:
                file.write(b"x")
            except OSError:
                return


def test_a_full_disk_under_postgresql(
    make: Make, postgres_server: PostgresServer, tiny: Path
) -> None:
    """The tables' disk is full: no commit, no loss; with room again it goes on."""
    world = make(Setting(systems=2, replicas=2))
    underway(world)
    own(tiny)
    postgres_server.execute(f"CREATE TABLESPACE tiny LOCATION '{tiny}'")
    database = conninfo_of(world)
    try:
        move(postgres_server, database, "tiny")
        fill(tiny / "filler")
        world.play(seconds=2.0)
        (tiny / "filler").unlink()
        world.play()
        assert world.findings().all == [], world.told()
    finally:
        move(postgres_server, database, "pg_default")
        postgres_server.execute("DROP TABLESPACE tiny")


def conninfo_of(world: World) -> str:
    """Return the name of a world's database."""
    return str(conninfo_to_dict(world.place.journal)["dbname"])


def move(server: PostgresServer, database: str, space: str) -> None:
    """Move the journal's table of events to another disk."""
    server.execute(f"ALTER TABLE backout.events SET TABLESPACE {space}", database=database)
    server.execute(f"ALTER INDEX backout.events_pkey SET TABLESPACE {space}", database=database)
