"""How long a decision waits: an approval's click until the first request reaches the cluster.

Measured from the moment when Slack sends the click off to the request's line in the estate's log,
with one incident open and with a hundred that wait for approval on other systems.  Beside it a
minimal Bolt bot that asks the cluster at every click: no journal, no gate, no plan.
"""

import asyncio

from tests.benchmarks import reports, systems
from tests.benchmarks.reports import Report, middle, ms, percentile, times
from tests.benchmarks.stages import MINIMAL, Stage, stage

SAMPLES = 40
HELM_SAMPLES = 12
A_LOOK = 0.4  # nobody approves within milliseconds: the channel is complete by then
OTHERS = 99
SETTLED = 5.0
TURNS = 6
APPROVER = "U0EMILY"


class Clicks:
    """Declares on some systems by turns, approves, and looks when the cluster hears of it."""

    def __init__(self, on: Stage) -> None:
        self.on = on
        self.declared = 0

    async def others(self, count: int) -> None:
        """Leave so many incidents open, each with a plan that waits for approval."""
        for number in range(count):
            await self.declare(f"other-{number}")
        for number in range(1, count + 1):
            await self.on.offered(self.declared - count + number, "backout:approve")
        await asyncio.sleep(SETTLED)  # cards are redrawn at their pace for minutes more

    async def declare(self, system: str) -> int:
        """Declare and return the incident's number."""
        await self.on.declare(system)
        self.declared += 1
        return self.declared

    async def sample(self, names: list[str], count: int) -> list[float]:
        """Return so many delays."""
        found = []
        for turn in range(count):
            incident = await self.declare(names[turn % len(names)])
            message, action = await self.on.offered(incident, "backout:approve")
            await asyncio.sleep(A_LOOK)
            clicked = await self.on.click(APPROVER, message, action)
            heard = await self.on.until(lambda: self.on.request_after(clicked), "a request")  # noqa: B023
            found.append(heard - clicked)
        return found


async def measure() -> Report:
    """Measure the floor, then with one incident, then with a hundred."""
    async with stage() as on:
        direct = [systems.write_system(on.systems, f"direct-{n}") for n in range(TURNS)]
        helm = [
            systems.write_system(on.systems, f"helm-{n}", step=systems.HELM) for n in range(TURNS)
        ]
        for number in range(OTHERS):
            systems.write_system(on.systems, f"other-{number}")
        floor = await _floor(on)
        async with on.bot():
            clicks = Clicks(on)
            await clicks.sample(direct, TURNS)  # the first one loads the Kubernetes client
            one, one_helm = await _both(clicks, direct, helm)
            await clicks.others(OTHERS)
            many, many_helm = await _both(clicks, direct, helm)
    return Report(
        name="click-to-cluster",
        title="Approval click → first request to the cluster",
        columns=("", "p50", "p99", "p50 beside the minimal bot"),
        rows=(
            _row("minimal Bolt bot, a plain GET", floor, floor),
            _row("Backout, 1 open incident", one, floor),
            _row(f"Backout, {OTHERS + 1} open incidents", many, floor),
            _row("… first step is a `helm` process, 1 open", one_helm, floor),
            _row(f"… first step is a `helm` process, {OTHERS + 1} open", many_helm, floor),
        ),
        notes=(
            f"{SAMPLES} clicks a row, {HELM_SAMPLES} with `helm`: of so few, p99 is the worst one.",
        ),
    )


async def _both(
    clicks: Clicks, direct: list[str], helm: list[str]
) -> tuple[list[float], list[float]]:
    return await clicks.sample(direct, SAMPLES), await clicks.sample(helm, HELM_SAMPLES)


async def _floor(on: Stage) -> list[float]:
    found = []
    async with on.bot(MINIMAL):
        place = await on.until(lambda: on.message_with("incident-response", "ask"), "the buttons")
        for _ in range(SAMPLES):
            clicked = await on.click(APPROVER, *place)
            heard = await on.until(lambda: on.request_after(clicked), "a request")  # noqa: B023
            found.append(heard - clicked)
    on.world.workspace.context.store.drop_message(place[0])
    return found


def _row(name: str, found: list[float], floor: list[float]) -> tuple[str, ...]:
    return (
        name,
        ms(middle(found)),
        ms(percentile(found, 0.99)),
        times(middle(found), middle(floor)),
    )


if __name__ == "__main__":
    reports.run({"clicks": measure})
