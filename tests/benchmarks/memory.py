"""Memory of a bot that has nothing to do, with no, one and a thousand open incidents.

The incidents are written into the journal, each with a channel and a card in the workspace; then
the bot is started on it and left alone for a while.  Their systems are a
thousand folders, so a start with those and no incident tells the one from the other.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from flows.embedded import EmbeddedEngine
from flows.engine import Delivery
from flows.events import BOT, ChannelOpened
from sandbox.workspace.models import BOT_USER, Channel, Message
from tests.benchmarks import reports, systems
from tests.benchmarks.journals import open_on, prepare
from tests.benchmarks.reports import Report, times
from tests.benchmarks.stages import BACKOUT, MINIMAL, Stage, stage
from tests.bot import story

MANY = 1000
SETTLED = 8.0  # after the first look at every card; the clocks on cards keep going for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes (resident; the process's own share of them), and seconds until it was ready."""

    rss: int
    pss: int
    ready: float


async def measure() -> Report:
    """Start the bots one after the other, on more and more."""
    async with stage() as on:
        minimal = await _idle(on, MINIMAL)
        systems.write_system(on.systems, "sys-0")
        none = await _idle(on, BACKOUT)
        _open(on, ["sys-0"])
        one = await _idle(on, BACKOUT)
        systems.write_system(on.systems, "live")
        used = await _idle(on, BACKOUT, declare="live")
        names = [systems.write_system(on.systems, f"sys-{n}") for n in range(1, MANY)]
        configured = await _idle(on, BACKOUT)
        _open(on, names)
        many = await _idle(on, BACKOUT)
    rows = {
        "minimal Bolt bot": minimal,
        "Backout, 1 system, no incident": none,
        "Backout, 1 system, 1 open incident": one,
        "… after a plan was made on a cluster": used,
        f"Backout, {MANY:,} systems, 2 open incidents": configured,
        f"Backout, {MANY:,} systems, {MANY + 1:,} open incidents": many,
    }
    return Report(
        name="memory",
        title="Memory, idle",
        columns=("process", "RSS", "PSS", "PSS beside the minimal bot", "ready after"),
        rows=tuple(
            (
                name,
                _mib(found.rss),
                _mib(found.pss),
                times(found.pss, minimal.pss),
                f"{found.ready:.1f} s",
            )
            for name, found in rows.items()
        ),
        notes=(f"{SETTLED:.0f} s after the start.",),
    )


async def _idle(on: Stage, arguments: Sequence[str], declare: str = "") -> Memory:
    async with on.bot(arguments) as started:
        if declare:
            await on.declare(declare)
            await on.offered(2, "backout:approve")
        await asyncio.sleep(SETTLED)
        found = await asyncio.to_thread(psutil.Process(started.process.pid).memory_full_info)
        return Memory(rss=found.rss, pss=found.pss, ready=started.ready_after)


def _open(on: Stage, names: Sequence[str]) -> None:
    """Open an incident on each system: channel and card are there, a plan waits for approval."""
    engine = EmbeddedEngine(on.data)
    for name in names:
        incident = open_on(engine, name)
        prepare(engine, incident, story.plan())
        channel = _channel(on, incident)
        opened = ChannelOpened(channel=channel.id, name=channel.name)
        engine.feed(incident, opened, actor=BOT, event_id=f"channel:{incident}")
        card = Message(
            ts=on.world.workspace.context.clock.next_ts(),
            channel=channel.id,
            user=BOT_USER,
            text=incident,
            from_app=True,
        )
        on.world.workspace.context.store.put_message(card)
        engine.keep_delivery(Delivery(key=f"card:{incident}", channel=channel.id, ts=card.ts))
    for queued in engine.due():
        engine.finish(queued, ())
    engine.close()


def _channel(on: Stage, incident: str) -> Channel:
    context = on.world.workspace.context
    number = incident.removeprefix("INC-")
    channel = Channel(
        id=f"C0BENCH{number}",
        name=f"inc-{number}-measured",
        creator=BOT_USER,
        created=int(context.clock.now()),
        members=[BOT_USER, "U0MARCUS"],
    )
    return context.store.add_channel(channel)


def _mib(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


if __name__ == "__main__":
    reports.run({"memory": measure})
