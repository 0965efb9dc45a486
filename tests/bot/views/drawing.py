"""Block Kit as readable text, and the checks that every view must pass.

`python -m tests.bot.views.drawing` writes the golden pictures anew; look at the difference.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from slack_sdk.models.blocks import Block

from bot.views.announcements import announcement
from bot.views.card import CardPolicy, FollowUp, card
from flows import events
from flows.gates import Person, Slot
from flows.paging import Rung
from flows.plans import Emergency, PlannedChange
from sandbox.workspace.blockkit import check_message, check_view
from tests.bot import story
from tests.bot.story import Story

GOLDEN = Path(__file__).parent / "golden"
POLICY = CardPolicy(
    control=("SRE On-Call", "Engineering Lead", "Executive"),
    follow_ups=(
        FollowUp(title="Start the root-cause analysis", due=7200.0),
        FollowUp(title="Document the timeline", due=7200.0),
        FollowUp(title="Plan the post-mortem", due=86_400.0),
    ),
    links=(("War room", "https://aivo.zoom.us/emergency"),),
)
PROGRESS = {"rollout": "7 of 12 ready"}
TOKEN = re.compile(r"<[^<>]*>")
HARMLESS = re.compile(
    r"<!date\^\d+\^\{\w+\}( \{\w+\})?\|[^<>|]+ UTC>"
    r"|<#[CG][A-Z0-9]+>|<https://[^<>|]+\|[^<>|]+>"
)
MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")


def drawn(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return blocks as text: what a person sees, with buttons in brackets."""
    return "\n".join(_drawn(block) for block in blocks) + "\n"


def _drawn(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "section":
            side = f"\n    {_element(block['accessory'])}" if "accessory" in block else ""
            return str(block["text"]["text"]) + side
        case "context":
            return "\n".join(f"  ~ {one['text']}" for one in block["elements"])
        case "actions":
            return "    " + " ".join(_element(one) for one in block["elements"])
        case "header":
            return f"# {block['text']['text']}"
        case "divider":
            return "---"
        case "input":
            return f"{block['label']['text']}: {block['element']['placeholder']['text']}"
        case other:
            raise AssertionError(other)


def _element(element: Mapping[str, Any]) -> str:
    if element["type"] == "overflow":
        return "[… " + " | ".join(o["text"]["text"] for o in element["options"]) + "]"
    asks = element.get("confirm")
    asked = f" asks: {asks['title']['text']} {asks['text']['text']}" if asks else ""
    return f"[{element['text']['text']}{asked}]"


def check_fits_message(text: str, blocks: list[dict[str, Any]]) -> None:
    """Fail where Slack would refuse a message."""
    assert text
    check_message(blocks)
    for block in Block.parse_all(blocks):
        block.to_dict()  # the SDK's own validators


def check_fits_view(view: dict[str, Any]) -> None:
    """Fail where Slack would refuse a view."""
    check_view(view, kind=view["type"])
    for block in Block.parse_all(view["blocks"]):
        block.to_dict()


def texts_of(value: object) -> list[str]:
    """Return every mrkdwn text in a view, and nothing else."""
    if isinstance(value, Mapping):
        if value.get("type") == "mrkdwn":
            return [str(value["text"])]
        return [text for one in value.values() for text in texts_of(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return []


def pings(texts: Sequence[str]) -> set[str]:
    """Return the users whom texts mention; fail where a text does anything else to somebody."""
    found: set[str] = set()
    for text in texts:
        for token in TOKEN.findall(text):
            mentioned = MENTION.fullmatch(token)
            assert mentioned or HARMLESS.fullmatch(token), token
            found |= {mentioned[1]} if mentioned else set()
        assert "<" not in TOKEN.sub("", text), text
    return found


def controls_of(value: object) -> list[dict[str, Any]]:
    """Return what every button and menu entry of a view carries."""
    if isinstance(value, Mapping):
        own = [json.loads(str(value["value"]))] if "value" in value else []
        return own + [one for entry in value.values() for one in controls_of(entry)]
    if isinstance(value, list):
        return [one for entry in value for one in controls_of(entry)]
    return []


def _called() -> Story:
    chain = (
        Rung(level=1, title="SRE On-Call", people=(story.EMILY,), lasts=300.0),
        Rung(level=2, title="Engineering Lead", people=(story.JENNIFER, story.ALEX), lasts=600.0),
    )
    later = events.TimerFired(timer="escalation", generation=1)
    return Story(chain=chain).wait(300).tell(later)


def _acknowledged() -> Story:
    seen = events.PageAcknowledged(person=story.EMILY, via="slack")
    return _called().wait(20).tell(seen, by=story.EMILY)


def _begun_early() -> Story:
    rules = Emergency(
        roles=("oncall",),
        titles=("SRE On-Call",),
        notified=(story.DAVID,),
        notified_titles=("Executive",),
        late_limit=600.0,
        review=(Slot(any_of=("executive",), titles=("Executive",), count=1, why="review"),),
        review_limit=86_400.0,
    )
    told = story.assessing().wait(20).answered().proposed(story.plan(emergency=rules))
    plan = told.run.plan
    assert plan is not None
    why = "nobody answers and checkout is down"
    asked = events.BreakGlassAsked(person=story.MARCUS, digest=plan.digest, reason=why)
    return told.wait(30).tell(asked, by=story.MARCUS)


def _declared_by_itself(**changes: Any) -> Story:
    start = events.AutomaticStart(
        trigger="errors",
        title="Error ratio above 10 % for 5 min",
        procedure="service",
        release="2.15.0",
        notice=120.0,
        **changes,
    )
    backout = Person(id=events.BOT.id, name=events.BOT.name)
    told = Story("Error ratio above 10 % for 5 min", declared_by=backout, automatic=start)
    steps = (story.ROLLBACK, story.ROLLOUT, story.CUT_OVER, story.HEALTH)
    return told.wait(60).facts().answered().proposed(story.plan(steps))


def _begun_by_itself() -> Story:
    over = events.TimerFired(timer="automatic", generation=1)
    told = _declared_by_itself().wait(120)
    return told.tell(replace(over, generation=told.run.planning))


def _left_to_people() -> Story:
    return _declared_by_itself(barred="no drill of it has passed (`backout drill aivo service`)")


def _owing() -> Story:
    told = _begun_early()
    for step in ("rollback", "rollout", "health", "availability", "announce_end"):
        told.done(step, "seen")
    return told


def _approved_later() -> Story:
    return story.waiting().wait(300)


def _drifted() -> Story:
    told = story.waiting().approved()
    changes = (PlannedChange(subject="helm aivo-platform revision", before="43", after="41"),)
    attempt = told.run.steps["rollback"].attempt
    why = "somebody released revision 43 after the plan was approved"
    return told.wait(3).tell(
        events.DriftFound(step="rollback", attempt=attempt, changes=changes, why=why)
    )


def _undoing() -> Story:
    return story.held().tell(events.UndoAsked(reason="made it worse"), by=story.MARCUS)


def _undone() -> Story:
    return (
        _undoing()
        .wait(20)
        .tell(
            events.StepUndone(step="rollback", summary="back on revision 42"),
        )
    )


def _cancelled() -> Story:
    return story.waiting().tell(events.AbortAsked(reason="false alarm"), by=story.MARCUS)


def _held_by_hand() -> Story:
    return story.restoring().tell(
        events.HoldAsked(reason="the database team wants to look"), by=story.ALEX
    )


def _resumed() -> Story:
    told = story.waiting().approved().started("rollback").wait(30)
    told.tell(events.BotResumed(away_since=told.now)).wait(2)
    attempt = told.run.steps["rollback"].attempt
    return told.tell(
        events.StepSucceeded(
            step="rollback", attempt=attempt, summary="on 41", output={}, reconciled=True
        )
    )


def _step_gate() -> Story:
    steps = (story.ROLLBACK, story.ROLLOUT, story.CUT_OVER, story.HEALTH)
    told = story.assessing().answered().proposed(story.plan(steps)).wait(20).approved()
    return told.done("rollback").done("rollout")


def _blocked() -> Story:
    told = story.assessing().answered({"security": True})
    return told.tell(
        events.FactsGathered(),
        events.NothingProposed(
            why="Emergency security rollback (2A): a person said that this is a security incident",
            advice="Call the SRE on-call and an Engineering Lead now.",
        ),
    )


STORIES: Mapping[str, Callable[[], Story]] = {
    "assess": story.assessing,
    "assess_blocked": _blocked,
    "assess_called": _called,
    "assess_acknowledged": _acknowledged,
    "approve": story.waiting,
    "approve_late": _approved_later,
    "approve_begins_by_itself": _declared_by_itself,
    "approve_left_to_people": _left_to_people,
    "restore": story.restoring,
    "restore_begun_by_itself": _begun_by_itself,
    "restore_resumed": _resumed,
    "restore_step_gate": _step_gate,
    "validate": story.validating,
    "hold": story.held,
    "hold_by_hand": _held_by_hand,
    "hold_drifted": _drifted,
    "restore_begun_early": _begun_early,
    "closed_owing_a_review": _owing,
    "undo": _undoing,
    "closed": story.closed,
    "closed_undone": _undone,
    "cancelled": _cancelled,
}


def picture(name: str) -> str:
    """Return the card of a point of the story, and the last message before it."""
    told = STORIES[name]().wait(5)
    shown = card(told.run, now=told.now, progress=PROGRESS, policy=POLICY)
    parts = [f"({shown.text})", drawn(shown.blocks)]
    if told.has_announced:
        message = announcement(told.run, told.announced, told.now)
        parts += ["=== message", drawn(message.blocks)]
    return "\n".join(parts)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in STORIES:
        (GOLDEN / f"{each}.txt").write_text(picture(each), encoding="utf-8")
