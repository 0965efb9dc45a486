"""Starts on a shared database that is not as it should be: a sentence, and the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bot.cli.failures import ExitCode, explain
from flows import migrating
from flows.opening import Place, open_engine
from tests.real.processes import free_port
from tests.real.services.postgres import PostgresDatabase


def refusal(url: str) -> tuple[str, ExitCode]:
    """Return how an attempt to open the journal ends, as the command line says it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 what it is worth is looked at below
        open_engine(Place(folder=Path("/nowhere"), url=url)).close()
    explained = explain(caught.value)
    assert explained is not None, repr(caught.value)
    (line,), code = explained
    assert "\n" not in line
    return line, code


def test_a_database_without_a_journal(postgres: PostgresDatabase) -> None:
    """It says which command makes the tables."""
    line, code = refusal(postgres.owner_dsn)
    assert "has no tables of Backout yet: run `backout migrate`" in line
    assert code is ExitCode.PROBLEM


def test_an_older_and_a_newer_schema(postgres: PostgresDatabase, url: str) -> None:
    """An older one asks for a migration, a newer one for the newer version."""
    migrating.migrate(url, 0)
    migrating.migrate(url)
    for change, wanted in (
        ("UPDATE backout.schema_version SET version = version - 1", "run `backout migrate`"),
        (
            "UPDATE backout.schema_version SET version = 99, serves = 99",
            "start the newer version again",
        ),
    ):
        postgres.execute(change)
        line, code = refusal(url)
        assert wanted in line
        assert code is ExitCode.PROBLEM


def test_a_wrong_password(postgres: PostgresDatabase, url: str) -> None:
    """Who is not let in is told so, without the password, and does not wait for it."""
    wrong = postgres.server.dsn(postgres.name, postgres.owner, "hunter2-not-it")
    line, code = refusal(wrong)
    assert "does not let Backout in" in line
    assert "hunter2" not in line
    assert code is ExitCode.PROBLEM
    missing = postgres.server.dsn("nowhere_at_all")
    assert "does not exist" in refusal(missing)[0]


def test_no_server_at_all() -> None:
    """Where nobody answers, the code says that something is not reachable."""
    line, code = refusal(f"postgresql://backout:hunter2@127.0.0.1:{free_port()}/backout")
    assert "is not reached: Connection refused" in line
    assert "hunter2" not in line
    assert code is ExitCode.UNREACHABLE


def test_serve_says_it_and_ends(tmp_path: Path, postgres: PostgresDatabase) -> None:
    """`backout serve` on an empty database ends with the sentence, and nothing else is said."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "serve"],
        env=os.environ
        | {
            "SLACK_BOT_TOKEN": "xoxb-none",
            "SLACK_APP_TOKEN": "xapp-none",
            "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/",
            "BACKOUT_DATA": str(tmp_path),
            "BACKOUT_DATABASE_URL": postgres.owner_dsn,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == ExitCode.PROBLEM
    assert "run `backout migrate`" in done.stderr
    assert "Traceback" not in done.stderr
    assert str(psycopg.conninfo.conninfo_to_dict(postgres.owner_dsn)["password"]) not in done.stderr
