"""Triggers that declare by themselves: when, and what keeps them from beginning anything."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ActionRegistry
from bot.drills import KIND, Drills
from bot.sentry import Sentry, Surface
from config import checks
from config.loader import load_system
from config.models.bundles import Bundle
from config.models.policies import Trigger
from config.settings import PACKAGED
from flows import events
from flows.embedded import EmbeddedEngine
from flows.events import BOT, TimerFired
from flows.files import FolderFiles
from flows.plans import seal
from flows.runs import Run
from flows.states import State
from tests.flows.test_decisions import PEOPLE, a_plan, started, succeeded, under_way

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
LISTED = load_system(PACKAGED / "aivo")
RULES = {
    "id": "errors",
    "title": "Error ratio above 10 % for 5 min",
    "when": "facts.error_ratio > 0.1",
    "lasting": "5m",
    "severity": "critical",
    "procedure": "service",
    "automatic": {
        "notice": "2m",
        "release": "facts.version",
        "cool_down": "1h",
        "drill_within": "30d",
        "guards": [
            {
                "id": "recent",
                "title": "A release went out in the last hour",
                "when": "facts.age < 60",
            }
        ],
    },
}
BAD: Mapping[str, Any] = {"error_ratio": 0.3, "version": "2.15.0", "age": 20}


def automatic(**changes: Any) -> Bundle:
    """Return the system with a trigger that declares by itself."""
    trigger = Trigger.model_validate({**RULES, **changes})
    return replace(LISTED, policy=LISTED.policy.model_copy(update={"triggers": (trigger,)}))


class Night:
    """A sentry with time and facts in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.facts: Mapping[str, Any] = BAD
        self.engine = EmbeddedEngine(folder, clock=lambda: self.now)
        self.drills = Drills(FolderFiles(folder / KIND))
        self.bundle = automatic()
        surface = Surface(slack_of=lambda _: None, channel_name=lambda name, _: name.lower())
        self.sentry = Sentry(self.engine, [self.bundle], self.observe, self.drills, surface)

    async def observe(self, bundle: Bundle) -> Mapping[str, Any]:
        """Return the facts as they are."""
        return {"facts": dict(self.facts), "system": {}}

    def drilled(self, at: datetime = START) -> None:
        """Keep that a drill passed."""
        plan = seal(replace(a_plan(), procedure="service", prepared_at=at))
        self.drills.passed("aivo", plan)

    async def pass_by(self, minutes: float, *, step: float = 0.25) -> list[Run]:
        """Look every quarter of a minute; return what was declared."""
        found: list[Run] = []
        for _ in range(int(minutes / step)):
            run = await self.sentry.look(self.bundle)
            found += [run] if run else []
            self.now += timedelta(minutes=step)
        return found

    def feed(self, run: Run, event: events.Event) -> Run:
        """Record an event."""
        key = f"test:{self.now.isoformat()}:{type(event).__name__}"
        return self.engine.feed(run.id, event, actor=BOT, event_id=key) or run

    def begin(self, run: Run) -> Run:
        """Have the plan made, and the notice be over."""
        soon = self.now + timedelta(minutes=30)
        plan = seal(replace(a_plan(), procedure="service", prepared_at=self.now, expires_at=soon))
        proposed = events.ProcedureProposed(
            procedure="service", title="", because="", severity="critical"
        )
        self.feed(run, proposed)
        self.feed(run, events.PlanPrepared(planning=1, plan=plan, candidates=PEOPLE))
        return self.feed(run, TimerFired(timer="automatic", generation=1))

    def close(self, run: Run) -> None:
        """Perform the first step of what was begun, and undo it."""
        for make in (under_way(started), under_way(succeeded)):
            run = self.feed(run, make(run))
        self.feed(run, events.UndoAsked(reason="worse"))
        assert self.feed(run, events.StepUndone(step="first", summary="back")).ended


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A sentry on duty."""
    return Night(tmp_path)


async def test_it_declares_when_the_condition_has_held_for_its_time(night: Night) -> None:
    """Not before five minutes; then people are called, and the plan may begin by itself."""
    night.drilled()
    assert await night.pass_by(5) == []
    (run,) = await night.pass_by(0.25)
    assert (run.reason, run.declared_by.id) == ("Error ratio above 10 % for 5 min", BOT.id)
    assert run.pages[0].subject == "level:1"
    assert run.automatic is not None
    assert (run.automatic.barred, run.automatic.release) == ("", "2.15.0")
    assert night.begin(run).state is State.RESTORE


@pytest.mark.parametrize(
    "broken", [{**BAD, "error_ratio": 0.05}, {"version": "2.15.0"}], ids=["fine", "unknown"]
)
async def test_a_break_begins_the_time_anew(night: Night, broken: Mapping[str, Any]) -> None:
    """Whether it was fine or not known: four minutes and four minutes are not five."""
    await night.pass_by(4)
    night.facts = broken
    await night.pass_by(0.25)
    night.facts = BAD
    assert await night.pass_by(4.75) == []
    assert len(await night.pass_by(1)) == 1


async def test_while_people_are_at_it_nothing_is_declared(night: Night) -> None:
    """One open incident a system, whoever declared it."""
    assert len(await night.pass_by(30)) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda night: None, "no drill of it has passed"),
        (lambda night: night.drilled(START - timedelta(days=31)), "its last drill is too old"),
        (lambda night: vary(night, age=90), "not met: A release went out in the last hour"),
        (lambda night: vary(night, age=None), "not met: A release went out in the last hour"),
        (lambda night: vary(night, version=None), "it is not known which release is live"),
    ],
    ids=["undrilled", "old drill", "old release", "release's age unknown", "release unknown"],
)
async def test_a_guard_that_is_not_known_to_be_met_leaves_it_to_people(
    night: Night, spoil: Callable[[Night], None], said: str
) -> None:
    """The incident is declared in any case, and says why nothing begins by itself."""
    spoil(night)
    if "drill" not in said:
        night.drilled()
    (run,) = await night.pass_by(6)
    assert run.automatic is not None
    assert said in run.automatic.barred
    assert night.begin(run).state is State.APPROVE


def vary(night: Night, **facts: Any) -> None:
    """Change facts; None makes one unknown."""
    night.facts = {k: v for k, v in {**night.facts, **facts}.items() if v is not None}


async def test_a_release_is_rolled_back_by_itself_once(night: Night) -> None:
    """When the same release is bad again a day later, people decide."""
    night.drilled()
    (run,) = await night.pass_by(6)
    night.close(night.begin(run))
    night.now += timedelta(days=1)
    (second,) = await night.pass_by(6)
    assert second.automatic is not None
    assert second.automatic.barred == "2.15.0 was rolled back by itself before (INC-1)"


async def test_shortly_after_one_beginning_the_next_is_left_to_people(night: Night) -> None:
    """Another release, within the hour: something is wrong that a rollback does not mend."""
    night.drilled()
    (run,) = await night.pass_by(6)
    night.close(night.begin(run))
    vary(night, version="2.14.9")
    assert await night.pass_by(50) == [], "the same trigger declares no second incident either"
    found = await night.pass_by(20)
    assert len(found) == 1


async def test_a_drill_survives_a_restart(night: Night, tmp_path: Path) -> None:
    """It is kept beside the journal; the newest counts."""
    assert night.drills.last("aivo", "service") is None
    night.drilled(START - timedelta(days=2))
    night.drilled()
    assert Drills(FolderFiles(tmp_path / KIND)).last("aivo", "service") == START
    assert Drills(FolderFiles(tmp_path / KIND)).last("aivo", "other") is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"procedure": "later"}, "there is no procedure `later`"),
        ({"automatic": {**RULES["automatic"], "release": "facts.nothing"}}, "nothing"),  # type: ignore[dict-item]
    ],
)
def test_check_says_what_would_keep_it_from_ever_beginning(
    changes: dict[str, Any], said: str
) -> None:
    """A procedure that is not carried, a fact that nobody looks at."""
    problems = checks.check_all([automatic(**changes)], ActionRegistry())
    assert any(said in each.message for each in problems)


def test_what_declares_by_itself_needs_a_condition() -> None:
    """An event that only people notice declares nothing."""
    with pytest.raises(ValueError, match="needs `when`"):
        Trigger.model_validate({**RULES, "when": None})
