"""Runs to report on: a short one, one that was held and undone, and a long one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from flows import events
from flows.events import FollowUp
from flows.gates import Slot
from flows.paging import Reached
from flows.plans import Emergency, Plan
from flows.reports import Promises, Report, report
from flows.states import State
from tests.bot import story
from tests.bot.story import ALEX, DAVID, EMILY, JENNIFER, MARCUS, Story

PROMISES = Promises(
    follow_ups=(
        FollowUp(id="timeline", title="Document the timeline", due=7200.0),
        FollowUp(id="debrief", title="Debrief the team: thanks, lessons", due=86_400.0),
    ),
    rpo=300.0,
)


Tell = Callable[[], Story]


def of(told: Story) -> Report:
    """Return the report of a story."""
    return report(told.history, promises=PROMISES)


def short() -> Story:
    """Return the story that goes straight to its end, with somebody called."""
    told = Story()
    told.tell(events.PageAsked(subject="role:x", title="On call", people=(EMILY,), why="declared"))
    told.wait(3).tell(
        events.PageSent(page=1, reached=(Reached(person=EMILY.id, via="slack", ok=True),))
    )
    told.wait(17).tell(events.PageAcknowledged(person=EMILY, via="slack"), by=EMILY)
    told.wait(20).facts().wait(20).answered().proposed().wait(50).approved()
    told.done("rollback", "rolled back to revision 41", seconds=38)
    told.done("rollout", "18 of 18 workloads ready", seconds=60)
    told.done("health", "healthy for 1 min", seconds=60)
    told.done("availability", "99.7 % for 1 min", seconds=30)
    return told.done("announce_end", "posted", seconds=2)


def undone() -> Story:
    """Return the story that is held, resumed, in doubt, and undone in the end."""
    told = Story(reason="checkout | 5xx <!here> @channel").wait(40).facts().wait(20)
    told.tell(events.NothingProposed(why="a question is open", advice="answer"))
    told.wait(45).answered().proposed().wait(90)
    told.denied(ALEX, why="not before the backup is done")
    told.wait(60).proposed().wait(70).approved()
    told.started("rollback").wait(20)
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepDoubted(step="rollback", attempt=attempt, why="the reply was lost"))
    told.wait(15).tell(
        events.StepSucceeded(
            step="rollback", attempt=attempt, summary="on 41", output={}, reconciled=True
        )
    )
    told.started("rollout")
    told.wait(10).tell(events.NoteAdded(text="# payments look *odd*"), by=MARCUS)
    told.failed("rollout", "2 pods of payment-service can't pull their image", seconds=300)
    told.wait(120).tell(events.RetryAsked(step="rollout"), by=MARCUS)
    told.failed("rollout", "2 pods of payment-service can't pull their image", seconds=200)
    told.wait(80).tell(events.UndoAsked(reason="41 can't start either"), by=JENNIFER)
    told.wait(45).tell(events.StepUndone(step="rollback", summary="back on 42"))
    return told.done("announce_end", "posted", seconds=2)


def long_plan() -> Plan:
    """Return a plan of twenty steps, one of which loses data and needs its own approval."""
    isolate = [
        story.step(
            f"isolate{n}",
            f"Stop the writers of service number {n}",
            State.ISOLATE,
            effect="interrupts",
            stage=1 + n // 3,
            budget=120.0,
        )
        for n in range(5)
    ]
    restore = [
        story.step(
            f"restore{n}",
            f"Restore part {n} of the database to a new instance",
            State.RESTORE,
            uses="aws.rds.restore_point_in_time",
            effect="changes",
            stage=n,
            budget=300.0,
            summary=f"Restore part {n} as of 14:29:10 UTC",
        )
        for n in range(1, 7)
    ]
    cut_over = replace(story.CUT_OVER, stage=8)
    validate = [
        story.step(
            f"check{n}",
            f"Check number {n} of the service's own figures",
            State.VALIDATE,
            stage=1,
            within=600.0,
        )
        for n in range(6)
    ]
    tell = [story.TELL, replace(story.TELL, id="mail", title="Write to the executives")]
    steps = (*isolate, *restore, cut_over, *validate, *tell)
    return story.plan(
        steps,
        title="Data protection rollback",
        procedure="data",
        emergency=Emergency(
            roles=("oncall",),
            titles=("SRE On-Call",),
            notified=(DAVID,),
            notified_titles=("Executive",),
            late_limit=600.0,
            review=(Slot(any_of=("executive",), titles=("Executive",), count=1, why="review"),),
            review_limit=86_400.0,
        ),
        expires_at=story.START + timedelta(hours=3),
        phase_budgets={"isolate": 60.0, "restore": 600.0, "validate": 600.0},
    )


def long() -> Story:
    """Return the story of twenty steps that was begun by break-glass, with a step skipped."""
    told = Story(reason="grades are wrong").wait(30).facts().wait(20).answered()
    told.proposed(long_plan()).wait(120)
    digest = told.run.plan.digest if told.run.plan else ""
    told.tell(
        events.BreakGlassAsked(person=MARCUS, digest=digest, reason="nobody answers"), by=MARCUS
    )
    told.wait(3).tell(
        events.PageSent(
            page=1, reached=(Reached(person=DAVID.id, via="slack", ok=False, note="no answer"),)
        )
    )
    for n in range(5):
        told.done(f"isolate{n}", "stopped", seconds=20 + 5 * n)
    told.approved(JENNIFER)
    for n in range(1, 7):
        told.done(f"restore{n}", f"part {n} restored", seconds=150 + 40 * n)
    told.wait(240)
    told.approved(JENNIFER, scope="cut_over")
    told.done("cut_over", "cut over", seconds=25)
    told.tell(events.TimerFired(timer="rto", generation=1))
    for n in range(5):
        told.done(f"check{n}", "met", seconds=20)
    told.failed("check5", "4 of 12 targets are healthy", seconds=200)
    told.wait(100)
    told.tell(events.SkipAsked(step="check5", reason="the other targets are new"), by=JENNIFER)
    told.done("announce_end", "posted", seconds=2)
    return told.done("mail", "sent", seconds=2)
