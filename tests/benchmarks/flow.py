"""The whole service rollback (2C) beside a shell script that makes the same calls.

The script uses `kubectl`, `helm` and `curl` against the same estate and workspace: it opens a
channel, looks at the facts, reads history and manifests, rolls back, waits, checks, tells.  What
the procedure does side by side, the script does side by side.  Human time is left out of both:
the questions are answered in the form that declares, and between the plan and the second
approval the clock is stopped.  Criteria hold at once (`hold_for` 0 instead of 30 s), and the estate
runs faster than real, so that waiting does not drown the comparison.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import time
from pathlib import Path

from bot.demo_estate import write_overlay
from flows.events import PlanPrepared
from flows.journal import Journal
from flows.states import State
from tests.benchmarks import reports, systems
from tests.benchmarks.reports import Report, middle, times
from tests.benchmarks.stages import APPROVERS, DECLARER, INCIDENTS, Stage, addresses, stage

SPEED = 20.0
ROUNDS = 3
STATUSPAGE = (
    "The last row is Statuspage's pace: Backout keeps to its one request a second, and looks "
    "before and after each change. The script makes two calls and hopes."
)
ROLLOUT_STATUS = (
    "About half of the script's time after the approval is `kubectl rollout status`, which waits "
    "for eighteen deployments one after the other, where Backout lists them at once. Without "
    "that, the script is the faster of the two: it commits nothing and looks at nothing twice."
)
SCRIPT = Path(__file__).with_name("rollback.sh")


async def measure() -> Report:
    """Break the estate and repair it by turns: by hand, by Backout."""
    async with stage() as on:
        systems.write_aivo(on.systems)
        on.world.estate.set_speed(SPEED)
        overlay = write_overlay(on.folder / "overlay.yaml", addresses(on.world))
        script, ours = [], []
        async with on.bot(more={"BACKOUT_OVERLAY": str(overlay)}):
            for number in range(1, ROUNDS + 1):
                script.append(await _by_script(on))
                ours.append(await _by_backout(on, number))
    rows = {
        "declared → facts and plan": 0,
        "approved → rolled back, every criterion checked": 1,
        "together": 2,
        "… → everybody told, closed": 3,
    }
    return Report(
        name="flow",
        title="Service rollback (2C), without human time (medians)",
        columns=("", "Backout", "shell script", "Backout beside it"),
        rows=tuple(_row(name, ours, script, index) for name, index in rows.items()),
        notes=(
            f"{ROUNDS} times each, by turns; the estate runs {SPEED:.0f} times as fast as real.",
            STATUSPAGE,
            ROLLOUT_STATUS,
        ),
    )


Parts = tuple[float, float, float, float]


def _row(name: str, ours: list[Parts], script: list[Parts], index: int) -> tuple[str, ...]:
    mine, theirs = middle([o[index] for o in ours]), middle([s[index] for s in script])
    return name, f"{mine:.2f} s", f"{theirs:.2f} s", times(mine, theirs)


def able() -> bool:
    """Say whether the script's commands are there."""
    return all(map(shutil.which, ("kubectl", "curl", "jq")))


async def _break(on: Stage) -> None:
    on.world.estate.reset()
    await asyncio.sleep(1.0)
    on.world.estate.break_release()

    def broken() -> bool:
        state = on.world.estate.state()
        return float(state["availability"]) < 0.9 and int(state["affected_users"]) > 1000

    await on.until(broken, "the estate to break")


async def _by_backout(on: Stage, incident: int) -> Parts:
    await _break(on)
    await on.people.slash(DECLARER, INCIDENTS, "declare")
    view = await on.until(lambda: on.world.workspace.context.store.modal(DECLARER), "the form")
    values = {"reason": "measured", "system": "aivo"}
    values |= {"question:security": "no", "question:data": "no"}
    began = time.time()
    await on.people.submit(DECLARER, view.id, dict(values))
    for person in APPROVERS:
        message, action = await on.offered(incident, "backout:approve")
        planned = _planned(on, incident)
        await asyncio.sleep(0.5)
        clicked = await on.click(person, message, action)
    ended = await on.until(lambda: _entered(on, incident, State.CLOSED), "the end of the run")
    checked = _entered(on, incident, State.COMMUNICATE)
    plan = planned - began
    return plan, checked - clicked, plan + checked - clicked, ended - checked


def _planned(on: Stage, incident: int) -> float:
    with contextlib.closing(Journal.read(on.data)) as journal:
        events = journal.events(f"INC-{incident}")
    return next(e.at for e in reversed(events) if isinstance(e.event, PlanPrepared)).timestamp()


def _entered(on: Stage, incident: int, state: State) -> float:
    """Return when a run came into a state, 0 where it did not yet."""
    with contextlib.closing(Journal.read(on.data)) as journal:
        run = journal.run(f"INC-{incident}")
    spans = run.spans if run else ()
    return next((span.at.timestamp() for span in spans if span.state is state), 0.0)


async def _by_script(on: Stage) -> Parts:
    await _break(on)
    found = on.world.addresses()
    environment = {
        "PATH": f"{found['helm_dir']}:{os.environ['PATH']}",
        "HOME": str(on.folder),
        "NO_PROXY": "127.0.0.1",
        "KUBECONFIG": found["kubeconfig"],
        "SLACK": found["slack_api_url"],
        "TOKEN": found["bot_token"],
        "PROMETHEUS": found["prometheus_url"],
        "HEALTH": found["health_url"],
        "STATUSPAGE": f"{found['statuspage_url']}/v1/pages/{found['statuspage_page']}",
        "STATUSPAGE_TOKEN": found["statuspage_token"],
        "NAME": f"script-{time.monotonic_ns()}",
    }
    process = await asyncio.create_subprocess_exec(
        "bash", str(SCRIPT), env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the script failed: {out.decode()}")
    began, planned, checked, ended = (float(word) for word in out.decode().split()[-4:])
    return planned - began, checked - planned, checked - began, ended - checked


if __name__ == "__main__":
    if not able():
        sys.exit("this benchmark needs kubectl, curl and jq")
    reports.run({"flow": measure})
