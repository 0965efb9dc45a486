"""The form that declares an incident: from the Home, a shortcut, or a command without a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.views.blocks import Block, context, modal, section, select_input, text_input
from bot.views.controls import Act, Control
from bot.views.forms import CALLBACK_DECLARE, NO, QUESTION, REASON, SYSTEM, YES
from bot.wording.texts import one_line
from flows.events import Question

QUESTIONS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemChoice:
    """A system as forms and the Home show it; `procedures` and `roles` are (id, title)."""

    id: str
    title: str
    environment: str
    procedures: tuple[tuple[str, str], ...] = ()
    questions: tuple[Question, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """Return what people choose by."""
        return f"{self.title}, {self.environment}"


def declare_modal(
    systems: Sequence[SystemChoice],
    *,
    origin: str | None = None,
    reason: str = "",
    system: str | None = None,
) -> dict[str, Any]:
    """Return the form.  `origin` is the channel where it was asked for, `system` the one meant.

    The questions are asked where it is clear whose they are: with one system only.
    """
    if not systems:
        return modal(title="Declare an incident", blocks=[_no_system()], callback=CALLBACK_DECLARE)
    chosen = system or (systems[0].id if len(systems) == 1 else None)
    control = Control(act=Act.DECLARE, origin=origin)
    return modal(
        title="Declare an incident",
        blocks=[
            _reason(reason),
            _system(systems, chosen),
            *_questions(systems),
            context(
                "A channel is opened and the estate is looked at. "
                "Nothing is changed before people have approved a plan."
            ),
        ],
        callback=CALLBACK_DECLARE,
        metadata=control.dump(),
        submit="Declare",
        close="Cancel",
    )


def _no_system() -> Block:
    return section(
        "No system is configured, so nothing can be declared. Set `BACKOUT_SYSTEMS` to a folder "
        "with systems, and run `backout check`."
    )


def _reason(reason: str) -> Block:
    return text_input(
        name=REASON,
        label="What do you see?",
        placeholder="For example: checkout answers 5xx since 14:00",
        initial=reason,
    )


def _system(systems: Sequence[SystemChoice], chosen: str | None) -> Block:
    return select_input(
        name=SYSTEM,
        label="Which system?",
        placeholder="Choose a system",
        options=[(one.id, one.shown) for one in systems],
        initial=chosen,
    )


def _questions(systems: Sequence[SystemChoice]) -> list[Block]:
    if len(systems) != 1:
        return []
    return [
        select_input(
            name=f"{QUESTION}{question.id}",
            label=one_line(question.text),
            placeholder="Leave open if you don't know",
            options=[(YES, "Yes"), (NO, "No")],
            optional=True,
        )
        for question in systems[0].questions[:QUESTIONS_SHOWN]
    ]
