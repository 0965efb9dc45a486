"""The command line as a whole: help, start-up, and what a mistake looks like."""

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from bot.cli.app import Commands
from bot.cli.failures import CommandError, ExitCode, explain
from config.places import ConfigurationError, Place, Problem
from config.settings import SettingsError
from flows.actions import PermanentError, TransientError, UnknownActionError
from flows.embedded import BusyError
from flows.engine import JournalError
from tests.bot.cli.conftest import Cli

HEAVY = ("rich", "pydantic", "slack_sdk", "slack_bolt", "aiohttp", "kubernetes", "flows", "config")


def test_without_arguments_it_helps(backout: Cli) -> None:
    """Somebody who types only `backout` sees every command and the exit codes."""
    backout()

    said = backout.out + backout.err
    for command in ("serve", "demo", "check", "plan", "actions", "incidents", "audit"):
        assert command in said
    assert "Exit codes" in said


def test_help_imports_nothing_heavy() -> None:
    """Help answers at once, because commands import what they need when they run."""
    program = (
        "import sys, json\n"
        "from bot.cli.app import app\n"
        "try:\n    app(['--help'], prog_name='backout')\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "Usage: backout" in done.stdout
    assert loaded.isdisjoint(HEAVY)


def test_a_misspelt_command_names_the_near_one(backout: Cli) -> None:
    """`backout cheque` is wrong usage and says what was probably meant."""
    assert backout("chekc") == ExitCode.USAGE
    assert "check" in backout.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("no"), ExitCode.PROBLEM),
        (CommandError("no", ExitCode.USAGE), ExitCode.USAGE),
        (BusyError("another Backout is running"), ExitCode.BUSY),
        (JournalError("journal.db is not there"), ExitCode.PROBLEM),
        (UnknownActionError("there is no action"), ExitCode.USAGE),
        (TransientError("the cluster does not answer"), ExitCode.UNREACHABLE),
        (PermanentError("the release is not there"), ExitCode.PROBLEM),
        (SettingsError(["SLACK_BOT_TOKEN is not set"]), ExitCode.PROBLEM),
        (FileNotFoundError(2, "No such file or directory", "x.md"), ExitCode.PROBLEM),
    ],
)
def test_what_people_can_mend_is_one_line_and_a_code(error: Exception, code: ExitCode) -> None:
    """Every expected error is explained in a line, with its documented code."""
    explained = explain(error)

    assert explained is not None
    assert len(explained[0]) == 1
    assert explained[1] is code


def test_a_broken_file_is_a_line_a_problem() -> None:
    """A configuration error keeps its places."""
    place = Place(path="people.yaml", line=3, column=5)
    error = ConfigurationError([Problem(place=place, message="expected text")])

    assert explain(error) == (["people.yaml:3:5: expected text"], ExitCode.PROBLEM)


def test_a_bug_is_no_explanation() -> None:
    """What nobody foresaw is not dressed up as the person's mistake."""
    assert explain(ZeroDivisionError("division by zero")) is None


def _failing() -> typer.Typer:
    failing = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @failing.callback()
    def main(debug: bool = False) -> None:
        """A program with a bug."""

    @failing.command()
    def fail() -> None:
        raise ZeroDivisionError("division by zero")

    return failing


def test_a_bug_shows_no_traceback() -> None:
    """A person gets two lines and a way to report it."""
    result = CliRunner().invoke(_failing(), ["fail"])

    assert result.exit_code == ExitCode.PROBLEM
    assert "mistake of its own: ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bug_shows_its_traceback_with_debug() -> None:
    """With --debug the exception comes out as it is."""
    result = CliRunner().invoke(_failing(), ["--debug", "fail"])

    assert isinstance(result.exception, ZeroDivisionError)


def test_the_version_is_the_packages(backout: Cli) -> None:
    """`backout version` prints what is installed."""
    assert backout("version") == ExitCode.OK
    assert backout.out.startswith("backout 0.")


def test_serve_names_what_slack_needs(backout: Cli) -> None:
    """Without tokens the bot says which, and where they are found, before anything starts."""
    assert backout("serve") == ExitCode.PROBLEM
    assert "SLACK_BOT_TOKEN is not set" in backout.err
    assert "Traceback" not in backout.err
