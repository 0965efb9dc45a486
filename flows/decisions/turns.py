"""One turn of the core: the run as it becomes, and the commands that come of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from flows.commands import About, Announce, Command, EndPages, FileReport, SetTimer
from flows.events import Recorded
from flows.machine import next_state
from flows.plans import PlannedStep
from flows.runs import Held, Run, Span, StepRecord
from flows.states import State
from flows.table import Trigger

FOLLOW_UPS = "follow_ups"
"""Timers of what is to be done after the end: one for each time that it is due."""


class Turn:
    """Collects what one event does.  Local to one call of `decide`."""

    __slots__ = ("commands", "recorded", "run")

    def __init__(self, run: Run, recorded: Recorded) -> None:
        self.run = run
        self.recorded = recorded
        self.commands: list[Command] = []

    def set(self, **changes: Any) -> None:
        """Change fields of the run."""
        self.run = replace(self.run, **changes)

    def set_step(self, step: str, **changes: Any) -> StepRecord:
        """Change fields of a step's record, and return it."""
        record = replace(self.run.steps[step], **changes)
        self.set(steps={**self.run.steps, step: record})
        return record

    def do(self, *commands: Command) -> None:
        """Queue commands."""
        self.commands.extend(commands)

    def announce(self, about: About, subject: str = "") -> None:
        """Queue a new message; its key makes a repeat find it."""
        key = f"{self.run.id}:{self.recorded.seq}:{about}"
        self.do(Announce(about=about, key=key, subject=subject))

    def move(self, trigger: Trigger) -> None:
        """Go where the table says.  Raises `NotAllowedError` where it has no way."""
        state = next_state(self.run, trigger)
        held = self.run.held if state is State.HOLD else None
        spans = (*self.run.spans, Span(state=state, at=self.recorded.at))
        self.set(state=state, held=held, spans=spans)
        budgets = self.run.plan.phase_budgets if self.run.plan else {}
        if state in budgets:
            self.set_timer(f"phase:{state}", len(spans), budgets[state])
        if self.run.ended:
            self.set(ended_at=self.recorded.at)
            self.do(FileReport(key=f"{self.run.id}:{self.recorded.seq}:report"))
            if self.run.pages:
                self.do(EndPages())
            for due in sorted({each.due for each in self.run.owed}):
                self.set_timer(f"{FOLLOW_UPS}:{due:.0f}", 0, due)

    def hold(self, why: str, step: PlannedStep | None, *, drifted: bool = False) -> None:
        """Stand still because of a step, where the table allows it; tell people why."""
        if self.run.state is State.HOLD:
            return
        origin = self.run.state
        self.move(Trigger.STEP_FAILED)
        self.put_held(origin, why, step, drifted=drifted)

    def put_held(
        self, origin: State, why: str, step: PlannedStep | None, *, drifted: bool = False
    ) -> None:
        """Write down why the run stands still, and tell people."""
        held = Held(
            origin=origin,
            why=why,
            step=step.id if step else None,
            by=self.recorded.actor,
            at=self.recorded.at,
            drifted=drifted,
        )
        self.set(held=held)
        self.announce(About.HELD)

    def set_timer(self, timer: str, generation: int, seconds: float) -> SetTimer:
        """Ask to be told after so many seconds; return what was asked for."""
        at = self.recorded.at + timedelta(seconds=seconds)
        asked = SetTimer(timer=timer, generation=generation, at=at)
        self.do(asked)
        return asked
