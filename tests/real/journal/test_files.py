"""Files in the database that replicas share, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.evidence import LARGEST_IN_TABLE, EvidenceStore
from adapters.vault import make_key
from bot import wiring
from bot.cli.failures import ExitCode
from bot.drills import Drills
from bot.factors import Factors
from bot.wording.factors import Doubt
from flows import migrating
from flows.actions import PermanentError, Stored, TransientError
from flows.engine import AwayError, JournalError
from flows.files import FilesError, kept_as
from flows.plans import Plan
from flows.shared.connections import IN_THE_SESSION, place_of
from flows.shared.files import TableFiles
from tests.bot import story
from tests.bot.approving import Clock
from tests.bot.authenticators import Authenticator, vault
from tests.bot.cli.conftest import Cli
from tests.real.services.postgres import PostgresDatabase

NAME = "INC-7/logs/checkout.log"
SYSTEM, PERSON = "aivo", "jennifer-liu"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
PATIENCE = 60.0


@pytest.fixture
def url(postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return where a journal is that has just been made; it waits as long as a test does."""
    for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
        monkeypatch.setitem(IN_THE_SESSION, limit, f"{PATIENCE:.0f}s")
    migrating.migrate(postgres.owner_dsn)
    return postgres.owner_dsn


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for a condition, for as long as a slow machine may take."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_what_one_replica_keeps_every_other_has(url: str) -> None:
    """Bytes as they are, with the database's own hash; a name is given once."""
    one, other = TableFiles(url, "evidence"), TableFiles(url, "evidence")
    content = bytes(range(256)) * 400
    assert other.find(NAME) is None
    assert other.read(NAME) is None
    assert one.put(NAME, content)
    assert not other.put(NAME, b"second")
    assert other.find(NAME) == kept_as(NAME, content)
    assert other.read(NAME) == content


def test_what_is_listed_is_below_a_folder_and_of_its_kind(url: str) -> None:
    """Neither what begins alike nor what is of another kind; `%` and `_` are just letters."""
    files = TableFiles(url, "evidence")
    for name in ("INC-7/b", "INC-7/a/c", "INC-70/a", "INC_7/a"):
        files.put(name, b"x")
    TableFiles(url, "evidences").put("INC-7/d", b"x")
    assert files.names("INC-7") == ("INC-7/a/c", "INC-7/b")
    assert files.names("INC_7") == ("INC_7/a",)
    assert files.names("%") == ()
    assert set(files.names()) == {"INC-7/b", "INC-7/a/c", "INC-70/a", "INC_7/a"}
    assert files.remove("INC-7/b")
    assert not files.remove("INC-7/b")
    assert TableFiles(url, "evidences").names() == ("INC-7/d",)


def test_a_held_file_is_one_replicas_at_a_time(url: str, postgres: PostgresDatabase) -> None:
    """The second waits for the first, and sees what became of it."""
    one, other = TableFiles(url, "totp"), TableFiles(url, "totp")
    with one.held(NAME) as held:
        assert held.content is None
        held.after = b"0"
    seen = []

    def second() -> None:
        with other.held(NAME) as held:
            seen.append(held.content)
            held.after = b"2"

    thread = threading.Thread(target=second)
    with one.held(NAME) as held:
        thread.start()
        wait_until(lambda: postgres.execute(WAITING) == [(1,)])
        held.after = b"1"
    thread.join(PATIENCE)
    assert seen == [b"1"]
    assert one.read(NAME) == b"2"


def _fail_half_way(files: TableFiles) -> None:
    with files.held(NAME) as held:
        held.after = b"half"
        raise ZeroDivisionError


def test_what_fails_half_way_changes_nothing(url: str) -> None:
    """An exception while a file is held leaves it as it was, and free."""
    files = TableFiles(url, "totp")
    files.put(NAME, b"whole")
    with pytest.raises(ZeroDivisionError):
        _fail_half_way(files)
    with files.held(NAME) as held:
        assert held.content == b"whole"


def test_a_code_is_taken_once_by_all_replicas(url: str, postgres: PostgresDatabase) -> None:
    """Two replicas that check it at the same instant: one takes it, the other says so."""
    clock, key = Clock(), vault()
    one, other = (Factors(TableFiles(url, "totp"), key, clock) for _ in range(2))
    phone = Authenticator(one.enrol(SYSTEM, PERSON), clock)
    found = []
    threads = [
        threading.Thread(target=lambda f=f: found.append(f.check(SYSTEM, PERSON, phone.code())))
        for f in (one, other)
    ]
    with TableFiles(url, "totp").held(f"{SYSTEM}/{PERSON}.json"):
        for thread in threads:
            thread.start()
        wait_until(lambda: postgres.execute(WAITING) >= [(2,)])
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(each.doubt if each else "" for each in found) == ["", Doubt.REPLAYED]


def test_a_removed_factor_stays_removed(url: str, postgres: PostgresDatabase) -> None:
    """A check that was under way does not bring it back."""
    factors = Factors(TableFiles(url, "totp"), vault(), Clock())
    factors.enrol(SYSTEM, PERSON)
    thread = threading.Thread(target=lambda: factors.remove(SYSTEM, PERSON))
    with TableFiles(url, "totp").held(f"{SYSTEM}/{PERSON}.json") as held:
        thread.start()
        wait_until(lambda: postgres.execute(WAITING) == [(1,)])
        held.after = held.content
    thread.join(PATIENCE)
    assert not factors.enrolled(SYSTEM, PERSON)


def test_a_drill_that_passed_here_counts_there(url: str) -> None:
    """The newest one, whichever machine it was done on."""
    made = story.plan()
    drills = Drills(TableFiles(url, "drills"))
    assert drills.last("aivo", made.procedure) is None
    drills.passed("aivo", made)
    drills.passed("aivo", made)
    assert Drills(TableFiles(url, "drills")).last("aivo", made.procedure) == made.prepared_at


async def test_evidence_is_written_once_whoever_writes(url: str) -> None:
    """Of many replicas one content is kept whole, and the others are told."""
    stores = [EvidenceStore(TableFiles(url, "evidence")) for _ in range(6)]
    contents = [bytes([number]) * 10_000 for number in range(6)]
    results = await asyncio.gather(
        *(store.put(NAME, each) for store, each in zip(stores, contents, strict=True)),
        return_exceptions=True,
    )
    won = [each for each, r in zip(contents, results, strict=True) if isinstance(r, Stored)]
    assert [await stores[0].read(NAME)] == won
    assert sum(isinstance(r, PermanentError) for r in results) == 5
    await stores[1].put(NAME, won[0])
    assert stores[1].pieces("INC-7") == (NAME,)


async def test_the_largest_piece_goes_in_and_comes_out(url: str) -> None:
    """As large as the table takes; it fits through a connection's limits."""
    store = EvidenceStore(TableFiles(url, "evidence"), largest=LARGEST_IN_TABLE)
    content = bytes(LARGEST_IN_TABLE)
    stored = await store.put("INC-7/dump", content)
    assert await store.find("INC-7/dump") == stored
    assert await store.read("INC-7/dump") == content


def test_a_database_without_the_table_says_what_to_do(postgres: PostgresDatabase) -> None:
    """Before the migration there is nothing to keep anything in."""
    with pytest.raises(JournalError, match="no table of files yet: run `backout migrate`"):
        TableFiles(postgres.owner_dsn, "totp").find(NAME)


def test_a_role_that_may_only_read_is_told_so(url: str, postgres: PostgresDatabase) -> None:
    """In the database's own words."""
    files = TableFiles(postgres.reader_dsn, "totp")
    assert files.find(NAME) is None
    with pytest.raises(FilesError, match="refuses: permission denied for table files"):
        files.put(NAME, b"x")


async def test_a_database_that_is_away_comes_back(url: str, postgres: PostgresDatabase) -> None:
    """No code is taken and no evidence kept meanwhile; both say so without a password."""
    files = TableFiles(url, "totp")
    factors = Factors(files, vault(), Clock())
    factors.enrol(SYSTEM, PERSON)
    postgres.server.stop()
    try:
        with pytest.raises(AwayError, match="does not answer") as away:
            factors.check(SYSTEM, PERSON, "123456")
        with pytest.raises(TransientError, match="Evidence can't be reached"):
            await EvidenceStore(files).put(NAME, b"x")
    finally:
        postgres.server.start()
    assert postgres.owner_dsn.partition("password=")[2].split()[0] not in str(away.value)
    assert place_of(url) in str(away.value)
    assert factors.enrolled(SYSTEM, PERSON)


def test_commands_work_with_the_database_alone(
    url: str, backout: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is enrolled and drilled is in the database, what is kept there is printed."""
    made = story.plan()

    async def make_plan(*_: Any, **__: Any) -> Plan:
        return made

    monkeypatch.setattr(wiring, "make_plan", make_plan)
    monkeypatch.setenv("BACKOUT_DATABASE_URL", url)
    monkeypatch.setenv("BACKOUT_CAPTURE_KEY", make_key())
    assert backout("totp", "enroll", PERSON, "--system", SYSTEM) == ExitCode.OK
    assert f"every bot that reads the database {place_of(url)}" in backout.err
    assert backout("totp", "enroll", PERSON, "--system", SYSTEM) == ExitCode.PROBLEM
    assert TableFiles(url, "totp").names() == (f"{SYSTEM}/{PERSON}.json",)
    assert backout("totp", "remove", PERSON, "--system", SYSTEM) == ExitCode.OK
    assert TableFiles(url, "totp").names() == ()

    assert backout("drill", SYSTEM, made.procedure) == ExitCode.OK
    assert f"kept in the database {place_of(url)}" in backout.out
    assert Drills(TableFiles(url, "drills")).last(SYSTEM, made.procedure) == made.prepared_at

    TableFiles(url, "evidence").put(NAME, b"a line\n")
    assert backout("evidence", "7") == ExitCode.OK
    assert kept_as(NAME, b"a line\n").sha256 in backout.out
    assert backout("evidence", NAME) == ExitCode.OK
    assert backout.out == "a line\n"
    assert backout("evidence", "8") == ExitCode.PROBLEM
    assert f"nothing is kept about INC-8 in the database {place_of(url)}" in backout.err
    assert not (tmp_path / "data").exists()


def test_a_command_says_that_the_database_is_away(
    backout: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, without the password."""
    monkeypatch.setenv("BACKOUT_DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/backout")
    monkeypatch.setenv("BACKOUT_CAPTURE_KEY", make_key())
    for words in (("totp", "enroll", PERSON, "--system", SYSTEM), ("evidence", "7")):
        assert backout(*words) == ExitCode.UNREACHABLE
        assert "the database 127.0.0.1:1/backout does not answer" in backout.err
        assert "hidden" not in backout.err
