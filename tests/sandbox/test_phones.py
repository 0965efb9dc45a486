"""The phones of the page: what they show, and what a press does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.world import World
from tests.sandbox.pagerduty.conftest import event

Json = dict[str, Any]
BOTH = {"people": "David Park, Sarah Kim", "called as": "Executives"}


class Hands:
    """Somebody at the page."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self.world = world
        self._session = session

    def ring(self, level: int = 3) -> None:
        """Let two phones ring."""
        body = event(key=f"backout:aivo:INC-1:20261121T100000Z:level:{level}")
        body["payload"]["custom_details"] = BOTH
        self.world.pagerduty.desk.take(body)

    async def calls(self) -> dict[str, Json]:
        """Return the calls by who is called."""
        async with self._session.get(f"{self.world.workspace.url}phones/api/state") as answer:
            return {each["name"]: each for each in (await answer.json())["calls"]}

    async def press(self, what: str, body: Json | None = None, **headers: str) -> tuple[int, Json]:
        """Press on Sarah's phone."""
        incident = self.world.pagerduty.desk.incidents[-1].id
        url = f"{self.world.workspace.url}phones/api/{what}"
        given = {"incident": incident, "user": "PSARAHK"} if body is None else body
        async with self._session.post(url, json=given, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else {}


@pytest.fixture
async def hands(tmp_path: Path) -> AsyncIterator[Hands]:
    """A world and somebody at its page."""
    world = World(data=tmp_path)
    await world.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Hands(world, session)
    finally:
        await world.stop()


async def test_a_phone_rings_until_somebody_answers(hands: Hands) -> None:
    """Both phones stop at one press, and say who it was."""
    hands.ring()
    calls = await hands.calls()
    assert [each["rings"] for each in calls.values()] == [True, True]
    sarah = calls["Sarah Kim"]
    assert (sarah["level"], sarah["called_as"], sarah["slack"]) == (3, "Executives", "U0SARAHK")
    assert (await hands.press("acknowledge"))[1] == {"ok": True, "done": True}
    calls = await hands.calls()
    assert [each["rings"] for each in calls.values()] == [False, False]
    assert {each["answered_by"] for each in calls.values()} == {"Sarah Kim"}
    assert calls["David Park"]["answered_at"] >= sarah["since"]
    assert (await hands.press("acknowledge"))[1]["done"] is False


async def test_a_phone_is_left_ringing_by_its_owner_alone(hands: Hands) -> None:
    """The other one rings on; called again, both ring."""
    hands.ring()
    await hands.press("let_ring")
    calls = await hands.calls()
    assert {name: each["rings"] for name, each in calls.items()} == {
        "David Park": True,
        "Sarah Kim": False,
    }
    assert calls["Sarah Kim"]["status"] == "triggered"
    hands.ring()
    calls = await hands.calls()
    assert [(each["rings"], each["times"]) for each in calls.values()] == [(True, 2), (True, 2)]


async def test_the_page_hears_of_it(hands: Hands) -> None:
    """Every change comes over the page's live feed."""
    with hands.world.workspace.context.store.feed.listen() as changes:
        hands.ring()
        change = changes.get_nowait()
    assert change is not None
    assert (change["kind"], len(change["calls"])) == ("phones", 2)


@pytest.mark.parametrize("body", [{}, {"incident": "Q1", "user": "PSARAHK"}, {"user": 7}])
async def test_a_press_on_nothing_is_refused(hands: Hands, body: Json) -> None:
    """With a sentence."""
    hands.ring()
    status, said = await hands.press("acknowledge", body)
    assert (status, bool(said["error"])) == (400, True)


async def test_who_is_not_called_has_nothing_to_press(hands: Hands) -> None:
    """Marcus' phone does not ring."""
    hands.ring()
    incident = hands.world.pagerduty.desk.incidents[-1].id
    status, _ = await hands.press("acknowledge", {"incident": incident, "user": "PMARCUS"})
    assert status == 400


async def test_another_page_can_t_press(hands: Hands) -> None:
    """Only the sandbox's own page acts."""
    hands.ring()
    status, _ = await hands.press("acknowledge", Origin="https://elsewhere.example")
    assert status == 403
    assert (await hands.calls())["Sarah Kim"]["rings"]


async def test_everything_shows_the_wall_s_time(hands: Hands) -> None:
    """Hurried, messages and phones go by the same clock."""
    wall = hands.world.estate.wall
    wall.fastest = 100_000
    hands.world.estate.set_speed(100_000)
    hands.ring()
    ahead = hands.world.workspace.context.clock.next_ts()
    sarah = (await hands.calls())["Sarah Kim"]
    assert float(ahead) >= sarah["since"]
    assert wall.now() > wall.view()["real"]
