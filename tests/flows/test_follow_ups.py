"""What is to be done after the end: reminded of once when it is due, unless it was ticked off."""

import pytest

from flows import codec, events
from flows.commands import About, Announce, SetTimer
from flows.reports import FOLLOW_UP, report
from tests.bot import story
from tests.bot.story import EMILY, MARCUS, Story

TASKS = (
    events.FollowUp(id="timeline", title="Document the timeline", due=7200.0),
    events.FollowUp(id="customers", title="Tell the customers", due=7200.0),
    events.FollowUp(id="debrief", title="Debrief the team", due=86_400.0),
)


def ended() -> Story:
    """Return a story with follow-ups that has come to its end."""
    told = Story(follow_ups=TASKS).wait(60).facts().answered().proposed().wait(50).approved()
    told.done("rollback").done("rollout").done("health").done("availability")
    return told.done("announce_end")


def due(told: Story, seconds: str) -> int:
    """Have a time come that something is due at; return how many messages were asked for."""
    before = len(reminders(told))
    told.tell(events.TimerFired(timer=f"follow_ups:{seconds}", generation=0))
    return len(reminders(told)) - before


def reminders(told: Story) -> list[Announce]:
    """Return the reminders that were asked for."""
    asked = [each for each in told.commands if isinstance(each, Announce)]
    return [each for each in asked if each.about is About.FOLLOW_UPS_DUE]


@pytest.mark.covers("AIVO-P1", "AIVO-P10")
def test_one_clock_runs_for_each_time_that_something_is_due() -> None:
    """Two tasks that are due together are one reminder, counted from the end."""
    told = ended()
    timers = [c for c in told.commands if isinstance(c, SetTimer) if c.timer.startswith("follow")]

    assert told.run.ended_at
    assert [(t.timer, (t.at - told.run.ended_at).total_seconds()) for t in timers] == [
        ("follow_ups:7200", 7200.0),
        ("follow_ups:86400", 86_400.0),
    ]


def test_people_are_reminded_of_what_nobody_has_done() -> None:
    """As long as one of the tasks is open the reminder comes."""
    told = ended()
    told.wait(60).tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)

    assert due(told, "7200") == 1


def test_nobody_is_reminded_of_what_is_done() -> None:
    """Once everything that is due then is ticked off, nothing is said."""
    told = ended()
    told.tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)
    told.tell(events.FollowUpDone(follow_up="customers"), by=MARCUS)

    assert due(told, "7200") == 0
    assert due(told, "86400") == 1


def test_the_first_tick_counts() -> None:
    """A second one, and one on a task that is not there, change nothing."""
    told = ended()
    told.tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)
    told.tell(events.FollowUpDone(follow_up="timeline"), by=MARCUS)
    told.tell(events.FollowUpDone(follow_up="nothing"), by=MARCUS)

    assert [(tick.follow_up, tick.by) for tick in told.run.ticks] == [("timeline", "Emily Watson")]


def test_an_open_run_has_nothing_to_tick_off() -> None:
    """Before the end a tick has no effect, and what was never rolled back owes nothing."""
    told = story.Story(follow_ups=TASKS).wait(5)
    told.tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)
    assert told.run.ticks == ()

    told.tell(events.NoRollbackChosen(reason="fix forward"), by=MARCUS)
    assert told.run.ended
    assert told.run.owed == ()
    assert not [c for c in told.commands if isinstance(c, SetTimer) and "follow" in c.timer]


def test_the_report_says_who_did_what() -> None:
    """A report of later shows the ticks; the policy's list of today does not matter any more."""
    told = ended()
    told.wait(600).tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)
    tasks = [each for each in report(told.history).owed if each.subject == FOLLOW_UP]

    assert [(each.id, each.done_by) for each in tasks] == [
        ("timeline", "Emily Watson"),
        ("customers", ""),
        ("debrief", ""),
    ]


def test_a_run_with_ticks_survives_being_stored() -> None:
    """The snapshot holds tasks and ticks."""
    told = ended().tell(events.FollowUpDone(follow_up="timeline"), by=EMILY)

    assert codec.decode_run(codec.snapshot(told.run)) == told.run
