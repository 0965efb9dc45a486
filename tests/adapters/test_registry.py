"""The registry finds every action, and every action keeps the contract's formalities."""

import inspect
import subprocess
import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

import adapters
from adapters import reference
from adapters.registry import ActionRegistry, DuplicateActionError, discover
from flows.actions import Action, Effect, JsonObject, Permission, Reading, UnknownActionError
from tests.adapters.fakes import system_for

ACTIONS = ActionRegistry().all()
HEAVY = ("kubernetes", "httpx", "aiohttp", "celpy", "jinja2", "ruamel", "yaml", "slack_sdk")
SYSTEM = system_for(kubernetes={"context": "c", "namespace": "production"})


def named(action: Action) -> str:
    """Name a test after its action."""
    return action.uses


@pytest.mark.parametrize("action", ACTIONS, ids=named)
def test_docstring_says_effect_and_errors(action: Action) -> None:
    """Every action says in its docstring what it does, its effect, its units and its errors."""
    told = inspect.cleandoc(type(action).__doc__ or "")
    assert told.partition("\n")[0].endswith(".")
    for word in ("Effect: ", "Errors: "):
        assert word in told
    assert f"Effect: {action.effect}" in told


@pytest.mark.parametrize("action", ACTIONS, ids=named)
def test_models_are_described_and_example_validates(action: Action) -> None:
    """Inputs and output are models of their own, and the example is one that they take."""
    inputs = action.Inputs.model_validate(action.example)
    assert action.Inputs.model_validate(inputs.model_dump(mode="json")) == inputs
    assert action.Inputs.__doc__
    assert action.Output.__doc__
    assert action.Inputs is not action.Output


@pytest.mark.parametrize("action", ACTIONS, ids=named)
def test_permissions_are_computed_from_inputs(action: Action) -> None:
    """Rights are known without a connection, and pinned to the namespace."""
    inputs = action.Inputs.model_validate(action.example)
    permissions = action.permissions(inputs, SYSTEM)
    assert all(isinstance(each, Permission) for each in permissions)
    assert all(each.scope == "production" for each in permissions if each.kind == "kubernetes")
    if action.uses.startswith(("kubernetes.", "helm.")):
        assert permissions


@pytest.mark.parametrize("action", ACTIONS, ids=named)
def test_effect_fits_the_base(action: Action) -> None:
    """What only looks derives from Reading; what is undoable overrides undo."""
    assert isinstance(action, Reading) == (action.effect is Effect.READS)
    if action.undoable:
        assert type(action).undo is not Action.undo


def test_unknown_name_lists_near_ones() -> None:
    """A misspelt name is answered with the ones that may be meant."""
    with pytest.raises(UnknownActionError, match=r"did you mean helm\.rollback"):
        ActionRegistry().find("helm.rolback")
    with pytest.raises(UnknownActionError, match="backout actions"):
        ActionRegistry().find("zzz")


def test_problems_point_at_inputs() -> None:
    """Missing, unknown and wrong inputs are reported with their path."""
    registry = ActionRegistry()
    assert registry.problems("helm.rollback", {"relase": "x", "revision": "soon"}) == [
        (("release",), 'the input "release" is missing'),
        (
            ("revision",),
            "Input should be a valid integer, unable to parse string as an integer",
        ),
        (("relase",), 'there is no input "relase": did you mean release?'),
    ]


def test_problems_leave_templates_alone() -> None:
    """An input that is resolved later counts as given and is not judged."""
    given: dict[str, Any] = {
        "release": "{{ inputs.release }}",
        "revision": "{{ steps.h.last_good }}",
    }
    late = frozenset({"release", "revision"})
    assert ActionRegistry().problems("helm.rollback", given, late) == []
    message = {"channel": "x", "message": "{{ facts.template }}"}
    assert ActionRegistry().problems("slack.post", message, frozenset({"message"})) == []


def test_problems_of_an_unknown_action() -> None:
    """A name that is not there is one problem, at the step itself."""
    ((path, message),) = ActionRegistry().problems("helm.rolback", {})
    assert path == ()
    assert "did you mean helm.rollback" in message


def test_importing_the_registry_loads_no_sdk() -> None:
    """Start-up does not pay for what a system does not use."""
    code = (
        "import sys; from adapters.registry import ActionRegistry; ActionRegistry();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_duplicate_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes under one name stop the start."""
    real = ActionRegistry().find("http.check")

    class Twin(type(real)):  # type: ignore[misc]  # the class is chosen at run time
        """The same name again."""

        uses: ClassVar[str] = "http.check"
        example: ClassVar[JsonObject] = {}

    def both(package: ModuleType) -> list[type[Action]]:
        return [type(real), Twin]

    monkeypatch.setattr("adapters.registry._concrete", both)
    with pytest.raises(DuplicateActionError, match=r"http\.check is claimed by"):
        discover(adapters)


def test_reference_names_every_action_and_input() -> None:
    """The generated reference has a section an action with all its inputs and its example."""
    text = reference.markdown(ACTIONS)
    for action in ACTIONS:
        section = text.partition(f"\n## {action.uses}\n")[2].partition("\n## ")[0]
        assert all(f"`{name}`" in section for name in action.Inputs.model_fields)
        assert f"uses: {action.uses}" in section


def test_unknown_keys_are_refused() -> None:
    """A misspelt input never silently means the default."""
    for action in ACTIONS:
        with pytest.raises(ValidationError):
            action.Inputs.model_validate({**action.example, "no_such_input": 1})
