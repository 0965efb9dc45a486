"""Bots with a fault that somebody could make, to show that the suite notices.

Called by `bots` in the bot's own process, and ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flows import gates, runs
from flows.attempts import Attempt
from flows.commands import SetTimer
from flows.decisions import stepping
from flows.driver import Driver
from flows.engine import LaterError
from flows.events import BOT
from flows.performing import Performer
from flows.shared.driver import SharedDriver
from flows.states import StepState

Json = Any


def _doubts() -> None:
    """Find a step under way, and simply do it again: no look, no fence."""
    intend = Performer._intend

    async def careless(performer: Json, run: Json, command: Json) -> Json:
        record = run.steps[command.step]
        if record.attempt != command.attempt or record.state is not StepState.RUNNING:
            return ()
        try:
            return (await performer._attempt(run, run.plan.step(command.step), record, command),)
        except Exception as error:  # noqa: BLE001 the fault is in what is done, not in how it ends
            return (Attempt(command.step, command.attempt).failed(str(error)),)

    def again(performer: Json, job: Json, started: Json, command: Json) -> bool:
        began = job.record.started == job.record.attempt
        return began or bool(intend(performer, job, started, command))

    _replace(Performer, "perform", careless)
    _replace(Performer, "_intend", again)


def _commands() -> None:
    """Take a command off the queue before it is performed: a death in between forgets it."""

    async def forgetful(driver: Json, queued: Json) -> None:
        engine, command = driver._engine, queued.command
        run = engine.run(queued.incident)
        if run is None or isinstance(command, SetTimer):
            return
        engine.finish(queued, ())
        with suppress(LaterError):
            for number, event in enumerate(await driver._perform(run, command)):
                event_id = f"forgetful:{queued.id}:{number}"
                engine.feed(run.id, event, actor=BOT, event_id=event_id)

    for driver in (Driver, SharedDriver):
        _replace(driver, "_perform_and_record", forgetful)


def _approvals() -> None:
    """Take every gate on which nobody has said no for satisfied."""

    def careless(gate: Json, decisions: Json, now: Json) -> Json:
        standing = gates.evaluate(gate, decisions, now)
        return gates.Satisfied(()) if isinstance(standing, gates.Open) else standing

    _replace(runs, "evaluate", careless)
    _replace(stepping, "evaluate", careless)


def _replace(owner: Json, name: str, value: Json) -> None:
    setattr(owner, name, value)


FAULTS: Mapping[str, Callable[[], None]] = {
    "doubts": _doubts,
    "commands": _commands,
    "approvals": _approvals,
}


def forget(what: str) -> None:
    """Put a fault in, or none."""
    if what:
        FAULTS[what]()
