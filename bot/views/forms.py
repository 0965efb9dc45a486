"""What people filled in, read from a submitted view.  Untrusted: `bot.slack` acts on the result.

Field names are here and nowhere else, so that what a modal asks and what is read are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.views.controls import Control, ControlError, parse

REASON = "reason"
CODE = "code"
SYSTEM = "system"
QUESTION = "question:"
YES, NO = "yes", "no"
CALLBACK_DECLARE = "backout:declare"
CALLBACK_REASON = "backout:reason"
CALLBACK_CODE = "backout:code"
CALLBACK_PLAN = "backout:plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A submitted modal: what it was about, and what was filled in.

    `answers` holds only the questions that were answered.
    """

    control: Control
    reason: str = ""
    code: str = field(default="", repr=False)
    system: str = ""
    answers: Mapping[str, bool] = field(default_factory=dict)


def read_form(view: Mapping[str, Any]) -> Form:
    """Read a submitted view.  Raises `ControlError` where it is none of ours."""
    control = parse(str(view.get("private_metadata") or ""))
    state = view.get("state")
    values = state.get("values") if isinstance(state, Mapping) else None
    if not isinstance(values, Mapping):
        raise ControlError("This form came back empty: open it again.")
    given = {name: _value(block) for name, block in values.items() if isinstance(name, str)}
    answers = {
        name.removeprefix(QUESTION): value == YES
        for name, value in given.items()
        if name.startswith(QUESTION) and value in (YES, NO)
    }
    return Form(
        control=control,
        reason=given.get(REASON, "").strip(),
        code="".join(given.get(CODE, "").split()),
        system=given.get(SYSTEM, ""),
        answers=answers,
    )


def _value(block: object) -> str:
    """Return the text or the chosen option of a block with one field."""
    if not isinstance(block, Mapping):
        return ""
    for element in block.values():
        if not isinstance(element, Mapping):
            continue
        chosen = element.get("selected_option")
        value = chosen.get("value") if isinstance(chosen, Mapping) else element.get("value")
        return value if isinstance(value, str) else ""
    return ""


def errors(message: str, block: str = REASON) -> dict[str, Any]:
    """Return the response that keeps a modal open and shows what is wrong at a field."""
    return {"response_action": "errors", "errors": {block: message}}
