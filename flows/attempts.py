"""One attempt of a step: what it needs, and the events that can come of it.

Made and used by `flows.performing`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.templates import MissingValueError
from flows import events
from flows.actions import Action, Holds
from flows.contexts import RunContext
from flows.events import Event
from flows.plans import PlannedStep
from flows.runs import Run, StepRecord
from flows.states import StepState

GAVE_NOTHING = {
    StepState.FAILED: "failed",
    StepState.SKIPPED: "was skipped",
    StepState.NOT_NEEDED: "was not needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt, with everything that it needs."""

    run: Run
    step: PlannedStep
    record: StepRecord
    action: Action
    context: RunContext
    inputs: Any
    deadline: datetime

    @property
    def attempt(self) -> "Attempt":
        """What writes this attempt's events."""
        return Attempt(self.step.id, self.record.attempt)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Writes the events that can come of one attempt."""

    step: str
    number: int

    def succeeded(self, holds: Holds, *, reconciled: bool = False) -> Event:
        """It took effect, as a fresh look showed."""
        return events.StepSucceeded(
            step=self.step,
            attempt=self.number,
            summary=holds.summary,
            output=holds.output,
            reconciled=reconciled,
        )

    def failed(self, why: str, delay: float | None = None) -> Event:
        """It did not take effect."""
        return events.StepFailed(step=self.step, attempt=self.number, why=why, delay=delay)

    def doubted(self, why: str) -> Event:
        """Nothing is known of it."""
        return events.StepDoubted(step=self.step, attempt=self.number, why=why)

    def refuted(self, why: str) -> Event:
        """The doubt is resolved: it did not take effect, and no longer can."""
        return events.DoubtRefuted(step=self.step, attempt=self.number, why=why)

    def interrupted(self) -> Event:
        """Waiting was ended."""
        return events.StepInterrupted(step=self.step, attempt=self.number)

    def passed_over(self, why: str) -> Event:
        """Its own condition says no."""
        return events.StepPassedOver(step=self.step, attempt=self.number, why=why)


def lacking(run: Run, error: MissingValueError) -> str:
    """Say what an attempt lacks: where a step was to give it, that step's title and its end."""
    root, _, rest = error.path.partition(".")
    name = rest.partition(".")[0]
    record = run.steps.get(name) if root == "steps" else None
    if run.plan is None or record is None or record.state not in GAVE_NOTHING:
        return str(error)
    title, ended = run.plan.step(name).title, GAVE_NOTHING[record.state]
    return (
        f"it needs what “{title}” was to tell, and that {ended}: people have to see for themselves"
    )
