"""The cards and messages of the story, as recorded pictures."""

import pytest

from tests.bot.views.drawing import GOLDEN, STORIES, picture


@pytest.mark.golden
@pytest.mark.parametrize("name", STORIES)
def test_each_point_of_the_story_looks_as_recorded(name: str) -> None:
    """The card and the message are, word for word, those that were looked at and kept."""
    assert picture(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_there_is_no_picture_without_a_story() -> None:
    """No recorded picture is left over from a story that is not told any more."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(STORIES)
