"""What was attended to lately is known again, for longer than Slack's retries take."""

from bot.slack.seen import MOST, REMEMBER, Seen
from tests.bot.slack.fakes import Clock


def test_a_repeat_is_known() -> None:
    """The second time is not the first, for a quarter of an hour."""
    clock = Clock()
    seen = Seen(clock)
    assert seen.add("msg:C1:1.0")
    clock.now += REMEMBER - 1
    assert not seen.add("msg:C1:1.0")
    clock.now += 2
    assert seen.add("msg:C1:1.0")


def test_what_failed_may_come_again() -> None:
    """A key that is forgotten is new."""
    seen = Seen(Clock())
    seen.add("a")
    seen.forget("a")
    assert seen.add("a")


def test_the_memory_is_bounded() -> None:
    """A flood pushes out the oldest, nothing else."""
    seen = Seen(Clock())
    for number in range(MOST + 1):
        seen.add(str(number))
    assert seen.add("0")
    assert not seen.add(str(MOST))
