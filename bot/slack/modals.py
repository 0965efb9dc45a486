"""Modals, opened within the three seconds that a trigger lives."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bot.slack.background import Background
from bot.slack.calls import Calls, NoAnswerError, SlackCallError
from bot.views.controls import Act, Control
from bot.views.declare_modal import SystemChoice, declare_modal
from bot.views.modals import code_modal, reason_modal
from bot.views.plan_view import plan_modal
from config.models.bundles import Bundle
from flows.engine import Engine
from flows.events import Question

log = logging.getLogger(__name__)


def choices(bundles: Mapping[str, Bundle]) -> Sequence[SystemChoice]:
    """Return the systems as forms and the Home show them."""
    return [
        SystemChoice(
            id=bundle.system.system,
            title=bundle.system.title,
            environment=bundle.system.environment,
            procedures=tuple((name, p.title) for name, p in bundle.procedures.items()),
            roles=tuple((name, role.title) for name, role in bundle.people.roles.items()),
            questions=tuple(Question(id=q.id, text=q.text) for q in bundle.policy.questions),
        )
        for bundle in bundles.values()
    ]


class Modals:
    """Opens modals."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        bundles: Mapping[str, Bundle],
        background: Background,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._bundles = bundles
        self._background = background

    def declare(self, trigger: str, origin: str | None, system: str = "") -> None:
        """Open the form that declares."""
        view = declare_modal(choices(self._bundles), origin=origin, system=system or None)
        self._open(trigger, view)

    def reason(self, trigger: str, control: Control) -> None:
        """Ask for the reason of what a button asks for; for an approval, for a code."""
        run = self._engine.run(control.incident)
        if run is not None:
            ask = code_modal if control.act is Act.APPROVE else reason_modal
            view = ask(run, control.act, scope=control.scope, digest=control.digest)
            self._open(trigger, view)

    def plan(self, trigger: str, incident: str) -> None:
        """Show the plan."""
        run = self._engine.run(incident)
        if run is not None:
            self._open(trigger, plan_modal(run))

    def _open(self, trigger: str, view: dict[str, Any]) -> None:
        self._background.spawn(self._opened(trigger, view), "modal")

    async def _opened(self, trigger: str, view: dict[str, Any]) -> None:
        # A trigger works once: where the first call got through after all, the second is refused.
        for _ in range(2):
            try:
                await self._calls.do(self._calls.client.views_open, trigger_id=trigger, view=view)
            except NoAnswerError as error:
                log.info("%s; once more", error)
            except SlackCallError as error:
                log.warning("a form can't be shown: %s", error)
                return
            else:
                return
