"""How long people wait: form → first message → everyone invited, and button → message redrawn.

Each from the moment when Slack sends the form or the click off until the call has taken effect in
the workspace, with nothing and with 100 ms added to every call of Slack's Web API.  Beside it a
minimal Bolt bot that does the same calls one after the other.
"""

import asyncio
from dataclasses import dataclass, field

from tests.benchmarks import reports, systems
from tests.benchmarks.reports import Report, middle, ms, times
from tests.benchmarks.stages import DECLARER, INCIDENTS, MINIMAL, Stage, stage

ROUNDS = 6
STARTS = 5
SETTLED = 1.5
DELAYS = (0, 100)
A_LOOK = 4.0  # cards are redrawn at a pace below Slack's limit, over all incidents
APPROVER = "U0EMILY"


@dataclass(slots=True)
class Times:
    """What was measured of one bot under one delay, in seconds."""

    message: list[float] = field(default_factory=list)
    invited: list[float] = field(default_factory=list)
    redrawn: list[float] = field(default_factory=list)


async def measure() -> Report:
    """Measure the minimal bot, then Backout, under both delays."""
    async with stage() as on:
        for delay in DELAYS:
            for number in range(ROUNDS):
                name = f"sys-{delay}-{number}"
                systems.write_system(on.systems, name, needs=("oncall", "eng_lead"))
        for number in range(STARTS):
            systems.write_system(on.systems, f"first-{number}")
        async with on.bot(MINIMAL):
            floor = {delay: await _minimal(on, delay) for delay in DELAYS}
        async with on.bot():
            ours = {delay: await _backout(on, delay) for delay in DELAYS}
        first, first_floor = await _first(on)
    rows = [row for delay in DELAYS for row in _rows(delay, ours[delay], floor[delay])]
    return Report(
        name="slack",
        title="Slack: what people wait for (medians)",
        columns=("", "added to each call", "Backout", "minimal bot", "Backout beside it"),
        rows=(
            *rows,
            _row("first form after a start → first message", 0, first.message, first_floor.message),
        ),
        notes=(f"{ROUNDS} times each; {STARTS} starts.",),
    )


def _rows(delay: int, ours: Times, floor: Times) -> list[tuple[str, ...]]:
    pairs = {
        "form → first message in the new channel": (ours.message, floor.message),
        "form → everyone invited": (ours.invited, floor.invited),
        "button → message redrawn": (ours.redrawn, floor.redrawn),
    }
    return [_row(name, delay, mine, theirs) for name, (mine, theirs) in pairs.items()]


def _row(name: str, delay: int, mine: list[float], theirs: list[float]) -> tuple[str, ...]:
    ratio = times(middle(mine), middle(theirs))
    return name, f"{delay} ms", ms(middle(mine)), ms(middle(theirs)), ratio


async def _first(on: Stage) -> tuple[Times, Times]:
    """Measure the first declaration after a start, again and again."""
    ours, floor = Times(), Times()
    for number in range(STARTS):
        async with on.bot(MINIMAL, {"BENCH_FIRST": str(1000 * (number + 1))}):
            await _declare(on, floor, 0, {"reason": "measured"})
        async with on.bot():
            await asyncio.sleep(SETTLED)
            await _declare(on, ours, 0, {"reason": "measured", "system": f"first-{number}"})
    return ours, floor


async def _backout(on: Stage, delay: int) -> Times:
    found = Times()
    for number in range(ROUNDS):
        values = {"reason": "measured", "system": f"sys-{delay}-{number}"}
        incident = await _declare(on, found, delay, values)
        message, action = await on.offered(incident, "backout:approve")
        await asyncio.sleep(A_LOOK)
        clicked = await on.click(APPROVER, message, action)
        await _redrawn(on, found, clicked, message.channel)
    await on.people.delay(0)
    return found


async def _minimal(on: Stage, delay: int) -> Times:
    found = Times()
    message, action = await on.until(
        lambda: on.message_with("incident-response", "redraw"), "the buttons"
    )
    for _ in range(ROUNDS):
        await _declare(on, found, delay, {"reason": "measured"})
        clicked = await on.click(APPROVER, message, action)
        await _redrawn(on, found, clicked, message.channel)
        await on.quiet(0.3)
    await on.people.delay(0)
    return found


async def _declare(on: Stage, found: Times, delay: int, values: dict[str, str]) -> int:
    """Fill in the form; return the number in the name of the channel that it opened."""
    await on.people.delay(0)
    before = on.world.workspace.context.clock.now()
    await on.people.slash(DECLARER, INCIDENTS, "declare")
    view = await on.until(lambda: on.world.workspace.context.store.modal(DECLARER), "the form")
    await on.people.delay(delay)
    await on.people.submit(DECLARER, view.id, dict(values))
    log = on.world.workspace.context.delivery.log
    sent = next(one.t for one in reversed(log) if one.what == "view_submission")
    created = await on.until(lambda: _created(on, before), "the channel")
    said = await on.until(
        lambda: on.call_after(sent, "chat.postMessage", created), "the first message"
    )
    invited = await on.until(
        lambda: on.call_after(sent, "conversations.invite", created), "the invitations"
    )
    found.message.append(said - sent)
    found.invited.append(invited - sent)
    name = on.world.workspace.context.store.channels[created].name
    return int(name.split("-")[1])


def _created(on: Stage, moment: float) -> str | None:
    """Return the id of the channel that was created after a moment."""
    if on.call_after(moment, "conversations.create") is None:
        return None
    return next(reversed(on.world.workspace.context.store.channels))


async def _redrawn(on: Stage, found: Times, clicked: float, channel: str) -> None:
    redrawn = await on.until(
        lambda: on.call_after(clicked, "chat.update", channel), "the card's update"
    )
    found.redrawn.append(redrawn - clicked)


if __name__ == "__main__":
    reports.run({"slack": measure})
