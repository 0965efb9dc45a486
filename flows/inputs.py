"""What a person gives a procedure beside its name: `name=value`, read by the type of the default.

Called by the command line, by the commands in Slack, and by `flows.planning`.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from config import expressions
from config.models.procedures import Procedure, ProcedureInput, Step
from config.places import did_you_mean
from flows.plans import Scalar

GIVEN = ("inputs", "system")
LONGEST = 500
"""Characters of one input at most."""
BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


class InputError(Exception):
    """What was given is no input of the procedure.  The message says what would be one."""


def read(procedure: Procedure, pairs: Sequence[str]) -> dict[str, Scalar]:
    """Read `name=value` pairs, each as what its default is; raise `InputError`."""
    values: dict[str, Scalar] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise InputError(f"`{pair}` is no input: write name=value")
        if len(text) > LONGEST:
            raise InputError(f"what is given for `{name}` is longer than {LONGEST} characters")
        if name not in procedure.inputs:
            hint = did_you_mean(name, procedure.inputs) or "it takes none"
            raise InputError(f"{procedure.procedure} has no input `{name}`: {hint}")
        values[name] = _typed(name, text, procedure.inputs[name])
    return values


def lacking(procedure: Procedure, given: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the inputs without which there is no plan."""
    return tuple(
        name
        for name, wanted in procedure.inputs.items()
        if wanted.required and wanted.default is None and name not in given
    )


def _typed(name: str, text: str, wanted: ProcedureInput) -> Scalar:
    default = wanted.default
    if isinstance(default, bool):
        if text.lower() not in BOOLEANS:
            raise InputError(f"`{name}` is true or false, not `{text}`")
        return BOOLEANS[text.lower()]
    if isinstance(default, int | float):
        try:
            number = type(default)(text)
        except ValueError:
            raise InputError(f"`{name}` is a number, not `{text}`") from None
        if not isfinite(number):
            raise InputError(f"`{name}` is a finite number, not `{text}`")
        return number
    return text


def rule_out(step: Step, values: Mapping[str, Any]) -> bool:
    """Say whether what was given rules a step out: then it is no part of the plan."""
    return _settled(step, values) is False


def condition_left(step: Step, values: Mapping[str, Any]) -> str | None:
    """Return what is still to be seen when the step's turn comes; None where it is settled."""
    return step.when if _settled(step, values) is None else None


def _settled(step: Step, values: Mapping[str, Any]) -> bool | None:
    """Return what a condition gives that reads nothing but what was given; None for others.

    Inputs and the system's variables stay as they are: all else may be true by the step's turn.
    """
    if step.when is None:
        return None
    condition = expressions.compile_expression(step.when)
    if any(each.path[0] not in GIVEN for each in condition.references):
        return None
    return expressions.evaluate_condition(condition, values)
