"""What is left after a run: the account that its events add up to."""

import pytest

from flows import events
from flows.decisions import NotDeclaredError
from flows.deviations import Off
from flows.gates import REVIEW_SCOPE
from flows.reports import FOLLOW_UP, Report, report
from flows.states import State, StepState
from flows.stretches import For, measure, union, without
from tests.bot import story
from tests.bot.reporting import stories
from tests.bot.story import JENNIFER, MARCUS, START, Story


def off(made: Report, kind: Off) -> list[tuple[str, str, str]]:
    """Return what, who and why of every deviation of a kind."""
    return [(each.what, each.who, each.why) for each in made.deviations if each.kind is kind]


@pytest.mark.parametrize("told", [stories.short, stories.undone, stories.long])
@pytest.mark.covers("AIVO-P3", "AIVO-P10", "AIVO-FIX41")
def test_waiting_and_working_add_up_to_the_whole(told: stories.Tell) -> None:
    """Every second is either people's or Backout's, and the phases cover all of them."""
    made = stories.of(told())

    assert made.waiting + made.working == made.seconds
    assert sum(phase.seconds for phase in made.phases) == made.seconds
    assert sum(map(made.waited_in, made.phases)) == pytest.approx(made.waiting)


def test_a_straight_run_waited_for_its_approval_only() -> None:
    """Fifty seconds pass between the plan and the approval; the rest is work."""
    made = stories.of(stories.short())

    assert [(wait.kind, (wait.ended - wait.began).seconds) for wait in made.waits] == [
        (For.APPROVAL, 50)
    ]
    assert made.waiting == 50
    assert made.restored_after == 298
    assert off(made, Off.UNKNOWN) == [("Affected users", "", "Prometheus did not answer")]
    assert {each.kind for each in made.deviations} == {Off.UNKNOWN}


def test_time_in_which_something_is_done_is_not_waiting() -> None:
    """A hold during which a step still runs counts as waiting only from the step's end."""
    told = story.restoring().wait(10)
    told.tell(events.HoldAsked(reason="look first"), by=MARCUS)
    told.done("rollout", "ready", seconds=40).wait(25).tell(events.ResumeAsked(), by=MARCUS)
    made = stories.of(told)

    hold = next(wait for wait in made.waits if wait.kind is For.HOLD)
    assert (hold.ended - hold.began).seconds == 65
    assert measure(made.idle, (hold.began, hold.ended)) == 25


def test_every_kind_of_waiting_is_told_apart() -> None:
    """Questions, approvals, advice after a denial, and holds each have their own stretch."""
    made = stories.of(stories.undone())

    assert [wait.kind for wait in made.waits] == [
        For.QUESTIONS,
        For.APPROVAL,
        For.ADVICE,
        For.APPROVAL,
        For.HOLD,
        For.HOLD,
    ]


def test_an_approval_of_a_step_is_waited_for_while_nothing_else_is_done() -> None:
    """The cut-over waits four minutes for its own approval, counted from its turn."""
    made = stories.of(stories.long())
    cut_over = next(each for each in made.steps if each.step.id == "cut_over")
    word = next(said for said in made.rulings if said.what == cut_over.step.title)

    assert (cut_over.waited, cut_over.worked, cut_over.state) == (240, 25, StepState.DONE)
    assert word.after == 240
    assert word.roles == ("Engineering Lead",)


def test_phases_have_their_budgets_and_are_late_against_them() -> None:
    """Assessing is measured against the declaration's budget, the others against the plan's."""
    made = stories.of(stories.undone())

    assert [(p.state, p.budget, p.late) for p in made.phases[:5]] == [
        (State.ASSESS, 180.0, False),
        (State.APPROVE, 300.0, False),
        (State.ASSESS, None, False),
        (State.APPROVE, 300.0, False),
        (State.RESTORE, 300.0, True),
    ]


def test_decisions_name_who_in_which_role_and_why() -> None:
    """A denial is told with its reason, and a word that came too late with that."""
    told = stories.undone()
    told.tell(events.HoldAsked(reason="too late"), by=MARCUS)
    made = stories.of(told)
    denial = next(said for said in made.rulings if said.why == "not before the backup is done")

    assert (denial.actor.name, denial.roles, denial.counted) == (
        "Alex Thompson",
        ("Engineering Lead",),
        True,
    )
    assert not made.rulings[-1].counted


def test_what_did_not_go_straight_is_named() -> None:
    """Doubts, failures, retries and what was put back are all there, in order."""
    made = stories.of(stories.undone())

    assert off(made, Off.DOUBTED) == [
        ("Roll back to the last good release", "", "the reply was lost")
    ]
    assert off(made, Off.RECONCILED) == [("Roll back to the last good release", "", "on 41")]
    assert off(made, Off.RETRIED) == [
        ("Wait until every workload is ready", "Marcus Rodriguez", "")
    ]
    assert len(off(made, Off.FAILED)) == 2
    assert [each.at for each in made.deviations] == sorted(each.at for each in made.deviations)
    rollback = made.steps[0]
    assert (rollback.state, rollback.doubted, rollback.reconciled) == (
        StepState.UNDONE,
        True,
        True,
    )
    assert made.steps[1].tries == 2
    assert [work.outcome for work in made.works if work.undo] == [StepState.UNDONE]


def test_break_glass_skips_and_losses_are_told() -> None:
    """The long run owes a review, names what was skipped, and what was lost for good."""
    made = stories.of(stories.long())

    assert off(made, Off.BROKE_GLASS) == [
        ("Data protection rollback", "Marcus Rodriguez", "nobody answers")
    ]
    assert off(made, Off.SKIPPED)[0][1:] == ("Jennifer Liu", "the other targets are new")
    assert [(loss.step.id, loss.begun) for loss in made.losses] == [("cut_over", True)]
    assert len(made.restore_points) == 6
    assert [each.subject for each in made.owed] == [
        REVIEW_SCOPE,
        StepState.SKIPPED,
        Off.UNKNOWN,
        FOLLOW_UP,
        FOLLOW_UP,
    ]


def test_follow_ups_are_due_from_the_end_on() -> None:
    """The policy's times count from the end of the run, and an open run owes none yet."""
    made = stories.of(stories.short())
    still = stories.of(story.restoring())

    assert made.run.ended_at
    tasks = [each for each in made.owed if each.subject == FOLLOW_UP]
    assert [(t.due - made.run.ended_at).total_seconds() for t in tasks if t.due] == [7200, 86_400]
    assert not [each for each in still.owed if each.subject == FOLLOW_UP]


def test_a_page_is_answered_by_the_first_sign_of_life_of_whom_it_called() -> None:
    """Emily is there after twenty seconds; nobody answers the page of the long run."""
    assert [
        (c.answered_by, c.answered_at and (c.answered_at - c.at).seconds)
        for c in (stories.of(stories.short()).calls)
    ] == [("Emily Watson", 20)]
    assert [call.answered_by for call in stories.of(stories.long()).calls] == [""]


def test_a_plan_that_was_given_up_keeps_its_account() -> None:
    """After a replan the steps that were begun under the old plan are still told."""
    told = story.held()
    told.tell(events.ReplanAsked(reason="the node is gone"), by=JENNIFER)
    told.wait(10).facts().proposed(story.plan(because="another look"))
    made = stories.of(told)

    earlier = [each for each in made.steps if told.run.plan and each.plan != told.run.plan.digest]
    assert [(each.step.id, each.state) for each in earlier] == [
        ("rollback", StepState.DONE),
        ("rollout", StepState.FAILED),
    ]
    assert off(made, Off.REPLANNED) == [("", "Jennifer Liu", "the node is gone")]


def test_a_run_that_goes_on_is_told_up_to_now() -> None:
    """What is under way lasts until the moment in which the report is made."""
    told = story.restoring()
    made = report(told.history, now=told.wait(33).now)

    assert made.until == told.now
    assert made.works[-1].outcome is StepState.RUNNING
    assert made.works[-1].ended == told.now


def test_a_run_of_nothing_but_its_declaration_has_a_report() -> None:
    """Whoever asks in the first second gets an answer."""
    made = stories.of(Story())

    assert (made.seconds, made.waiting, made.steps) == (0, 0, ())
    with pytest.raises(NotDeclaredError):
        report([])


def test_intervals_are_joined_and_cut() -> None:
    """Overlaps count once, and what is cut out leaves its two ends."""
    at = [START.replace(second=n) for n in range(10)]

    assert union([(at[4], at[6]), (at[1], at[3]), (at[2], at[4])]) == ((at[1], at[6]),)
    assert without([(at[1], at[8])], [(at[2], at[3]), (at[7], at[9])]) == (
        (at[1], at[2]),
        (at[3], at[7]),
    )
    assert measure([(at[1], at[3]), (at[2], at[5])], (at[2], at[4])) == 2
