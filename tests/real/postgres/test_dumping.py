"""Dumps of a real PostgreSQL, by its own pg_dump."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.postgres import archives, programs
from flows.actions import (
    Holds,
    InterruptedByHoldError,
    PermanentError,
    Refuted,
    TransientError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.postgres.schools import School
from tests.real.services.postgres import tool

pytestmark = pytest.mark.real

Within = Callable[..., FakeContext]
Uses = Callable[..., Use]
Connect = Callable[..., psycopg.Connection[Any]]


def whole(folder: Path, parts: list[str], into: Path) -> Path:
    """Put the parts behind one another."""
    into.write_bytes(b"".join((folder / each).read_bytes() for each in parts))
    return into


@pytest.mark.covers("AIVO-R17")
async def test_a_dump_can_be_restored(
    main: School,
    recovered: School,
    within: Within,
    use: Uses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its parts are an archive that pg_restore loads; it is hashed, and found by a repeat."""
    monkeypatch.setattr(archives, "PART", 512)
    context = within(main=main.base.reader_dsn)
    dump = use(context, "postgres.dump", database="main", tables=["public.grades"])
    preview = await dump.preview()
    assert "1 table" in preview.summary
    assert not preview.in_place
    await dump.apply()
    verdict = await dump.outcome()
    assert isinstance(verdict, Holds)
    assert len(verdict.output["parts"]) > 1
    file = whole(tmp_path / "evidence", list(verdict.output["parts"]), tmp_path / "whole")
    assert file.stat().st_size == verdict.output["size"]
    recovered.base.execute("TRUNCATE grades")
    restore = [tool("pg_restore"), "--data-only", "--dbname", recovered.base.owner_dsn, str(file)]
    await asyncio.to_thread(subprocess.run, restore, check=True, capture_output=True)
    assert recovered.grade(1) == "1.30"
    assert (await dump.preview()).in_place
    before = sorted((tmp_path / "evidence").rglob("*"))
    main.base.execute("DELETE FROM grades")
    await dump.action.apply(dump.inputs, dump.captured, context)
    assert sorted((tmp_path / "evidence").rglob("*")) == before


async def test_a_dump_that_was_tampered_with_is_none(
    main: School, within: Within, use: Uses, tmp_path: Path
) -> None:
    """The hash is compared with the content, and not with itself."""
    dump = use(within(main=main.base.reader_dsn), "postgres.dump", database="main")
    assert isinstance(await dump.verify(), Refuted)
    await dump.apply()
    verdict = await dump.outcome()
    assert isinstance(verdict, Holds)
    part = tmp_path / "evidence" / verdict.output["parts"][0]
    part.chmod(0o600)
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    assert isinstance(await dump.verify(), Refuted)


async def test_what_can_t_be_read_is_said_before(main: School, within: Within, use: Uses) -> None:
    """A missing right, a missing table, a missing program: each in a sentence, in the preview."""
    context = within(main=main.keeper_dsn)
    with pytest.raises(PermanentError, match=r"may not read public\.grades, public\.students"):
        await use(context, "postgres.dump", database="main").preview()
    context = within(main=main.base.reader_dsn)
    absent = use(context, "postgres.dump", database="main", tables="public.nothing")
    with pytest.raises(PermanentError, match=r"does not have all of public\.nothing"):
        await absent.preview()


async def test_a_missing_program_is_named(
    main: School, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which one, and what to install."""
    monkeypatch.setattr(programs, "FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    dump = use(within(main=main.base.reader_dsn), "postgres.dump", database="main")
    with pytest.raises(PermanentError, match=r"pg_dump 15 or newer.*postgresql-client-15"):
        await dump.preview()


async def test_a_password_stays_out_of_the_command_line(
    main: School, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process of the machine can read how another one was called."""
    lines: list[str] = []
    started = asyncio.create_subprocess_exec

    async def noted(*line: str, **rest: Any) -> Any:
        lines.extend(line)
        return await started(*line, **rest)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    dump = use(within(main=main.base.reader_dsn), "postgres.dump", database="main")
    await dump.apply()
    password = psycopg.conninfo.conninfo_to_dict(main.base.reader_dsn)["password"]
    assert any("pg_dump" in each for each in lines)
    assert not any(str(password) in each for each in lines)


async def test_a_dump_waits_for_no_lock_and_no_hold(
    main: School, within: Within, use: Uses, connect: Connect, tmp_path: Path
) -> None:
    """A hold ends it while it waits for a table; nothing but parts of a dump is left."""
    context = within(main=main.base.reader_dsn)
    context.holds_after = 2
    dump = use(context, "postgres.dump", database="main")
    dump.captured = await dump.action.capture(dump.inputs, dump._enter())
    migrator = connect(main.base.owner_dsn)
    migrator.execute("LOCK TABLE grades IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(InterruptedByHoldError):
        await dump.action.apply(dump.inputs, dump.captured, context)
    migrator.rollback()
    assert isinstance(await dump.verify(), Refuted)
    assert not list((tmp_path / "evidence").rglob("*.json"))


async def test_a_dump_that_breaks_off_is_none(
    main: School, within: Within, use: Uses, connect: Connect
) -> None:
    """Its session is ended in the middle: nothing was changed, and the next attempt dumps."""
    context = within(main=main.base.reader_dsn)
    dump = use(context, "postgres.dump", database="main")
    dump.captured = await dump.action.capture(dump.inputs, dump._enter())
    migrator = connect(main.base.owner_dsn)
    migrator.execute("LOCK TABLE grades IN ACCESS EXCLUSIVE MODE")
    under_way = asyncio.ensure_future(dump.action.apply(dump.inputs, dump.captured, context))
    ended: list[Any] = []
    for _ in range(600):
        ended = main.server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name IN ('backout INC-7/step', 'pg_dump') AND datname = %s",
            main.base.name,
        )
        if ended or under_way.done():
            break
        await asyncio.sleep(0.05)
    assert ended
    with pytest.raises(TransientError, match="broke off"):
        await under_way
    migrator.rollback()
    assert isinstance(await dump.verify(), Refuted)
    context.key = "INC-7/step/2"
    await dump.action.apply(dump.inputs, dump.captured, context)
    assert isinstance(await dump.action.verify(dump.inputs, dump.captured, context), Holds)


async def test_a_dump_that_grows_too_large_is_given_up(
    main: School, within: Within, use: Uses
) -> None:
    """The limit is kept while it grows, and the preview warns of it."""
    main.base.execute(
        "CREATE TABLE noise AS SELECT gen_random_uuid() FROM generate_series(1, 90000)"
    )
    context = within(main=main.base.reader_dsn)
    dump = use(context, "postgres.dump", database="main", largest=1)
    assert any("given up at 1 MiB" in each for each in (await dump.preview()).warnings)
    with pytest.raises(PermanentError, match="grows beyond 1 MiB"):
        await dump.apply()
    assert isinstance(await dump.verify(), Refuted)


def test_a_manifest_reads_as_it_is_written() -> None:
    """What is kept is what is put out."""
    made = archives.Manifest(name="n", sha256="0", size=1, entries=2, parts=("a", "b"))
    again = json.loads(json.dumps(made.plain()))
    assert archives.Manifest(**again | {"parts": tuple(again["parts"])}) == made
