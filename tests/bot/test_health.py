"""Health: part by part, in time, and not looked at more often than it pays."""

import asyncio

from bot.web.health import DRAINING, FRESH, Health, Part


async def well() -> str:
    """Find nothing wrong."""
    return ""


async def test_a_part_that_fails_says_why_and_the_others_are_still_looked_at() -> None:
    """A fault of the look itself is a reason as well; it shows no value."""

    async def ill() -> str:
        return "It is away."

    async def broken() -> str:
        raise ValueError("a password")

    health = Health({"a": well, "b": ill, "c": broken})
    assert await health.parts() == (
        Part(name="a", why=""),
        Part(name="b", why="It is away."),
        Part(name="c", why="It can't be looked at: ValueError."),
    )


async def test_a_look_that_does_not_end_is_a_failure() -> None:
    """Whoever asks is never kept waiting."""

    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    health = Health({"journal": never}, within=0.01)
    (part,) = await health.parts()
    assert (part.ok, part.why) == (False, "It did not answer within 0.01 s.")


async def test_what_was_found_counts_for_a_second() -> None:
    """A hundred monitors cost one look a second; `/healthz` looks at what is vital each time."""
    now, looks = [100.0], [0]

    async def look() -> str:
        looks[0] += 1
        return ""

    health = Health({"a": look}, vital=("a",), elapsed=lambda: now[0])
    await asyncio.gather(*(health.parts() for _ in range(100)))
    assert looks == [1]
    now[0] += FRESH
    await health.parts()
    assert looks == [2]
    assert await health.dead() == ()
    assert looks == [3]


async def test_draining_is_a_reason_of_its_own() -> None:
    """It is not ready then, and still alive."""
    health = Health({"a": well}, vital=("a",))
    health.draining = True
    assert await health.parts() == (Part(name="a", why=""), Part(name="draining", why=DRAINING))
    assert await health.dead() == ()
