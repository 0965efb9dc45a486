"""What buttons, menus and modals carry, and how it is read when it comes back.

Every control's `action_id` is `backout:<act>` with a suffix that makes it unique in its message;
its `value` is compact JSON with everything that is needed to act on it, so that nothing is
guessed from where it stood.  What comes back is untrusted, and `read` is where it enters.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.views import limits
from bot.views.blocks import Element, option, plain

PREFIX = "backout:"
ACTION = re.compile(r"^backout:")
DIGEST_SHOWN = 16
_UNFIT = re.compile(r"[^a-z0-9_-]+")


class Act(StrEnum):
    """What a control asks for.

    `ACKNOWLEDGE`, `ANSWER`, `APPROVE`, `WITHDRAW`, `HOLD`, `RESUME`, `RETRY`, `UNDO` and
    `REPLAN` act at once (the dangerous ones after a confirmation that the control itself
    carries).  The others open a modal or another view.
    """

    ANSWER = "answer"
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    VIEW_PLAN = "view_plan"
    HOLD = "hold"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"
    UNDO = "undo"
    ABORT = "abort"
    REPLAN = "replan"
    NO_ROLLBACK = "no_rollback"
    DECLARE = "declare"
    ACKNOWLEDGE = "acknowledge"
    BREAK_GLASS = "break_glass"


OPENS_REASON = (Act.BREAK_GLASS, Act.DENY, Act.SKIP, Act.ABORT, Act.NO_ROLLBACK)
"""Acts whose buttons open a modal that asks for the reason (`bot.views.modals.reason_modal`)."""


class ControlError(Exception):
    """A control's value can't be read: it is from another version, or was tampered with."""


class Control(BaseModel):
    """What a control carries.  Short names keep menus under their 150 characters.

    `scope` is `plan` or a step's id for decisions, a step's id for skip and retry, a question's
    id for answers.  `origin` is the channel where a declaration began.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    act: Act = Field(alias="v")
    incident: str = Field(default="", alias="i", max_length=60)
    scope: str | None = Field(default=None, alias="s", max_length=100)
    digest: str | None = Field(default=None, alias="d", max_length=64, pattern=r"^[0-9a-f]*$")
    answer: bool | None = Field(default=None, alias="a")
    origin: str | None = Field(default=None, alias="o", max_length=40)

    def dump(self) -> str:
        """Return the compact JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude_defaults=True)


def parse(value: str) -> Control:
    """Read a control's value.  Raises `ControlError`."""
    if len(value) > limits.METADATA:
        raise ControlError("This control carries too much to be one of mine.")
    try:
        return Control.model_validate_json(value)
    except ValidationError as error:
        raise ControlError(
            "This control is not from this version of Backout: use the newest message."
        ) from error


def read(action: Mapping[str, Any]) -> Control:
    """Read an action as Slack sends it: a button's value or a menu's chosen option.

    Raises `ControlError`.
    """
    chosen = action.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, Mapping) else action.get("value")
    if not isinstance(value, str):
        raise ControlError("This control carries nothing: use the newest message.")
    return parse(value)


def button(
    control: Control,
    text: str,
    *,
    style: str | None = None,
    confirm: Element | None = None,
) -> Element:
    """Return a button."""
    element: Element = {
        "type": "button",
        "action_id": action_id(control),
        "text": plain(text, limits.BUTTON),
        "value": control.dump(),
        **({"style": style} if style else {}),
        **({"confirm": confirm} if confirm else {}),
    }
    return element


def menu(choices: Sequence[tuple[Control, str]], incident: str) -> Element | None:
    """Return a "…" menu of what matters less now, or None where there is nothing."""
    shown = [option(control.dump(), text) for control, text in choices if _short(control)]
    if not shown:
        return None
    return {
        "type": "overflow",
        "action_id": f"{PREFIX}more:{_suffix(incident)}",
        "options": shown[: limits.OVERFLOW_OPTIONS],
    }


def _short(control: Control) -> bool:
    return len(control.dump()) <= limits.OPTION_VALUE


def action_id(control: Control) -> str:
    """Return the id of a control's element: its act, and what tells it from its neighbours."""
    answer = {None: "", True: "yes", False: "no"}[control.answer]
    parts = [control.act.value, control.scope or "", answer, control.incident]
    return (PREFIX + ":".join(_suffix(part) for part in parts if part))[: limits.ACTION_ID]


def _suffix(part: str) -> str:
    return _UNFIT.sub("-", part.lower())


def short_digest(digest: str) -> str:
    """Return what buttons carry of a digest."""
    return digest[:DIGEST_SHOWN]
