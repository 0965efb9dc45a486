"""Bots that forget, to show that these tests notice: each has a fault that somebody could make.

Called by `bots` in the bot's own process, and ends with it.
"""

from __future__ import annotations

from typing import Any

from adapters.aws.elbv2 import places, records
from flows.attempts import Attempt
from flows.performing import Performer
from flows.states import StepState

Json = Any


def _intents() -> None:
    """Let calls leave, and keep no word of it in the journal."""
    setattr(Performer, "_intend", lambda *_: True)  # noqa: B010 replaced on purpose


def _sight() -> None:
    """Send a listener's actions without a look whether they stand there already."""

    async def put(account: Json, captured: Json) -> None:
        for entry in captured["places"]:
            (place,) = await places.look(account, [entry["arn"]], with_rules=False)
            await places.write(account, place, entry["set"])

    setattr(records, "put", put)  # noqa: B010


def _doubts() -> None:
    """Find a step under way, and simply do it again."""

    async def careless(performer: Json, run: Json, command: Json) -> Json:
        record = run.steps[command.step]
        if record.attempt != command.attempt or record.state is not StepState.RUNNING:
            return ()
        step = run.plan.step(command.step)
        try:
            return (await performer._attempt(run, step, record, command),)
        except Exception as error:  # noqa: BLE001 the fault is in what is done, not in how it ends
            return (Attempt(command.step, command.attempt).failed(str(error)),)

    intend = getattr(Performer, "_intend")  # noqa: B009 and here

    def again(performer: Json, job: Json, *said: Json) -> bool:
        return job.record.started == job.record.attempt or bool(intend(performer, job, *said))

    setattr(Performer, "perform", careless)  # noqa: B010
    setattr(Performer, "_intend", again)  # noqa: B010


def _looks() -> None:
    """Take every change of which nothing is known for one that never was."""

    async def refuted(_: Json, job: Json, __: Json) -> Json:
        return job.attempt.refuted("nobody looked")

    setattr(Performer, "_look_into", refuted)  # noqa: B010


def forget(what: str) -> None:
    """Forget intents, doubts, looks or sight, or some of them: "doubts, sight"."""
    known = {"intents": _intents, "doubts": _doubts, "looks": _looks, "sight": _sight}
    for each in filter(None, what.split(", ")):
        known[each]()
