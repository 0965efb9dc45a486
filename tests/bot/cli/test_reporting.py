"""`backout report`, from the journal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.failures import ExitCode
from flows import events
from flows.embedded import EmbeddedEngine
from tests.bot.cli.conftest import ACTOR, Cli

Declare = Callable[..., str]


def test_the_post_mortem_is_printed_as_markdown(
    backout: Cli, declare: Declare, engine: EmbeddedEngine
) -> None:
    """An incident that was aborted has its document, made from the journal beside the bot."""
    incident = declare()
    engine.feed(incident, events.AbortAsked(reason="false alarm"), actor=ACTOR, event_id="a1")

    assert backout("report", incident) == ExitCode.OK
    assert backout.out.startswith("# INC-1: checkout 5xx\n")
    assert "false alarm" in backout.out


def test_the_report_as_json(backout: Cli, declare: Declare) -> None:
    """Scripts get durations in seconds, and who decided what."""
    declare()

    assert backout("report", "1", "--json") == ExitCode.OK
    found = json.loads(backout.out)
    assert found["id"] == "INC-1"
    assert found["phases"][0]["state"] == "assess"
    assert found["seconds"] > 0


def test_a_report_of_no_incident_is_wrong_usage(backout: Cli, declare: Declare) -> None:
    """A wrong number names the last one."""
    declare()

    assert backout("report", "9") == ExitCode.USAGE
    assert "the last one is INC-1" in backout.err


def test_broken_files_of_a_system_do_not_stop_a_report(
    backout: Cli, declare: Declare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The journal is enough; only the follow-ups are missing, and that is said."""
    declare()
    monkeypatch.setenv("BACKOUT_SYSTEMS", str(tmp_path / "nowhere"))

    assert backout("report", "1") == ExitCode.OK
    assert "follow-ups are left out" in backout.err
