"""A command line to run, and a journal with an incident in it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from flows import events
from flows.embedded import EmbeddedEngine
from flows.gates import Person

MARCUS = Person(id="marcus-rodriguez", name="Marcus Rodriguez", roles=("oncall",))
ACTOR = events.Actor(id=MARCUS.id, name=MARCUS.name)
START = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


class Cli:
    """Runs commands in process and keeps what they said."""

    def __init__(self) -> None:
        self._runner = CliRunner()
        self.code = -1
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run a command and return its exit code."""
        result = self._runner.invoke(app, list(arguments), prog_name="backout")
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr
        return self.code


@pytest.fixture
def backout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """A command line with a data folder of its own and nothing else in its environment."""
    monkeypatch.setenv("BACKOUT_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return Cli()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """The engine of that data folder, with a clock that advances a second a look."""
    ticks = iter(START + timedelta(seconds=n) for n in range(1_000))
    opened = EmbeddedEngine(tmp_path / "data", clock=lambda: next(ticks))
    yield opened
    opened.close()


@pytest.fixture
def declare(engine: EmbeddedEngine) -> Callable[..., str]:
    """Declare an incident and return its id."""

    def make(system: str = "aivo", reason: str = "checkout 5xx") -> str:
        def declaration(incident: str) -> events.IncidentDeclared:
            return events.IncidentDeclared(
                incident=incident,
                system=system,
                system_title="AIVO Virtual Brain",
                environment="production",
                reason=reason,
                severity="critical",
                rto=600,
                rto_limit=1200,
                target_title="Service availability",
                assess_budget=180,
                questions=(),
                answers={},
                channel_name="inc-1-checkout-5xx",
                origin=None,
                declared_by=MARCUS,
            )

        event_id = f"msg:C0:{system}"
        return engine.declare(system, declaration, actor=ACTOR, event_id=event_id).run.id

    return make
