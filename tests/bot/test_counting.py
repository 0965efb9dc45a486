"""What each event of an incident adds to the metrics."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.metrics.counting import samples
from bot.metrics.instruments import COUNTERS, HISTOGRAMS
from bot.metrics.samples import Name, Sample
from config.models.policies import RecoveryPoint
from flows import events
from flows.gates import Verb
from flows.moments import moments
from flows.paging import Reached
from tests.bot import story
from tests.bot.story import Story
from tests.flows.test_replay import HISTORIES, read


def counted(told: Story, points: Iterable[RecoveryPoint] = ()) -> list[Sample]:
    """Return everything that a story counts for."""
    return [s for moment in moments(told.history) for s in samples(moment, tuple(points))]


def of(found: Iterable[Sample], name: Name) -> Counter[tuple[str, ...]]:
    """Return how often each set of labels was counted."""
    return Counter(each.labels for each in found if each.name is name)


def seconds(found: Iterable[Sample], name: Name) -> dict[tuple[str, ...], float]:
    """Return what was observed under each set of labels."""
    return {each.labels: each.value for each in found if each.name is name}


def test_a_whole_rollback_is_counted_from_declaration_to_end() -> None:
    """Phases, the approval, every step, and the recovery against its objective."""
    found = counted(story.closed())
    assert of(found, Name.DECLARED) == {("aivo", "person"): 1}
    assert of(found, Name.ENDED) == {("aivo", "restored"): 1}
    assert of(found, Name.BEGUN) == {("aivo", "approvals"): 1}
    assert of(found, Name.DECISIONS) == {("aivo", "approve", "counted"): 1}
    assert seconds(found, Name.PHASES) == {
        ("aivo", "assess"): 60.0,
        ("aivo", "approve"): 50.0,
        ("aivo", "restore"): 98.0,
        ("aivo", "validate"): 90.0,
        ("aivo", "communicate"): 2.0,
    }
    assert seconds(found, Name.GATES) == {("aivo", "plan", "approved"): 50.0}
    assert of(found, Name.STEPS) == {
        ("helm.rollback", "succeeded"): 1,
        ("kubernetes.rollout_wait", "succeeded"): 1,
        ("http.check", "succeeded"): 1,
        ("prometheus.query", "succeeded"): 1,
        ("slack.post", "succeeded"): 1,
    }
    assert seconds(found, Name.RESTORED) == {("aivo", "service"): 298.0}
    assert of(found, Name.RECOVERIES) == {("aivo", "service", "rto", "met"): 1}
    assert not of(found, Name.RETRIES)
    assert not of(found, Name.DOUBTS)


def test_a_recovery_beyond_its_target_is_late_and_beyond_its_limit_missed() -> None:
    """The objective is the plan's; data are held against what may be lost of each kind."""
    for waited, result in ((400.0, "late"), (2000.0, "missed")):
        told = story.validating().done("health", "healthy", seconds=waited)
        told.done("availability", "99.7 %", seconds=30)
        assert of(counted(told), Name.RECOVERIES) == {("aivo", "service", "rto", result): 1}


def test_what_was_led_back_is_held_against_the_policy() -> None:
    """From the moment that the plan named until the step that led back began."""
    losses = "Data go back to 2026-11-20 13:59:00 UTC: at least 2 min are lost."
    back = story.step("back", "Restore", story.ROLLBACK.phase, effect="destroys", losses=losses)
    told = story.assessing().answered().proposed(story.plan((back,))).approved().done("back")
    points = [
        RecoveryPoint(id=name, title=name, rpo=timedelta(seconds=r), rpo_limit=timedelta(seconds=m))
        for name, r, m in (("orders", 300, 600), ("events", 60, 600), ("money", 0, 0))
    ]
    found = of(counted(told, points), Name.RECOVERIES)
    assert {labels[2:]: count for labels, count in found.items()} == {
        ("rto", "met"): 1,
        ("rpo_orders", "met"): 1,
        ("rpo_events", "late"): 1,
        ("rpo_money", "missed"): 1,
    }


def test_a_step_that_fails_is_told_from_one_that_is_tried_again() -> None:
    """A retry is counted as one, and so is the doubt that a look resolved."""
    told = story.waiting().approved().started("rollback")
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepFailed(step="rollback", attempt=attempt, why="busy", delay=1.0))
    told.started("rollback")
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepDoubted(step="rollback", attempt=attempt, why="no answer"))
    told.tell(
        events.StepSucceeded(
            step="rollback", attempt=attempt, summary="it holds", output={}, reconciled=True
        )
    )
    told.failed("rollout", "2 pods are missing")
    found = counted(told)
    assert of(found, Name.STEPS) == {
        ("helm.rollback", "tried_again"): 1,
        ("helm.rollback", "in_doubt"): 1,
        ("helm.rollback", "reconciled"): 1,
        ("kubernetes.rollout_wait", "failed"): 1,
    }
    assert of(found, Name.RETRIES) == {("helm.rollback",): 1}
    assert of(found, Name.DOUBTS) == {("helm.rollback",): 1}


def test_undo_is_counted_by_what_it_puts_back() -> None:
    """The action is that of the step, in whichever plan it was."""
    told = story.held().tell(events.UndoAsked(reason="worse"), by=story.MARCUS)
    told.tell(events.UndoFailed(step="rollback", why="busy", delay=1.0))
    told.tell(events.StepUndone(step="rollback", summary="back to 42"))
    found = of(counted(told), Name.STEPS)
    assert found["helm.rollback", "undone"] == 1
    assert found["helm.rollback", "undo_failed"] == 1


def test_what_comes_too_late_is_no_outcome() -> None:
    """An approval after the end is a refused word, an old attempt's outcome nothing."""
    told = story.restoring()
    late = events.Decided(
        scope="plan",
        person=story.ALEX,
        verb=Verb.APPROVE,
        digest=told.run.plan.digest if told.run.plan else "",
        reason="",
    )
    before = of(counted(told), Name.STEPS)
    told.tell(late, by=story.ALEX)
    told.tell(events.StepFailed(step="rollout", attempt=99, why="an older one"))
    found = counted(told)
    assert of(found, Name.DECISIONS)["aivo", "approve", "refused"] == 1
    assert of(found, Name.STEPS) == before
    assert sum(of(found, Name.GATES).values()) == 1


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (lambda told: told.denied(why="wrong release"), "denied"),
        (
            lambda told: told.wait(1800).tell(
                events.TimerFired(timer="expiry", generation=told.run.planning)
            ),
            "expired",
        ),
    ],
)
def test_a_gate_that_nobody_opens_ends_as_well(end: Callable[[Story], Story], outcome: str) -> None:
    """Denied by a person, or too old."""
    found = counted(end(story.waiting()))
    assert list(of(found, Name.GATES)) == [("aivo", "plan", outcome)]
    assert not of(found, Name.BEGUN)


def test_a_steps_own_gate_is_counted_from_when_it_was_asked_for() -> None:
    """Its scope is `step`: the name of a step is no label."""
    plan = story.plan((story.ROLLBACK, story.CUT_OVER))
    told = story.assessing().answered().proposed(plan).approved()
    told.done("rollback").wait(75).approved(story.ALEX, scope="cut_over")
    found = of(counted(told), Name.GATES)
    assert found == {("aivo", "plan", "approved"): 1, ("aivo", "step", "approved"): 1}


def test_calls_for_people_and_their_answer_are_counted() -> None:
    """A page by what was called, each way by how it went, and how long the answer took."""
    told = story.restoring()
    asked = events.PageAsked(
        subject="role:dba", title="DBA", people=(story.ALEX,), why="a hand is needed"
    )
    told.tell(asked, by=story.MARCUS)
    number = told.run.pages[-1].number
    reached = (
        Reached(person=story.ALEX.id, via="slack", ok=True),
        Reached(person=story.ALEX.id, via="pagerduty", ok=False, note="no key"),
    )
    told.tell(events.PageSent(page=number, reached=reached))
    told.wait(40).tell(events.PageAcknowledged(person=story.ALEX, via="slack"), by=story.ALEX)
    found = counted(told)
    assert of(found, Name.PAGES)["aivo", "role"] == 1
    assert of(found, Name.PAGED) == {
        ("aivo", "slack", "ok"): 1,
        ("aivo", "pagerduty", "failed"): 1,
    }


@pytest.mark.golden
@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_labels_are_those_that_were_declared_and_never_an_incident(path: Path) -> None:
    """Every sample of every recorded history fits its instrument, and names nobody."""
    labels = {name: given for name, (_, given) in COUNTERS.items()}
    labels |= {name: given for name, (_, given, _) in HISTOGRAMS.items()}
    history = read(path)
    names = {actor.id for actor in (each.actor for each in history)} | {"INC-1"}
    for moment in moments(history):
        for sample in samples(moment):
            assert len(sample.labels) == len(labels[sample.name]), sample
            assert not names & set(sample.labels) - {"backout"}
            assert sample.value >= 0
