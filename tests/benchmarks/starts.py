"""Start-up: from the spawn of the process until the bot is connected and drives."""

from tests.benchmarks import reports, systems
from tests.benchmarks.reports import Report, middle, times
from tests.benchmarks.stages import BACKOUT, MINIMAL, Stage, stage

ROUNDS = 6


async def measure() -> Report:
    """Start both by turns."""
    async with stage() as on:
        systems.write_aivo(on.systems)
        fresh: list[float] = []
        ours: list[float] = []
        floor: list[float] = []
        for number in range(ROUNDS):
            on.data = on.folder / f"journal-{number}"
            fresh.append(await _once(on, BACKOUT))
            ours.append(await _once(on, BACKOUT))
            floor.append(await _once(on, MINIMAL))
    return Report(
        name="start-up",
        title="Start-up: spawn → connected to Slack and driving",
        columns=("process", "median", "best", "beside the minimal bot"),
        rows=(
            _row("`backout serve` (AIVO), the first start", fresh, floor),
            _row("`backout serve` (AIVO), again", ours, floor),
            _row("minimal Bolt bot", floor, floor),
        ),
        notes=(f"{ROUNDS} starts each, by turns.",),
    )


async def _once(on: Stage, arguments: tuple[str, ...]) -> float:
    async with on.bot(arguments) as started:
        return started.ready_after


def _row(name: str, found: list[float], floor: list[float]) -> tuple[str, ...]:
    return name, _s(middle(found)), _s(min(found)), times(middle(found), middle(floor))


def _s(seconds: float) -> str:
    return f"{seconds:.2f} s"


if __name__ == "__main__":
    reports.run({"starts": measure})
