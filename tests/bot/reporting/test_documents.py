"""The post-mortem as Markdown."""

import re

import pytest

from bot.reporting.documents import markdown
from bot.wording.markdown import code, plain
from flows import events
from tests.bot.reporting import stories
from tests.bot.story import JENNIFER, MARCUS, Story

EVIL = "| end\n# heading [x](https://evil.example) <script> `tick` *bold* <!channel> @here ![p](u)"


def cells(line: str) -> int:
    """Count the cells of a table's row, as a Markdown parser does."""
    return len(re.split(r"(?<!\\)\|", line)) - 2


@pytest.mark.parametrize("told", [stories.short, stories.undone, stories.long])
@pytest.mark.covers("AIVO-P3", "AIVO-P10")
def test_the_document_has_every_part(told: stories.Tell) -> None:
    """Each run's document answers the same questions, in the same order."""
    text = markdown(stories.of(told()))

    assert re.findall(r"^## (.+)$", text, re.M) == [
        part
        for part in (
            "In short",
            "Where the time went",
            "Decisions",
            "Steps",
            "Lost data",
            "What did not go straight",
            "Who was called",
            "Still to do",
            "Notes" if "payments look" in text else "",
            "Timeline",
        )
        if part
    ]


def test_the_short_story_reads_like_one() -> None:
    """The first lines say what happened, and how much of it was waiting for people."""
    text = markdown(stories.of(stories.short()))

    assert "Service restored after 5 min. People were waited for 50 s of that (17 %)." in text
    assert "| Approve | 14:01:00 | 50 s | 5 min |  | 50 s |" in text
    assert "Jennifer Liu | Engineering Lead | approved the plan" in text
    assert "- [ ] Document the timeline — due 2026-11-20 16:05:00 UTC, 2 h after the end" in text


def test_what_people_typed_can_do_nothing_to_the_document() -> None:
    """No reason, note or error ends a cell, makes a heading or link, or calls anybody."""
    told = Story(reason=EVIL).wait(5).facts().answered().proposed().wait(10)
    told.tell(events.NoteAdded(text=EVIL), by=MARCUS)
    told.approved().failed("rollback", EVIL)
    told.tell(events.UndoAsked(reason=EVIL), by=JENNIFER)
    text = markdown(stories.of(told))

    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert "<" not in text
    assert "@here" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "https://" not in text
    head = None
    for line in text.splitlines():
        if not line.startswith("|"):
            head = None
        elif head is None:
            head = cells(line)
        else:
            assert cells(line) == head, line


def test_code_ends_where_it_should() -> None:
    """Backticks and bars inside of code neither end it nor a table's cell."""
    assert code("a `b` | c") == "`a 'b' ¦ c`"
    assert plain("- 1 < 2 & 3") == "\u2060- 1 &lt; 2 &amp; 3"


def test_a_false_alarm_has_a_short_document() -> None:
    """What was cancelled before anything happened says so, and asks for nothing."""
    told = Story().wait(5).tell(events.AbortAsked(reason="false alarm"), by=MARCUS)
    text = markdown(stories.of(told))

    assert "Cancelled before anything was changed" in text
    assert "The reason: false alarm." in text
    assert "Nothing is left to do." in text
    assert "## Steps" not in text
