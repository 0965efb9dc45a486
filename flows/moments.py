"""An event between the run before it and the run after it: what it meant shows in the difference.

Given to witnesses as it is recorded, and made again from a history for reports.  Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flows.commands import Command
from flows.decisions import decide
from flows.events import Recorded
from flows.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One event with the run before and after it, and the commands that followed from it."""

    recorded: Recorded
    before: Run | None
    run: Run
    commands: tuple[Command, ...]

    @property
    def at(self) -> datetime:
        """When it was."""
        return self.recorded.at

    @property
    def counted(self) -> bool:
        """Whether it changed anything but the clock."""
        before, run = self.before, self.run
        return before is None or replace(before, seq=run.seq, updated_at=run.updated_at) != run


def moment(before: Run | None, recorded: Recorded) -> Moment:
    """Fold one event.  Raises `NotDeclaredError` where it is the first and no declaration."""
    run, commands = decide(before, recorded)
    return Moment(recorded=recorded, before=before, run=run, commands=commands)


def moments(history: Iterable[Recorded]) -> tuple[Moment, ...]:
    """Fold a history.  Raises `NotDeclaredError` where it does not begin with the declaration."""
    found: list[Moment] = []
    run: Run | None = None
    for recorded in history:
        found.append(moment(run, recorded))
        run = found[-1].run
    return tuple(found)
