"""Messages ping only those of whom something is wanted, and say it in two lines."""

from dataclasses import replace

import pytest

from bot.views.announcements import announcement, settled
from bot.views.blocks import Message
from flows import events
from flows.commands import About, Announce
from flows.states import Outcome
from tests.bot import story
from tests.bot.story import Story
from tests.bot.views.drawing import STORIES, controls_of, pings

NOBODY: frozenset[str] = frozenset()
APPROVERS = {"U02EMILY", "U03JENNIFER", "U04ALEX"}
LEAD = {"U01MARCUS"}


def _said(told: Story, about: About, subject: str = "") -> Message:
    return announcement(told.run, Announce(about=about, key="k", subject=subject), told.now)


@pytest.mark.parametrize("about", About)
@pytest.mark.parametrize("name", STORIES)
def test_every_message_has_words_in_at_most_two_lines(about: About, name: str) -> None:
    """Whatever a message is about and whenever it is rendered, it is short and begins with it."""
    message = _said(STORIES[name](), about, "rollout")
    assert message.text.startswith("*INC-7* · ")
    assert message.text.count("\n") <= 1
    assert message.blocks


@pytest.mark.parametrize(
    ("name", "about", "subject", "wanted"),
    [
        ("approve", About.APPROVAL_WANTED, "", APPROVERS),
        ("approve_late", About.APPROVAL_LATE, "", APPROVERS),
        ("restore_step_gate", About.STEP_APPROVAL_WANTED, "cut_over", APPROVERS - {"U02EMILY"}),
        ("restore_step_gate", About.STEP_APPROVAL_LATE, "cut_over", APPROVERS - {"U02EMILY"}),
        ("restore", About.APPROVED, "", NOBODY),
        ("hold", About.HELD, "", LEAD),
        ("restore", About.DEADLINE, "rto", LEAD),
        ("restore", About.DEADLINE, "phase:restore", LEAD),
        ("restore", About.NOT_TOLD, "announce_end", LEAD),
        ("hold", About.NOT_REPEATED, "announce_end", LEAD),
        ("assess_blocked", About.NOT_PLANNED, "", LEAD),
        ("assess_blocked", About.DENIED, "", LEAD),
        ("assess_blocked", About.EXPIRED, "", LEAD),
        ("restore", About.RESUMED, "", NOBODY),
        ("undo", About.UNDOING, "", NOBODY),
        ("restore_resumed", About.BOT_RESUMED, "", NOBODY),
        ("closed", About.CLOSED, "", NOBODY),
        ("cancelled", About.CANCELLED, "", NOBODY),
    ],
)
def test_only_those_are_pinged_of_whom_something_is_wanted(
    name: str, about: About, subject: str, wanted: set[str]
) -> None:
    """Approvers are pinged for an approval, the lead for a decision, nobody for news."""
    assert pings([_said(STORIES[name](), about, subject).text]) == wanted


def test_approval_can_be_given_right_at_the_message() -> None:
    """The request for approval has the buttons, bound to the digest of the plan."""
    told = story.waiting()
    carried = controls_of(_said(told, About.APPROVAL_WANTED).blocks)
    assert [one["v"] for one in carried] == ["approve", "deny", "view_plan"]
    assert told.run.plan is not None
    assert {one.get("d") for one in carried[:2]} == {told.run.plan.digest[:16]}


def test_who_has_approved_is_not_pinged_again() -> None:
    """With one of two approvals given, only those are pinged who would complete it."""
    told = story.assessing().answered()
    told.proposed(story.plan(needs=(story.ANY_LEAD, story.LEAD))).approved(story.JENNIFER)
    assert pings([_said(told, About.APPROVAL_LATE).text]) == APPROVERS - {"U03JENNIFER"}


def test_the_reason_of_a_person_pings_nobody() -> None:
    """A channel mention in somebody's reason stays text."""
    told = story.restoring()
    reason = "<!channel> @channel <@U04ALEX> stop"
    told.tell(events.HoldAsked(reason=reason), by=story.ALEX)
    message = announcement(told.run, told.announced, told.now)
    assert "&lt;!channel&gt;" in message.text
    assert pings([message.text]) == LEAD
    assert all(block["text"]["verbatim"] for block in message.blocks if "text" in block)


def test_somebody_without_a_slack_account_is_named() -> None:
    """A lead whose Slack user is not known is named in words."""
    told = story.held()
    run = replace(told.run, lead=replace(story.MARCUS, slack=None))
    text = announcement(run, told.announced, told.now).text
    assert "Marcus Rodriguez, what now?" in text


def test_an_undone_rollback_is_not_called_a_success() -> None:
    """What was put back is said, and that the trouble may still be there."""
    told = story.closed()
    run = replace(told.run, outcome=Outcome.UNDONE)
    text = announcement(run, told.announced, told.now).text
    assert "put back" in text
    assert "restored" not in text


def test_a_service_that_nobody_checked_is_not_called_restored() -> None:
    """Without a check there is no claim."""
    told = story.assessing().answered().proposed(story.plan((story.ROLLBACK,))).approved()
    told.done("rollback", "on revision 41")
    text = announcement(told.run, told.announced, told.now).text
    assert "service *not checked*" in text


def test_a_request_that_comes_late_offers_nothing_that_does_not_count() -> None:
    """A message that Slack took after the approval has no buttons and says where it stands."""
    message = _said(story.restoring(), About.APPROVAL_WANTED)
    assert not controls_of(message.blocks)
    assert "Everybody who is needed has approved." in message.text


def test_a_hold_that_is_over_is_not_announced_as_one() -> None:
    """A message that Slack took after the run went on asks nobody for anything."""
    message = _said(story.restoring(), About.HELD)
    assert "is not any more" in message.text
    assert not pings([message.text])


@pytest.mark.parametrize("about", About)
@pytest.mark.parametrize("name", STORIES)
def test_a_settled_question_keeps_what_it_was_about(about: About, name: str) -> None:
    """However it ended: two lines, no buttons, nobody pinged, and no longer a request."""
    asked = "*INC-7* · *Please approve:* *Go back* — because 84 %\n<@U03JENNIFER>: 4 min left."
    message = settled(STORIES[name]().run, Announce(about=about, key="k"), asked)
    assert message.text.startswith("*INC-7* · *Was asked:* *Go back* — because 84 %\n")
    assert message.text.count("\n") == 1
    assert pings([message.text]) == NOBODY
    assert controls_of(message.blocks) == []
