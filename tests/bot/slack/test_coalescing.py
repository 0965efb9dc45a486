"""Views follow what changed: at once, then together, never past Slack's limits, never lost."""

import asyncio

from bot.slack.background import Background
from bot.slack.calls import NoAnswerError, RateLimitedError, RefusedError
from bot.slack.coalescing import Coalescer, Pace
from flows.engine import AwayError
from tests.bot.slack.fakes import Clock


class Screen:
    """Remembers when what was sent."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.sent: list[tuple[str, float]] = []
        self.troubles: list[Exception] = []
        self.state = 0
        self.shown = 0

    async def send(self, key: str) -> None:
        """Show the latest state, or raise the next trouble."""
        self.sent.append((key, self.clock.now))
        if self.troubles:
            raise self.troubles.pop(0)
        state = self.state
        await asyncio.sleep(0)
        self.shown = state


def coalescer(
    screen: Screen, background: Background, *, per_minute: float = 60, burst: int = 3
) -> Coalescer:
    """Return one that spends no real time."""
    clock = screen.clock
    return Coalescer(
        screen.send,
        pace=Pace(per_minute=per_minute, burst=burst, clock=clock),
        background=background,
        spacing=0.25,
        clock=clock,
        sleep=clock.sleep,
    )


async def test_the_first_change_is_shown_at_once() -> None:
    """Nobody waits for a quiet screen."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    coalescer(screen, background).mark("INC-1")
    await background.drain()
    assert screen.sent == [("INC-1", 100.0)]
    assert clock.slept == []


async def test_what_follows_comes_together() -> None:
    """Changes while something is sent make one more call, and the last state is shown."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    cards = coalescer(screen, background)
    cards.mark("INC-1")
    await asyncio.sleep(0)
    for state in (1, 2, 3):
        screen.state = state
        cards.mark("INC-1")
    await background.drain()
    assert len(screen.sent) == 2
    assert screen.shown == 3


def test_the_pace_is_kept() -> None:
    """After a burst, no more calls a minute leave than were allowed."""
    clock = Clock()
    pace = Pace(per_minute=60, burst=3, clock=clock)
    assert [pace.grant() for _ in range(6)] == [0, 0, 0, 1, 2, 3]
    crowded = pace.is_easy
    clock.now += 10
    assert (crowded, pace.is_easy) == (False, True)
    assert pace.grant() == 0


async def test_many_keys_share_the_pace() -> None:
    """However many incidents there are, together they keep to Slack's limit."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    cards = coalescer(screen, background)
    for number in range(6):
        cards.mark(f"INC-{number}")
    await background.drain()
    assert len({key for key, _ in screen.sent}) == 6
    assert sum(clock.slept) > 0


async def test_a_limit_delays_and_loses_nothing() -> None:
    """After a 429 the view is sent when Slack said, with what is true then."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    screen.troubles = [RateLimitedError("chat_update", 30.0)]
    cards = coalescer(screen, background)
    cards.mark("INC-1")
    await background.drain()
    assert [at for _, at in screen.sent] == [100.0, 130.0]


async def test_lost_answers_are_tried_again_with_patience() -> None:
    """Each failure doubles the pause, whether Slack or the journal is away."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    screen.troubles = [NoAnswerError("500"), NoAnswerError("500"), *[AwayError("gone")] * 2]
    coalescer(screen, background).mark("INC-1")
    await background.drain()
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


async def test_a_refusal_ends_one_view_only() -> None:
    """What Slack refuses is given up, and the next change is tried again."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    screen.troubles = [RefusedError("chat_update", {"error": "invalid_blocks"})]
    cards = coalescer(screen, background)
    cards.mark("INC-1")
    await background.drain()
    assert screen.shown == 0
    screen.state = 1
    cards.mark("INC-1")
    await background.drain()
    assert screen.shown == 1


async def test_how_long_a_change_waited_is_told() -> None:
    """From the first change that a view shows, through limits; and what was given up."""
    clock, background = Clock(), Background()
    screen = Screen(clock)
    cards = coalescer(screen, background)
    told: list[tuple[str, float]] = []
    cards.shown = lambda result, seconds: told.append((result, seconds))
    screen.troubles = [RateLimitedError("chat_update", 12.0)]
    cards.mark("INC-1")
    await background.drain()
    screen.troubles = [RefusedError("chat_update", {"error": "is_archived"})]
    clock.now += 60
    cards.mark("INC-1")
    await background.drain()
    assert told == [("sent", 12.0), ("given_up", 0.0)]
