"""`backout plan`: its inputs, and how it prints."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bot import wiring
from bot.cli.failures import CommandError, ExitCode
from bot.cli.planning import read_inputs
from config.models.procedures import Procedure
from config.settings import Settings
from flows.actions import TransientError
from flows.planning import PlanningError
from flows.plans import Plan
from tests.bot import story
from tests.bot.cli.conftest import Cli

PROCEDURE = Procedure.model_validate(
    {
        "procedure": "service",
        "title": "Return",
        "class": "application",
        "target": "availability",
        "inputs": {
            "release": {"default": "aivo-platform"},
            "replicas": {"default": 3},
            "force": {"default": False},
        },
    }
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """Plans that need no estate, and what was asked for."""
    calls: list[Mapping[str, Any]] = []

    async def make_plan(_: Settings, system: str, procedure: str, **more: Any) -> Plan:
        calls.append({"system": system, "procedure": procedure, **more})
        return story.plan()

    monkeypatch.setattr(wiring, "make_plan", make_plan)
    return calls


def test_a_plan_prints_what_would_change(backout: Cli, asked: list[Mapping[str, Any]]) -> None:
    """Changes are marked, counts stand at the end, and a pipe gets no colours."""
    assert backout("plan", "virtual-brain", "service", "-i", "release=other") == ExitCode.OK
    assert "~ Roll back to the last good release" in backout.out
    assert "Plan: 2 to change, 0 to interrupt, 0 to destroy" in backout.out
    assert "\x1b[" not in backout.out
    assert asked == [{"system": "aivo", "procedure": "service", "inputs": {"release": "other"}}]


def test_a_plan_as_json_has_the_digest(backout: Cli, asked: list[Mapping[str, Any]]) -> None:
    """Scripts can compare what they saw with what people approve."""
    assert backout("plan", "aivo", "service", "--json") == ExitCode.OK
    assert json.loads(backout.out)["digest"] == story.plan().digest
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aivoo", "service"], "there is no system `aivoo`: did you mean aivo"),
        (["aivo", "servic"], "aivo has no procedure `servic`: did you mean service?"),
        (["aivo", "data"], "data needs --input time=…"),
        (["aivo", "service", "-i", "relase=x"], "no input `relase`: did you mean `release`?"),
        (["aivo", "service", "-i", "release"], "write name=value"),
    ],
)
def test_a_misspelt_word_is_wrong_usage(backout: Cli, arguments: list[str], said: str) -> None:
    """Nothing is looked at before the words make sense."""
    assert backout("plan", *arguments) == ExitCode.USAGE
    assert said in backout.err


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (TransientError("the cluster does not answer"), ExitCode.UNREACHABLE),
        (None, ExitCode.PROBLEM),
    ],
)
def test_a_plan_that_can_not_be_made_says_why(
    backout: Cli, monkeypatch: pytest.MonkeyPatch, cause: Exception | None, code: ExitCode
) -> None:
    """A cluster that is away is told apart from a plan that makes no sense."""

    async def make_plan(*_: Any, **__: Any) -> Plan:
        raise PlanningError("“Find the last good release” could not look") from cause

    monkeypatch.setattr(wiring, "make_plan", make_plan)

    assert backout("plan", "aivo", "service") == code
    assert backout.err == "“Find the last good release” could not look\n"


def test_inputs_have_the_type_of_their_defaults() -> None:
    """A number is a number and a yes is true; everything else is text."""
    given = ["release=7", "replicas=5", "force=yes"]

    assert read_inputs(PROCEDURE, given) == {"release": "7", "replicas": 5, "force": True}


@pytest.mark.parametrize("pair", ["replicas=many", "force=perhaps"])
def test_an_input_of_another_type_is_wrong_usage(pair: str) -> None:
    """What can't be meant is refused before anything is looked at."""
    with pytest.raises(CommandError) as caught:
        read_inputs(PROCEDURE, [pair])

    assert caught.value.code is ExitCode.USAGE
