"""What an action gets besides its inputs, and the namespace of templates and conditions.

Made by `flows.performing` and `flows.planning`, one for each use of an action.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from config.models.bundles import Bundle
from config.models.systems import System
from flows.actions import (
    Clients,
    InterruptedByHoldError,
    JsonObject,
    Messenger,
    Surroundings,
    TransientError,
)
from flows.runs import Run
from flows.turnstiles import Turnstiles

Json = Any
Report = Callable[[str], None]
PLAN_MARK = 8


class Watch:
    """Wakes whoever waits on a run when the run changes."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def heard(self, run: Run) -> None:
        """Wake the waiters; given to `Engine.listen`."""
        event = self._events.pop(run.id, None)
        if event is not None:
            event.set()

    async def changed(self, incident: str, seconds: float) -> None:
        """Return when the run has changed or so many seconds are over."""
        event = self._events.setdefault(incident, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the actions of every run share."""

    surroundings: Surroundings
    clients: Clients
    messenger: Messenger
    turnstiles: Turnstiles = field(default_factory=Turnstiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Implements `flows.actions.Context`."""

    bundle: Bundle
    incident: str
    key: str
    plan: str
    values: JsonObject
    workshop: Workshop
    captures: Mapping[str, JsonObject]
    report: Report
    wait: Callable[[float], Awaitable[bool]]

    @property
    def system(self) -> System:
        """The system that is rolled back."""
        return self.bundle.system

    @property
    def mark(self) -> str:
        """What the attempts of a step in one plan have in common."""
        return f"{self.key.rsplit('/', 1)[0]}/{self.plan[:PLAN_MARK]}"

    @property
    def surroundings(self) -> Surroundings:
        """What the machine offers, with the system's own messages."""
        return replace(self.workshop.surroundings, messages=self.bundle.messages)

    @property
    def clients(self) -> Clients:
        """Shared connections."""
        return self.workshop.clients

    @property
    def messenger(self) -> Messenger:
        """How to speak to people."""
        return self.workshop.messenger

    def captured(self, step: str) -> JsonObject | None:
        """Return the capture of an earlier step of this run, or None."""
        return self.captures.get(step)

    async def progress(self, text: str) -> None:
        """Show people how far it is."""
        self.report(text)

    async def pause(self, seconds: float) -> None:
        """Wait.  Raises `InterruptedByHoldError` when waiting should end."""
        if not await self.wait(seconds):
            raise InterruptedByHoldError("the run was put on hold")


@asynccontextmanager
async def answered_within(seconds: float) -> AsyncIterator[None]:
    """Bound a look.  Raises `TransientError` where the answer takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TransientError(f"no answer within {seconds:.0f} s") from None


async def sleep(seconds: float) -> bool:
    """Wait without anything that could interrupt it; for planning."""
    await asyncio.sleep(seconds)
    return True


def namespace(
    system: System,
    run: Run,
    *,
    inputs: JsonObject,
    outputs: JsonObject | None = None,
) -> dict[str, Json]:
    """Return what templates and conditions see.

    `facts` holds only what is known, so that a condition on an unknown fact is unknown.
    `outcome` is `restored` until the run is undone.
    """
    known = {name: fact.value for name, fact in run.facts.items() if fact.value is not None}
    earlier = dict(run.plan.outputs) if run.plan else {}
    done = {name: record.output for name, record in run.steps.items() if record.output is not None}
    return {
        "inputs": dict(inputs),
        "facts": known | dict(run.answers),
        "steps": earlier | done | dict(outputs or {}),
        "system": dict(system.variables),
        "incident": {
            "id": run.id,
            "reason": run.reason,
            "severity": run.severity,
            "system": run.system_title,
            "declared_by": run.declared_by.name,
            "declared_at": run.declared_at.isoformat(),
            "channel": run.channel or "",
            "channel_name": run.channel_name,
        },
        "outcome": str(run.outcome or "restored"),
    }
