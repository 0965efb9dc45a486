"""Attacks on an approval: forged, altered, old and repeated requests, and the wrong button."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier

from flows.runs import Run
from sandbox.workspace import interactions
from sandbox.workspace.access import SIGNING_SECRET
from tests.scenario.house import ALEX, JENNIFER, House, house

pytestmark = pytest.mark.scenario
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A bot that is reached over HTTP, with a plan that waits for Jennifer."""

    home: House
    session: aiohttp.ClientSession
    run: Run

    async def press(self, who: str = JENNIFER) -> dict[str, Any]:
        """Return the payload that Slack would send when somebody presses Approve."""
        card = await self.home.card(self.run)
        context = self.home.workspace.context
        (button,) = [
            element
            for block in card["blocks"]
            if block["type"] == "actions"
            for element in block["elements"]
            if element["action_id"].startswith("backout:approve")
        ]
        payload: dict[str, Any] = interactions.block_actions_on_message(
            context,
            user=context.store.users[who],
            message=context.store.channels[self.run.channel or ""].messages[card["ts"]],
            action={
                "type": "button",
                "action_id": button["action_id"],
                "block_id": "b",
                "value": button["value"],
                "action_ts": context.clock.next_ts(),
            },
            state={},
        )
        return payload

    async def send(self, body: str, headers: dict[str, str]) -> int:
        """Send a request and return the status."""
        address = f"{self.home.url}/slack/events"
        async with self.session.post(address, data=body, headers=headers) as response:
            return response.status

    async def nothing_counted(self) -> None:
        """Make sure that the plan waits as before."""
        run = self.home.engine.run("INC-1")
        assert run is not None
        assert (run.state, run.decisions) == ("approve", ())
        assert self.home.estate.applied == []


@asynccontextmanager
async def wired(data: Path) -> AsyncIterator[Wire]:
    """Open a house with a door of its own to the bot."""
    async with house(data, http=True) as home, aiohttp.ClientSession() as session:
        run = await home.declare()
        yield Wire(home=home, session=session, run=run)


def body_of(payload: dict[str, Any]) -> str:
    """Return a payload as Slack sends it."""
    return urlencode({"payload": json.dumps(payload)})


def signed(body: str, *, secret: str = SIGNING_SECRET, age: float = 0.0) -> dict[str, str]:
    """Return the headers with which Slack would have sent this `age` seconds ago."""
    at = str(int(time.time() - age))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    return {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": str(signature),
        "Content-Type": FORM,
    }


async def test_the_genuine_request_counts(tmp_path: Path) -> None:
    """What the other tests here send would have counted, had it been Slack's."""
    async with wired(tmp_path) as wire:
        body = body_of(await wire.press())
        assert await wire.send(body, signed(body)) == 200
        run = await wire.home.until(lambda run: run.ended)
        assert [each.person.id for each in run.decisions] == ["jennifer-liu"]


async def test_a_wrong_signature_counts_for_nothing(tmp_path: Path) -> None:
    """Another secret, no signature, or no time: refused before anything is read."""
    async with wired(tmp_path) as wire:
        body = body_of(await wire.press())
        right = signed(body)
        forged = signed(body, secret="0" * 32)
        unsigned = {k: v for k, v in right.items() if k != "X-Slack-Signature"}
        timeless = {k: v for k, v in right.items() if k != "X-Slack-Request-Timestamp"}
        for headers in (forged, unsigned, timeless):
            assert await wire.send(body, headers) == 401
        await wire.nothing_counted()


async def test_a_body_that_was_altered_counts_for_nothing(tmp_path: Path) -> None:
    """Somebody else's name in a request that Slack signed breaks the signature."""
    async with wired(tmp_path) as wire:
        body = body_of(await wire.press("U0DAVID"))
        altered = body.replace("U0DAVID", JENNIFER)
        assert altered != body
        assert await wire.send(altered, signed(body)) == 401
        await wire.nothing_counted()


async def test_an_old_request_counts_for_nothing(tmp_path: Path) -> None:
    """After five minutes a request is refused, however right its signature is."""
    async with wired(tmp_path) as wire:
        body = body_of(await wire.press())
        assert await wire.send(body, signed(body, age=301)) == 401
        assert await wire.send(body, signed(body, age=-301)) == 401
        await wire.nothing_counted()


async def test_a_repeated_request_counts_once(tmp_path: Path) -> None:
    """The same bytes again, within the five minutes, change nothing more."""
    async with wired(tmp_path) as wire:
        wire.home.estate.gate.clear()
        body = body_of(await wire.press())
        headers = signed(body)
        for _ in range(3):
            assert await wire.send(body, headers) == 200
        run = await wire.home.until(lambda run: run.state == "restore")
        assert len(run.decisions) == 1
        wire.home.estate.gate.set()
        await wire.home.until(lambda run: run.ended)
        assert wire.home.estate.applied.count("rollback") == 1


async def test_a_repeated_request_counts_once_after_a_restart(tmp_path: Path) -> None:
    """The memory of what was seen is the journal's, not the process's."""
    async with wired(tmp_path) as wire:
        wire.home.estate.gate.clear()
        body = body_of(await wire.press())
        headers = signed(body)
        assert await wire.send(body, headers) == 200
        await wire.home.until(lambda run: run.state == "restore")
        await wire.home.restart_abruptly()
        assert await wire.send(body, headers) == 200
        run = await wire.home.until(lambda run: run.ended)
        assert len(run.decisions) == 1


async def test_a_user_whom_slack_does_not_know_counts_for_nothing(tmp_path: Path) -> None:
    """A request that Slack signed, of a user who is not of this workspace."""
    async with wired(tmp_path) as wire:
        payload = await wire.press()
        payload["user"] = {**payload["user"], "id": "U0STRANGER", "team_id": "T0OTHER"}
        body = body_of(payload)
        assert await wire.send(body, signed(body)) == 200
        asked = "users.info"

        async def looked_up() -> bool:
            return bool(await wire.home.people.calls(asked))

        await wire.home.people.wait_for(looked_up, what="a look at who that is")
        await wire.nothing_counted()


@pytest.mark.parametrize(
    "value",
    ["", "nonsense", "INC-1", "INC-1 plan", "INC-1 plan 0000000000000000", "INC-2 plan *", "{}"],
)
async def test_a_changed_value_counts_for_nothing(tmp_path: Path, value: str) -> None:
    """A button names its incident, its scope and its digest; any other value approves nothing."""
    async with wired(tmp_path) as wire:
        payload = await wire.press()
        assert payload["actions"][0]["value"]
        payload["actions"][0]["value"] = value
        body = body_of(payload)
        assert await wire.send(body, signed(body)) == 200
        told = await wire.home.people.wait_for(
            lambda: wire.home.people.ephemerals(JENNIFER), what="an answer"
        )
        assert told
        await wire.nothing_counted()


async def test_the_button_of_another_incident_decides_only_there(tmp_path: Path) -> None:
    """With the id of another incident in it, the digest is not that incident's."""
    async with wired(tmp_path) as wire:
        payload = await wire.press()
        value = str(payload["actions"][0]["value"])
        assert "INC-1" in value
        payload["actions"][0]["value"] = value.replace("INC-1", "INC-9")
        body = body_of(payload)
        assert await wire.send(body, signed(body)) == 200
        await wire.home.told(JENNIFER, "INC-9")
        await wire.nothing_counted()


async def test_two_people_at_the_same_moment_start_one_rollback(tmp_path: Path) -> None:
    """Both pressed what they saw; one word satisfied the gate, the other came after."""
    async with wired(tmp_path) as wire:
        bodies = [body_of(await wire.press(who)) for who in (JENNIFER, ALEX)]
        answers = await asyncio.gather(*(wire.send(body, signed(body)) for body in bodies))
        assert answers == [200, 200]
        run = await wire.home.until(lambda run: run.ended)
        assert len(run.decisions) == 1
        assert wire.home.estate.applied.count("rollback") == 1
