"""From SIGKILL until a run goes on: another replica takes over, or the next process does.

A bot dies right after its call has left, so that what is under way is in doubt; the time until
that was found, looked into and the next step was done is measured, once an incident.
"""

import time
from contextlib import ExitStack

from tests import zygotes
from tests.benchmarks import reports
from tests.benchmarks.reports import Report, middle, percentile
from tests.benchmarks.stores import stores
from tests.conformance.kinds import EMBEDDED, SHARED
from tests.conformance.worlds import Place, Setting, World
from tests.real.processes import scratch

ROUNDS = 60
AFTER_THE_CALL = {"names": ["call: after put"]}
NAMES = {EMBEDDED: "one process, started again at once", SHARED: "two replicas, lease 3 s"}


async def measure() -> Report:
    """Kill in every incident, on one engine after the other."""
    rows = []
    with ExitStack() as block:
        ground = block.enter_context(stores())
        zygote = block.enter_context(zygotes.zygote("tests.conformance.zygote"))
        for kind in (EMBEDDED, SHARED):
            with ground.empty(kind) as store, scratch("world") as here:
                journal = store.url or str(store.folder)
                place = Place(kind=kind, journal=journal, folder=here, zygote=zygote)
                replicas = 1 if kind == EMBEDDED else 2
                with World(place, Setting(brief=True, replicas=replicas, lease=3.0)) as world:
                    found = _kill(world)
            shown = (middle(found), percentile(found, 0.99), max(found))
            rows.append((NAMES[kind], str(len(found)), *(f"{each:.2f} s" for each in shown)))
    return Report(
        name="takeover",
        title="SIGKILL within a step → the next step was done",
        columns=("", "deaths", "p50", "p99", "longest"),
        rows=tuple(rows),
        notes=(
            "A process is forked with everything imported: an interpreter's start comes on top.",
        ),
    )


def _kill(world: World) -> list[float]:
    world.deadly = lambda: AFTER_THE_CALL
    found = []
    for number in range(1, ROUNDS + 1):
        world.play(incidents=number)
        struck = [e.at for e in world.estate.effects() if e.verb == "strike"]
        found.append(struck[-1] - world.died[-1])
        while len([life for life in world.lives if life.ready]) < world.setting.replicas:
            world.tend()
            time.sleep(0.05)
    wrong = world.findings().all
    if wrong:
        raise AssertionError(wrong)
    return found


if __name__ == "__main__":
    reports.run({"takeovers": measure})
