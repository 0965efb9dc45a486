"""Every flow of AIVO, broken by its own button and played to its end in the demo's estate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.runs import Run
from flows.states import Outcome
from sandbox.estate.values import Object
from sandbox.workspace.client import buttons, shown
from tests.scenario.world.demo import demo
from tests.scenario.world.whole import ALEX, INCIDENTS, JENNIFER, MARCUS, PATIENCE, Whole

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]
SARAH, EMILY = "U0SARAHK", "U0EMILY"
FAST = 60


class Play:
    """One incident in the demo."""

    def __init__(self, here: Whole) -> None:
        self.here = here

    def state(self, *path: str) -> Any:
        """Return something of what the panel shows."""
        found: Any = self.here.world.estate.state()
        for name in path:
            found = found[name]
        return found

    async def until(self, wanted: Any, what: str) -> None:
        """Wait until the panel shows something."""

        async def look() -> bool:
            return bool(wanted(self.here.world.estate.state()))

        await self.here.people.wait_for(look, PATIENCE, what=what)

    async def moment(self) -> str:
        """Return a moment of now, as soon as it is over."""
        moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        await self.until(lambda _: datetime.now(UTC) > moment + timedelta(seconds=1), "a moment")
        return moment.isoformat()

    async def broken(self, scenario: str) -> None:
        """Press a button that breaks something."""
        await self.here.estate("break", scenario=scenario)

    async def declared(self, reason: str, **answers: str) -> None:
        """Declare as Marcus, and answer what is asked."""
        words = f'!incident declare "{reason}"'
        await self.here.people.say(MARCUS, INCIDENTS, words)
        await self.here.until(lambda run: run.channel, what="a channel")
        for question in ("security", "data"):
            await self.here.say(MARCUS, f"answer {question} {answers.get(question, 'no')}")

    async def planned(self, words: str) -> Run:
        """Ask for a plan."""
        await self.here.until(lambda run: run.blocked or run.proposal, what="the matrix")
        await self.here.say(MARCUS, f"plan {words}")
        procedure = words.split(maxsplit=1)[0]
        run = await self.here.until(
            lambda run: run.plan and run.plan.procedure == procedure, what=f"a plan of {words}"
        )
        assert run.plan is not None
        return run

    async def hurried(self) -> None:
        """Let time run."""
        await self.here.estate("speed", speed=FAST)

    async def gate(self, step: str, *people: str) -> None:
        """Approve a step of its own as these people, one after the other."""
        run = await self.here.until(
            lambda run: run.steps[step].state == "waiting", what=f"the gate of {step}"
        )
        assert run.plan is not None
        title, channel = run.plan.step(step).title, run.channel or ""

        async def asked() -> tuple[str, str] | None:
            for message in await self.here.people.messages(channel):
                blocks = message.get("blocks", [])
                names = [name for name in buttons(blocks) if ":approve" in name]
                words = shown(blocks)
                if names and "approve the step" in words and title in words:
                    return message["ts"], names[0]
            return None

        message, button = await self.here.people.wait_for(asked, PATIENCE, what=f"{title}?")
        for who in people:
            await self.here.people.click(who, channel, message, button)

    async def restored(self) -> Run:
        """Wait for the end, and see that it is a good one."""
        run = await self.here.until(lambda run: run.ended or run.held, what="the end")
        assert run.held is None, run.held.why
        assert run.outcome is Outcome.RESTORED
        return run


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    """The demo with everything in it."""
    async with demo(tmp_path, furnished=True) as here:
        yield Play(here)


def share(state: Object, group: str) -> int:
    """Return which per cent of the traffic a group of targets gets."""
    return next(int(each["percent"]) for each in state["aws"]["shares"] if each["group"] == group)


@pytest.mark.covers("AIVO-FLOW4")
@pytest.mark.long
async def test_gradual(play: Play) -> None:
    """The new version is slow: its share goes down in steps, watched, until it has none."""
    await play.broken("slow_version")
    await play.until(lambda state: state["latency_p95"] > 3, "slow pages")
    await play.declared("pages take seconds")
    await play.planned("gradual")
    await play.hurried()
    await play.here.approve(JENNIFER)
    seen: set[int] = set()

    def down(state: Object) -> bool:
        seen.add(share(state, "aivo-prod-new"))
        return share(state, "aivo-prod-new") == 0

    await play.until(down, "no traffic for the new version")
    await play.restored()
    assert {100, 50, 25, 0} >= seen >= {50, 0}
    assert play.state("latency_p95") < 0.5


@pytest.mark.covers("AIVO-FLOW5")
async def test_flag(play: Play) -> None:
    """The new feature is faulty: it is switched off."""
    await play.broken("faulty_feature")
    await play.until(lambda state: state["latency_p95"] > 3, "slow pages")
    await play.declared("the new gradebook is slow")
    await play.planned("flag")
    await play.hurried()
    await play.here.approve(JENNIFER)
    await play.restored()
    (feature,) = (each for each in play.state("flags") if each["key"] == "aivo-new-features")
    assert not feature["on"]
    assert "INC-1" in feature["by"]
    assert play.state("latency_p95") < 0.5


@pytest.mark.covers("AIVO-FLOW7")
@pytest.mark.long
async def test_files(play: Play) -> None:
    """Uploads were overwritten: what differs from the backup comes back."""
    await play.broken("bad_files")
    await play.until(lambda state: state["aws"]["files"]["wrong"], "wrong files")
    await play.declared("uploads show the wrong pictures", data="yes")
    await play.planned(f"files prefix={play.state('aws', 'files', 'prefix')}")
    await play.hurried()
    await play.here.approve(JENNIFER, SARAH)
    await play.restored()
    await play.until(lambda state: state["aws"]["files"]["wrong"] == 0, "good files")


@pytest.mark.covers("AIVO-FLOW1")
@pytest.mark.long
async def test_security(play: Play) -> None:
    """A key is misused: everything is shut and stopped, the key ends, and all comes back."""
    await play.broken("breach")
    (key,) = play.state("aws", "keys")
    await play.until(lambda state: state["aws"]["keys"][0]["misuse"] > 0, "misuse")
    await play.declared("exports are downloaded by a stranger", security="yes")
    await play.planned(f"security user={key['user']} key={key['last4']}")
    await play.hurried()
    await play.here.approve(EMILY)
    await play.gate("status_open", ALEX)
    await play.until(lambda state: state["aws"]["fixed"], "the load balancer's own answer")
    await play.gate("deactivate", SARAH)
    await play.gate("inside", JENNIFER, SARAH)
    await play.restored()
    state = play.state()
    assert state["aws"]["fixed"] is None
    assert state["aws"]["keys"][0]["status"] == "Inactive"
    assert all(each["ready"] == each["desired"] for each in state["services"])
    assert {each["to"][0] for each in state["mails"]} == {"ceo@aivo.edu"}
    assert [each["status"] for each in state["statuspage"]] == ["resolved"]


@pytest.mark.covers("AIVO-FLOW2")
@pytest.mark.long
async def test_data(play: Play) -> None:
    """A job overwrites grades: restored to the moment before, agreed to, and cut over."""
    moment = await play.moment()
    await play.broken("corrupt_grades")
    await play.until(lambda state: _in_use(state)["wrong"]["grades"] > 20, "wrong grades")
    await play.declared("grades are wrong", data="yes")
    await play.planned(f"data time={moment}")
    await play.hurried()
    await play.here.approve(EMILY)
    await play.gate("cut_over", JENNIFER, SARAH)
    await play.restored()
    await play.until(
        lambda state: (
            _in_use(state)["id"].endswith("inc-1") and not _in_use(state)["wrong"]["grades"]
        ),
        "good grades in the restored database",
    )
    writes = play.state("database", "writes", "done")
    await play.until(lambda state: state["database"]["writes"]["done"] > writes, "new writes")


@pytest.mark.covers("AIVO-FLOW6", "AIVO-FIX30")
@pytest.mark.long
async def test_point_in_time_and_rows(play: Play) -> None:
    """A few rows are wrong: a database is restored beside, and the rows come back from it."""
    here = play.here
    moment = await play.moment()
    await play.broken("some_rows")
    await play.until(lambda state: state["database"]["damaged"]["grades"], "wrong rows")
    damaged = play.state("database", "damaged")
    await play.declared("a few grades are wrong", data="yes")
    await play.planned(f"point_in_time time={moment} check=yes")
    await play.hurried()
    await here.approve(EMILY)
    run = await play.restored()
    done = run.steps["instance"].output
    assert done is not None
    here.incident = "INC-2"
    await play.declared("put the rows back", data="yes")
    keys = " ".join(f"{table}={','.join(map(str, damaged[table]))}" for table in damaged)
    await play.planned(f"rows {keys} recovered={done['host']}:{done['port']}")
    await here.approve(EMILY)
    await play.gate("mend", JENNIFER, SARAH)
    await play.restored()
    await play.until(lambda state: not any(_in_use(state)["wrong"].values()), "good rows")


def _in_use(state: Object) -> Object:
    return next(each for each in state["database"]["instances"] if each["in_use"])


@pytest.mark.covers("AIVO-FLOW3", "AIVO-R8", "AIVO-V2", "AIVO-V3", "AIVO-V10", "AIVO-C2")
@pytest.mark.long
async def test_service_with_its_cache(play: Play) -> None:
    """A release fills the cache with wrong courses: it goes back, and these keys are deleted."""
    here = play.here
    await play.broken("stale_cache")
    await play.until(lambda state: state["cache"]["stale"], "wrong courses")
    sessions = play.state("cache", "keys")["session:"]
    await play.declared("courses show the wrong content")
    await play.planned("service cache=cache:course:")
    await play.hurried()
    await here.approve(EMILY)
    await play.gate("clear_cache", JENNIFER)
    await play.gate("no_concern", EMILY)
    await play.restored()
    state = play.state()
    assert state["cache"]["stale"] == 0
    assert state["cache"]["keys"]["session:"] == sessions
    assert state["mails"][0]["to"] == ["ceo@aivo.edu", "cto@aivo.edu"]
    assert here.rollbacks() == 1
