"""`backout incidents`, `show` and `audit`, beside a running engine."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.failures import ExitCode
from flows import events
from flows.embedded import EmbeddedEngine
from tests.bot.cli.conftest import ACTOR, Cli

Declare = Callable[..., str]


def test_without_a_journal_it_says_where_it_looked(backout: Cli) -> None:
    """A wrong BACKOUT_DATA is the usual reason."""
    assert backout("incidents") == ExitCode.PROBLEM
    assert "BACKOUT_DATA" in backout.err


def test_an_empty_journal_has_no_incidents(backout: Cli, engine: EmbeddedEngine) -> None:
    """Nothing open is an answer, not an error."""
    assert backout("incidents") == ExitCode.OK
    assert "No incident is open" in backout.out


def test_open_incidents_are_listed_while_the_bot_runs(backout: Cli, declare: Declare) -> None:
    """The journal is read beside the process that writes it."""
    declare()

    assert backout("incidents") == ExitCode.OK
    assert "INC-1" in backout.out
    assert "ASSESS" in backout.out
    assert "checkout 5xx" in backout.out


def test_a_reason_can_not_drive_the_terminal(backout: Cli, declare: Declare) -> None:
    """What people typed is shown, not obeyed: neither control codes nor markup."""
    declare(reason="\x1b[31mred [bold]x[/bold]")

    backout("incidents")
    assert "\x1b" not in backout.out
    assert "[bold]x[/bold]" in backout.out
    backout("show", "1")
    assert "\x1b" not in backout.out


def test_incidents_as_json(backout: Cli, declare: Declare) -> None:
    """Scripts get state, system and times."""
    declare()

    assert backout("incidents", "--json") == ExitCode.OK
    found = json.loads(backout.out)
    assert [(each["id"], each["state"], each["system"]) for each in found] == [
        ("INC-1", "assess", "aivo")
    ]


@pytest.mark.parametrize("written", ["INC-1", "inc-1", "1"])
def test_an_incident_is_found_however_it_is_written(
    backout: Cli, declare: Declare, written: str
) -> None:
    """People write the number in several ways."""
    declare()

    assert backout("show", written) == ExitCode.OK
    assert "INC-1" in backout.out
    assert "Marcus Rodriguez" in backout.out


def test_the_timeline_has_what_people_wrote(
    backout: Cli, declare: Declare, engine: EmbeddedEngine
) -> None:
    """Notes are in the timeline, with who and when."""
    incident = declare()
    engine.feed(incident, events.NoteAdded(text="database is fine"), actor=ACTOR, event_id="n1")

    backout("show", incident)

    assert "database is fine" in backout.out


def test_an_unknown_incident_names_the_last_one(backout: Cli, declare: Declare) -> None:
    """A wrong number is wrong usage."""
    declare()

    assert backout("show", "INC-9") == ExitCode.USAGE
    assert backout.err == "the journal has no INC-9: the last one is INC-1\n"


def test_something_else_is_no_incident(backout: Cli, engine: EmbeddedEngine) -> None:
    """A channel's name is not an incident's id."""
    assert backout("show", "#inc-1-checkout") == ExitCode.USAGE
    assert "write INC-7, or 7" in backout.err


def test_a_whole_chain_is_whole(backout: Cli, declare: Declare) -> None:
    """An untouched journal verifies."""
    declare()

    assert backout("audit", "verify") == ExitCode.OK
    assert backout.out == "1 incident checked, 1 whole, 0 broken.\n"


def test_a_changed_event_breaks_the_chain(backout: Cli, declare: Declare, tmp_path: Path) -> None:
    """Somebody who edits a reason afterwards is found out, with the place."""
    declare()
    database = sqlite3.connect(tmp_path / "data" / "journal.db")
    with database:
        database.execute("UPDATE events SET body = replace(body, 'checkout', 'nothing')")
    database.close()

    assert backout("audit", "verify", "INC-1") == ExitCode.PROBLEM
    assert "INC-1: event 1 (IncidentDeclared) was changed: its content no longer" in backout.out


def test_the_export_is_one_json_object_an_event(backout: Cli, declare: Declare) -> None:
    """Each line stands for itself and carries its hash."""
    declare()

    assert backout("audit", "export", "1") == ExitCode.OK
    *lines, end = [json.loads(line) for line in backout.out.splitlines()]
    assert end == {"incident": "INC-1", "ends": 1}
    assert [each["kind"] for each in lines] == ["IncidentDeclared"]
    assert len(lines[0]["hash"]) == 64
