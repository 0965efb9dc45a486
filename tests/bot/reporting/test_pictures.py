"""The timeline as a picture: nothing covers anything, and everything is there."""

import io
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from bot.cli.failures import ExitCode
from bot.reporting import lanes
from bot.reporting.canvases import Canvas, drawable, length, shortened
from bot.reporting.pictures import WIDTH, draw, png
from bot.reporting.scales import Scale, scale_of
from flows import events
from flows.gates import Person
from tests.bot import story
from tests.bot.reporting import stories
from tests.bot.story import JENNIFER, MARCUS, START, Story


def waits_for_days() -> Story:
    """Return a run of minutes that waited for its approval for three days."""
    return story.assessing().answered().proposed().wait(3 * 86_400).approved().done("rollback")


def crowded() -> Story:
    """Return a run in which many people decide and are called within a minute."""
    told = story.restoring()
    for number in range(8):
        who = Person(id=f"p{number}", name=f"Somebody With A Rather Long Name {number}")
        told.tell(events.PageAsked(subject="role:x", title="", people=(who,), why="now"))
        told.wait(2).tell(events.HoldAsked(reason="look"), by=MARCUS)
        told.wait(2).tell(events.ResumeAsked(), by=JENNIFER)
    return told


def named_in_other_letters() -> Story:
    """Return a run whose reason has accents, an emoji and Chinese letters."""
    return Story(reason="Überlauf für José – 支付 \U0001f525 " + "long " * 80).wait(5).facts()


TOLD = (
    stories.short,
    stories.undone,
    stories.long,
    story.closed,
    story.held,
    story.assessing,
    Story,
    waits_for_days,
    crowded,
    named_in_other_letters,
)


@pytest.mark.parametrize("told", TOLD, ids=lambda each: each.__name__)
def test_no_words_cover_others_or_leave_the_picture(told: stories.Tell) -> None:
    """Whatever a run is like, each word of its picture can be read."""
    canvas = draw(stories.of(told()))

    covering = [(a.text, b.text) for a, b in combinations(canvas.texts, 2) if a.meets(b)]
    assert covering == []
    for box in canvas.texts:
        assert 0 <= box.left <= box.right <= canvas.width, box
        assert 0 <= box.top <= box.bottom <= canvas.height, box


def words(canvas: Canvas) -> str:
    """Return everything that is written in a picture."""
    return "\n".join(box.text for box in canvas.texts)


@pytest.mark.covers("AIVO-P3", "AIVO-P10")
def test_the_picture_says_who_approved_and_was_called_and_how_long_it_took() -> None:
    """A reader who knows nothing finds people, steps, outcome, target and units."""
    told = words(draw(stories.of(stories.short())))

    for wanted in (
        "INC-7: checkout 5xx",
        "Service restored after 5 min",
        "Jennifer Liu approved the plan",
        "Emily Watson, there after 20 s",
        "Roll back to the last good release",
        "done, 38 s",
        "Waiting for people",
        "target 10 min",
        "Time since the declaration",
        "Time of day (UTC)",
    ):
        assert wanted in told, wanted


def test_a_colour_never_says_it_alone() -> None:
    """What was skipped, undone or in doubt is also said in words beside its bar."""
    assert "failed, then skipped" in words(draw(stories.of(stories.long())))
    undone = words(draw(stories.of(stories.undone())))
    assert "done, then undone" in undone
    assert "was in doubt" in undone


def test_waiting_is_hatched_and_work_has_its_colour() -> None:
    """In the row of the cut-over a hatched wait comes before the coloured bar."""
    row = next(r for r in lanes.rows(stories.of(stories.long())) if r.name.startswith("Cut over"))

    assert [span.colour for span in row.spans] == ["", lanes.BLUE]


def test_the_file_is_a_png_of_the_promised_width() -> None:
    """Slack and browsers show it as it is."""
    picture = Image.open(io.BytesIO(png(stories.of(stories.short()))))

    assert (picture.format, picture.width) == ("PNG", WIDTH)


def test_the_same_run_gives_the_same_file() -> None:
    """A picture that is drawn again after a restart is the evidence that was kept."""
    assert png(stories.of(stories.undone())) == png(stories.of(stories.undone()))


def test_a_plan_of_a_hundred_steps_still_fits() -> None:
    """What is too much is counted instead of drawn."""
    steps = tuple(
        story.step(f"s{n}", f"Step {n}", story.ROLLBACK.phase, stage=n) for n in range(100)
    )
    told = story.assessing().answered().proposed(story.plan(steps)).wait(9).approved()
    canvas = draw(stories.of(told))

    assert canvas.height < 1600
    assert "... and 61 more steps" in words(canvas).replace("…", "...")


@pytest.mark.parametrize("seconds", [1, 59, 600, 7200, 90_000, 10_000_000])
def test_ticks_are_few_and_inside(seconds: float) -> None:
    """An axis of a second and one of months both have ticks that people can read."""
    scale = Scale(began=START, seconds=seconds, left=100, right=1100)
    ticks = list(scale.ticks())

    assert 1 <= len(ticks) <= 10
    assert all(100 <= x <= 1100 for x, _, _ in ticks)
    assert scale.x(START - timedelta(hours=1)) == 100


def test_a_target_that_is_far_away_is_named_and_not_drawn() -> None:
    """A run of a minute does not shrink to a dot beside a target of ten."""
    made = stories.of(story.assessing())

    assert scale_of(made, 0, 100).seconds == made.seconds
    assert "further right: target 10 min, limit 20 min" in words(draw(made))


def test_letters_that_the_font_lacks_are_replaced() -> None:
    """Accents go, and a text is cut to the room that it has."""
    assert drawable("José Müller – 3 × ß") == "Jose Muller - 3 x ss"
    assert length(shortened("a long text that has no room", 13, 80), 13) <= 80


def test_backout_report_draws_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--picture` writes the file and says where; an impossible place is a line, not a crash."""
    from bot.cli import reporting
    from bot.cli.failures import CommandError

    made = stories.of(stories.short())
    monkeypatch.setattr(reporting, "_made", lambda _: made)
    target = tmp_path / "timeline.png"

    assert reporting.report("INC-7", picture=target, as_json=False) is ExitCode.OK
    assert target.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CommandError, match="can't be written"):
        reporting.report("INC-7", picture=tmp_path / "no" / "x.png", as_json=False)
