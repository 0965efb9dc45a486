"""A journal with an incident whose plan waits for approval, for what decides about it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from config.loader import load_systems
from config.models.bundles import Bundle
from config.settings import PACKAGED
from flows import events
from flows.authorizing import emergency
from flows.declaring import declaration
from flows.embedded import EmbeddedEngine
from flows.events import BOT, Actor
from flows.plans import seal
from flows.runs import Run
from tests.bot import story

INCIDENT = "INC-1"
START = story.START


class Clock:
    """Shows the time that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@cache
def bundles() -> Mapping[str, Bundle]:
    """Return the systems that come with Backout."""
    return {bundle.system.system: bundle for bundle in load_systems(PACKAGED)}


def waiting(folder: Path, clock: Callable[[], datetime]) -> EmbeddedEngine:
    """Open a journal in which Marcus Rodriguez declared INC-1 and its plan waits for approval."""
    engine = EmbeddedEngine(folder, clock=clock)
    declarer = Actor(id=story.MARCUS.id, name=story.MARCUS.name)
    engine.declare(
        "aivo",
        lambda incident: declaration(
            bundles()["aivo"], incident, reason="checkout 5xx", person=story.MARCUS
        ),
        actor=declarer,
        event_id="declared",
    )
    run = current(engine)
    answers = [
        events.QuestionAnswered(question=question.id, answer=False) for question in run.questions
    ]
    told: list[events.Event] = [*answers, events.FactsGathered()]
    for number, event in enumerate(told):
        engine.feed(INCIDENT, event, actor=BOT, event_id=f"told:{number}")
    proposed = events.ProcedureProposed(
        procedure="service", title="Service rollback", because="it is down", severity="critical"
    )
    engine.feed(INCIDENT, proposed, actor=BOT, event_id="proposed")
    now = engine.now()
    expires = now + timedelta(minutes=30)
    rules = emergency(bundles()["aivo"], story.PEOPLE, engine.unreviewed("aivo"), now)
    plan = seal(replace(story.plan(), prepared_at=now, expires_at=expires, emergency=rules))
    prepared = events.PlanPrepared(
        planning=current(engine).planning, plan=plan, candidates=story.PEOPLE
    )
    engine.feed(INCIDENT, prepared, actor=BOT, event_id="prepared")
    return engine


def current(engine: EmbeddedEngine) -> Run:
    """Return the incident as it is now."""
    run = engine.run(INCIDENT)
    assert run is not None
    return run


def digest(engine: EmbeddedEngine) -> str:
    """Return the digest that the plan's gate asks about."""
    gate = current(engine).gate
    assert gate is not None
    return gate.digest
