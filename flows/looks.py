"""Looking at the estate outside of a run's steps: for facts, and while planning.

Called by `flows.assessing` and `flows.planning`.  Never changes anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config import templates
from config.models.bundles import Bundle
from flows.actions import Action, ActionError, NotYet, Preview, Refuted, Registry, Verdict
from flows.contexts import RunContext, Workshop, answered_within, sleep
from flows.runs import Run

LOOK_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Looks:
    """Gives actions what they need to look, and bounds the time that a look may take."""

    registry: Registry
    bundles: Mapping[str, Bundle]
    workshop: Workshop

    async def look(
        self, run: Run, name: str, uses: str, with_: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Verdict:
        """Look once.  Raises `ActionError`, `TemplateError` or `ValidationError`."""
        action = self.registry.find(uses)
        inputs = action.Inputs.model_validate(templates.render_inputs(dict(with_), values))
        async with answered_within(LOOK_TIMEOUT):
            return await action.verify(inputs, {}, self.context(run, name, values))

    async def preview(
        self, run: Run, name: str, action: Action, inputs: Any, values: Mapping[str, Any]
    ) -> Preview:
        """Ask what a change would be.  Raises `ActionError`."""
        async with answered_within(LOOK_TIMEOUT):
            return await action.preview(inputs, self.context(run, name, values))

    def context(self, run: Run, name: str, values: Mapping[str, Any]) -> RunContext:
        """Return what an action gets that only looks."""
        return RunContext(
            bundle=self.bundles[run.system],
            incident=run.id,
            key=f"{run.id}/{name}/preview",
            plan="preview",
            values=values,
            workshop=self.workshop,
            captures=run.captures(),
            report=lambda _: None,
            wait=sleep,
        )


def output_of(verdict: Verdict) -> Mapping[str, Any]:
    """Return what was seen, met or not.  Raises `ActionError` where nothing was seen."""
    if isinstance(verdict, Refuted):
        raise ActionError(verdict.why)
    if isinstance(verdict, NotYet) and not verdict.output:
        raise ActionError(verdict.progress)
    return verdict.output
