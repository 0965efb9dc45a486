"""`backout audit` and `backout migrate`: what people and scripts see of them."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli.failures import ExitCode
from flows import chains, events, migrating
from flows.embedded import EmbeddedEngine
from flows.journal import FILE
from tests.bot.cli.conftest import ACTOR, Cli
from tests.flows.bench import declaration

Declare = Callable[..., str]
NEWEST = migrating.latest(Path("any"))


def tamper(folder: Path, statement: str) -> None:
    """Change the journal behind the bot's back."""
    with closing(sqlite3.connect(folder / FILE)) as database, database:
        database.execute(statement)


def test_an_export_is_verified_as_a_file(backout: Cli, declare: Declare, tmp_path: Path) -> None:
    """Whole, it is told so; changed, it is named, and scripts see it by the code."""
    declare()
    backout("audit", "export")
    file = tmp_path / "export.jsonl"
    file.write_text(backout.out, encoding="utf-8")
    assert backout("audit", "verify", "--file", str(file)) == ExitCode.OK
    assert backout.out == "1 incident checked, 1 whole, 0 broken.\n"

    file.write_text(backout.out.replace("checkout", "nothing"), encoding="utf-8")
    backout("audit", "export")
    file.write_text(backout.out.replace("checkout", "nothing"), encoding="utf-8")
    assert backout("audit", "verify", "--file", str(file)) == ExitCode.PROBLEM
    assert "INC-1: event 1 (IncidentDeclared) was changed" in backout.out
    assert "0 whole, 1 broken" in backout.out


def test_findings_are_for_scripts_too(backout: Cli, declare: Declare, tmp_path: Path) -> None:
    """As JSON: the incident, the event, the kind of deed, the sentence."""
    declare()
    tamper(tmp_path / "data", "UPDATE runs SET system = 'other'")
    assert backout("audit", "verify", "--json") == ExitCode.PROBLEM
    found = json.loads(backout.out)
    assert found["incidents"] == ["INC-1"]
    assert [(each["incident"], each["kind"]) for each in found["findings"]] == [("INC-1", "state")]


def test_a_file_that_is_not_there_is_one_line(backout: Cli, tmp_path: Path) -> None:
    """No traceback."""
    assert backout("audit", "verify", "--file", str(tmp_path / "none")) == ExitCode.PROBLEM
    assert backout.err.count("\n") == 1


def test_a_backup_is_made_beside_a_running_bot(
    backout: Cli, declare: Declare, engine: EmbeddedEngine, tmp_path: Path
) -> None:
    """It is whole, one file, readable in a folder of its own, and never replaces another."""
    incident = declare()
    folder = tmp_path / "restored"
    folder.mkdir()
    assert backout("audit", "backup", str(folder / FILE)) == ExitCode.OK
    assert [each.name for each in folder.iterdir()] == [FILE]
    engine.feed(incident, events.NoteAdded(text="later"), actor=ACTOR, event_id="n1")

    assert backout("audit", "backup", str(folder / FILE)) == ExitCode.PROBLEM
    assert "a backup is never replaced" in backout.err
    with closing(sqlite3.connect(folder / FILE)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_migrate_says_what_it_did(backout: Cli, tmp_path: Path) -> None:
    """Up, status, down, dry: each in a line that names the migration."""
    names = migrating.known(Path("any"))
    assert backout("migrate", "--status") == ExitCode.PROBLEM
    assert "Run `backout migrate`." in backout.out
    assert backout("migrate", "--dry-run") == ExitCode.OK
    assert f"would go up to {names[0]}" in backout.out
    assert not (tmp_path / "data" / FILE).exists()

    assert backout("migrate") == ExitCode.OK
    assert [f"went up to {name}" for name in names] == backout.out.splitlines()[:-1]
    assert backout("migrate") == ExitCode.OK
    assert "Nothing to do" in backout.out
    assert backout("migrate", "--status") == ExitCode.OK
    assert backout("migrate", "--down") == ExitCode.OK
    assert f"went back before {names[-1]}" in backout.out
    assert backout("migrate", "--to", str(NEWEST)) == ExitCode.OK


def test_migrate_leaves_a_running_bot_alone(backout: Cli, engine: EmbeddedEngine) -> None:
    """The folder is the bot's; somebody who wants to migrate stops it first."""
    assert backout("migrate", "--down") == ExitCode.BUSY
    assert "another Backout is running" in backout.err
    assert backout("migrate", "--status") == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--to", "99"), ExitCode.PROBLEM, f"knows 0 (nothing) to {NEWEST}"),
        (("--down", "--to", "1"), ExitCode.USAGE, "not both"),
    ],
)
def test_what_can_not_be_is_refused(
    backout: Cli, arguments: tuple[str, ...], code: ExitCode, words: str
) -> None:
    """With what can be."""
    assert backout("migrate", *arguments) == code
    assert words in backout.err


def test_going_down_asks_before_it_loses(backout: Cli, tmp_path: Path) -> None:
    """What is in the tables is named; `--yes` is the word."""
    backout("migrate")
    tamper(tmp_path / "data", "INSERT INTO deliveries VALUES ('k', 'C1', '1.0')")
    assert backout("migrate", "--to", "0") == ExitCode.PROBLEM
    assert "deliveries (1)" in backout.err
    assert backout("migrate", "--to", "0", "--yes") == ExitCode.OK


def test_an_anchor_shows_that_a_chain_was_made_anew(
    backout: Cli, declare: Declare, engine: EmbeddedEngine, tmp_path: Path
) -> None:
    """The chain holds in itself; held against the anchor it does not."""
    incident = declare()
    engine.feed(incident, events.NoteAdded(text="database is fine"), actor=ACTOR, event_id="n1")
    assert backout("audit", "anchor") == ExitCode.OK
    assert "keep this line where the bot can't write" in backout.err
    file = tmp_path / "anchors.txt"
    file.write_text(f"copied from the channel:\n{backout.out}", encoding="utf-8")
    verify = ("audit", "verify", "--anchors", str(file))
    assert backout(*verify) == ExitCode.OK
    assert "Compared with 1 anchor" in backout.out

    forge(tmp_path / "data", "database is fine", "database is gone")
    assert backout("audit", "verify") == ExitCode.OK
    assert backout(*verify) == ExitCode.PROBLEM
    assert "INC-1: its record was rewritten between event 1 and event 2, after " in backout.out


def forge(folder: Path, old: str, new: str) -> None:
    """Change what was said, and make everything anew that would tell: hashes and state."""
    with closing(sqlite3.connect(folder / FILE)) as database, database:
        database.row_factory = sqlite3.Row
        prev = chains.GENESIS
        for row in map(dict, database.execute("SELECT * FROM events ORDER BY seq").fetchall()):
            forged = row | {"body": row["body"].replace(old, new), "prev": prev}
            prev = chains.seal(forged)
            database.execute(
                "UPDATE events SET body = ?, prev = ?, hash = ? WHERE seq = ?",
                (forged["body"], forged["prev"], prev, row["seq"]),
            )
        database.execute("UPDATE runs SET snapshot = replace(snapshot, ?, ?)", (old, new))


def test_a_file_without_anchors_is_wrong_usage(backout: Cli, declare: Declare) -> None:
    """It must not pass for a comparison."""
    declare()
    assert backout("audit", "verify", "--anchors", __file__) == ExitCode.USAGE
    assert "there is no anchor in it" in backout.err


def test_an_anchor_goes_to_the_places_that_are_set(
    backout: Cli, declare: Declare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that can't be reached is told, and the code says so."""
    declare()
    file = tmp_path / "anchors.jsonl"
    monkeypatch.setenv("BACKOUT_ANCHOR", f"file:{file}")
    assert backout("audit", "anchor") == ExitCode.OK
    assert backout("audit", "verify", "--anchors", str(file)) == ExitCode.OK
    monkeypatch.setenv("BACKOUT_ANCHOR", "http://127.0.0.1:1/hunter2")
    assert backout("audit", "anchor") == ExitCode.UNREACHABLE
    assert "no anchor was written to http" in backout.err
    assert "hunter2" not in backout.err


def test_prune_tells_what_it_removes(
    backout: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing without a rule; with one, what it lets go, and first only in words."""
    engine = EmbeddedEngine(tmp_path / "data", clock=lambda: datetime(2020, 1, 1, tzinfo=UTC))
    engine.declare("shop", declaration, actor=ACTOR, event_id="d1")
    aborted = events.AbortAsked(reason="a mistake")
    engine.feed("INC-1", aborted, actor=ACTOR, event_id="a1")
    engine.close()
    assert backout("audit", "prune") == ExitCode.OK
    assert backout.out == "BACKOUT_RETENTION sets no rule: everything is kept.\n"

    monkeypatch.setenv("BACKOUT_RETENTION", "journal=365d")
    gone = "INC-1: journal, by the rule journal=365d\n"
    assert backout("audit", "prune", "--dry-run") == ExitCode.OK
    assert backout.out == f"{gone}1 would be removed.\n"
    assert backout("audit", "prune") == ExitCode.OK
    assert backout.out == f"{gone}1 removed.\n"
    assert backout("show", "INC-1") == ExitCode.USAGE
    assert backout("audit", "verify") == ExitCode.OK
