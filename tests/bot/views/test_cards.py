"""The card says what is known, offers what can be done, and claims nothing else."""

from dataclasses import replace

import pytest

from bot.views.card import card
from bot.views.home import home
from bot.views.plan_view import plan_modal
from flows import events
from flows.gates import Person
from flows.states import State
from tests.bot import story
from tests.bot.story import Story
from tests.bot.views.drawing import POLICY, PROGRESS, STORIES, controls_of, drawn

CONTROL = {"aivo": ("oncall", "eng_lead", "executive")}


def _card(told: Story) -> str:
    return drawn(card(told.run, now=told.now, progress=PROGRESS, policy=POLICY).blocks)


def _acts(told: Story) -> list[str]:
    shown = card(told.run, now=told.now, policy=POLICY)
    return [one["v"] for one in controls_of(shown.blocks)]


@pytest.mark.parametrize(
    ("name", "acts"),
    [
        ("assess", ["answer"] * 4 + ["abort"]),
        ("approve", ["approve", "deny", "view_plan"]),
        ("restore", ["hold", "undo", "view_plan"]),
        ("hold", ["retry", "skip", "undo", "replan", "view_plan"]),
        ("hold_by_hand", ["resume", "undo", "replan", "view_plan"]),
        ("hold_drifted", ["replan", "abort", "view_plan"]),
        ("undo", ["view_plan"]),
        ("closed", []),
        ("cancelled", []),
    ],
)
def test_only_what_has_an_effect_is_offered(name: str, acts: list[str]) -> None:
    """Each state offers what the core would let through, the likeliest first."""
    assert _acts(STORIES[name]()) == acts


def test_a_step_that_must_not_be_skipped_has_no_skip() -> None:
    """A step without which the rest makes no sense offers no skip."""
    told = story.waiting().approved().failed("rollback", "revision 41 is gone")
    assert "skip" not in _acts(told)


def test_what_cannot_be_undone_is_named_before_undoing() -> None:
    """The dialog of Undo names what has to be put back by hand."""
    steps = (replace(story.ROLLBACK, undoable=False), story.ROLLOUT)
    told = story.assessing().answered().proposed(story.plan(steps)).approved().done("rollback")
    assert "Can't be undone and stays as it is: Roll back to the last good release." in _card(told)


def test_an_approval_that_loses_data_is_asked_for_twice_in_words_that_name_the_loss() -> None:
    """Where a plan destroys, Approve confirms with the loss; where it does not, one press does."""
    told = story.assessing().answered().proposed(story.plan((story.CUT_OVER,)))
    assert "asks: Approve, and lose this?" in _card(told)
    assert "Writes after 14:29:10 UTC, about 3 min 40 s, are lost" in _card(told)
    assert "asks:" not in _card(story.waiting())


def test_nothing_is_claimed_that_was_not_looked_at() -> None:
    """A check that was skipped makes the summary say so, instead of `restored`."""
    told = story.validating().done("health", "healthy").failed("availability", "no data")
    told.tell(events.SkipAsked(step="availability", reason="known gap"), by=story.MARCUS)
    told.done("announce_end")
    text = _card(told)
    assert told.run.state is State.CLOSED
    assert "Plan performed, service *not checked*" in text
    assert "Skipped: Availability above 99 % (Marcus Rodriguez skipped it: known gap)" in text


def test_what_failed_beside_is_in_the_summary() -> None:
    """A message that could not be sent does not hold the rollback, and is named at the end."""
    told = story.validating().done("health", "healthy").done("availability", "99.7 %")
    told.failed("announce_end", "channel_not_found")
    assert "Failed: Tell the incident channel that it is over (channel_not_found)" in _card(told)


def test_being_late_is_said() -> None:
    """Past the target the card says by how much, and which limit is next."""
    told = story.held().wait(300)
    assert "over the RTO of 10 min by" in _card(told)
    assert "limit 20 min" in _card(told)


def test_a_restart_claims_only_what_a_look_showed() -> None:
    """A step that was found done is named; without one, nothing is said about steps."""
    told = story.restoring().tell(events.BotResumed(away_since=None))
    text = _card(told)
    assert "and resumed this rollback." in text
    assert "fresh look" not in text
    assert "not run again: Roll back" in _card(STORIES["restore_resumed"]())


def test_a_step_in_doubt_is_said_to_be_looked_at() -> None:
    """What may have changed the estate is not called running or failed."""
    told = story.waiting().approved().started("rollback")
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepDoubted(step="rollback", attempt=attempt, why="no answer from helm"))
    text = _card(told)
    assert "It is not known whether *Roll back to the last good release* took effect" in text
    assert "? Roll back to the last good release — in doubt: no answer from helm" in text


def test_the_lead_is_shown_where_it_is_not_the_declarer() -> None:
    """After a hand-over the card names the lead."""
    told = story.waiting()
    run = replace(told.run, lead=story.ALEX)
    assert "lead Alex Thompson" in drawn(card(run, now=told.now).blocks)


def test_the_plan_shows_what_the_buttons_are_bound_to() -> None:
    """The modal ends with the digest whose first characters the buttons carry."""
    told = story.waiting()
    assert told.run.plan is not None
    text = drawn(plan_modal(told.run)["blocks"])
    assert told.run.plan.digest[:12] in text
    assert "helm aivo-platform revision 42 → *41*" in text


def test_without_a_plan_the_modal_says_why() -> None:
    """View plan before there is one is no dead end."""
    assert "has no plan" in drawn(plan_modal(story.assessing().run)["blocks"])


@pytest.mark.parametrize(
    ("name", "person", "waits"),
    [
        ("approve", story.JENNIFER, True),
        ("approve", story.MARCUS, False),
        ("approve", story.DAVID, False),
        ("restore_step_gate", story.ALEX, True),
        ("restore_step_gate", story.EMILY, False),
        ("hold", story.DAVID, True),
        ("assess", story.MARCUS, True),
        ("restore", story.MARCUS, False),
    ],
)
def test_the_home_shows_what_waits_for_me(name: str, person: Person, waits: bool) -> None:
    """Whoever could approve, steer or answer sees it first, and nobody else does."""
    told = STORIES[name]()
    text = drawn(home([told.run], {"aivo": person}, told.now, control=CONTROL)["blocks"])
    assert ("Nothing waits for you." not in text) == waits
    assert "INC-7" in text


def test_the_home_tells_a_stranger_what_is_possible() -> None:
    """Somebody who is not listed learns that declaring and noting is open to all."""
    text = drawn(home([], {}, story.START)["blocks"])
    assert "so you can't approve. Every full member of the workspace can declare" in text
    assert "[Declare an incident…]" in text


def test_a_step_that_is_not_needed_is_no_exception() -> None:
    """What the plan's own condition left out is neither skipped nor unchecked."""
    steps = (story.ROLLBACK, story.ROLLOUT, story.HEALTH, story.AVAILABILITY)
    told = story.assessing().answered().proposed(story.plan(steps)).approved().done("rollback")
    attempt = told.run.steps["rollout"].attempt
    told.tell(events.StepPassedOver(step="rollout", attempt=attempt, why="nothing fails"))
    assert "Skipped" not in _card(told)
    told.done("health", "healthy").done("availability", "99.7 %")
    text = _card(told)
    assert "Service restored in" in text
    assert "Skipped" not in text
