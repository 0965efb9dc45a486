"""A bot without a network: Bolt's app, the real handlers and journal, and a Slack that says yes.

`Stand` holds an incident that waits for approval.  What the fuzzing tests hand in goes the same way
as what Slack delivers: through `AsyncApp.async_dispatch`.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.slack import surface as surfaces
from bot.slack.calls import RefusedError
from bot.slack.surface import Login, SlackSurface
from config.loader import load_systems
from config.models.bundles import Bundle
from config.settings import PACKAGED
from flows.driver import Driver
from flows.embedded import EmbeddedEngine
from flows.events import Recorded
from flows.runs import Run
from tests.bot.slack.fakes import FakeCalls
from tests.scenario.house import Estate

TEAM = "T0TEAM"
SECRET = "s" * 32
INCIDENTS = "C0INCIDENTS"
PEOPLE = {
    "U0MARCUS": "marcus.rodriguez@aivo.edu",
    "U0JENNIFER": "jennifer.liu@aivo.edu",
    "U0DAVID": "david.park@aivo.edu",
    "U0STRANGER": "nobody@aivo.edu",
}
GUEST, BOT_USER = "U0GUEST", "U0BOT"
KNOWN = (*PEOPLE, GUEST, BOT_USER, "U0ELSEWHERE")


def _user(user: str) -> dict[str, Any]:
    return {
        "id": user,
        "team_id": TEAM,
        "name": user.lower(),
        "is_bot": user == BOT_USER,
        "is_restricted": user == GUEST,
        "profile": {"real_name": user.title(), "email": PEOPLE.get(user)},
    }


def _looked_up(arguments: dict[str, Any]) -> dict[str, Any]:
    user = arguments["user"]
    if user not in (*PEOPLE, GUEST, BOT_USER):
        raise RefusedError("users_info", {"error": "user_not_found"})
    return {"ok": True, "user": _user(user)}


def _calls() -> FakeCalls:
    calls = FakeCalls()
    me = {"ok": True, "team_id": TEAM, "user_id": BOT_USER, "bot_id": "B0BOT"}
    calls.answer("auth_test", me)
    members = [_user(each) for each in (*PEOPLE, GUEST, BOT_USER)]
    calls.answer("users_list", {"ok": True, "members": members})
    calls.answer("users_info", _looked_up)
    channels = [{"id": INCIDENTS, "name": "incident-response"}]
    calls.answer("users_conversations", {"ok": True, "channels": channels})
    made = {"id": "C0INC1", "name": "inc-1", "topic": {"value": ""}}
    calls.answer("conversations_create", {"ok": True, "channel": made})
    calls.answer("conversations_info", {"ok": True, "channel": made})
    return calls


@cache
def _bundles() -> dict[str, Bundle]:
    return {bundle.system.system: bundle for bundle in load_systems(PACKAGED)}


class Complaints(logging.Handler):
    """Keeps what was logged as an error: garbage is no error of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the exception in it."""
        self.said.append(logging.Formatter().format(record))


class Stand:
    """A bot with one incident, INC-1, whose plan waits for approval."""

    def __init__(self, data: Path) -> None:
        self.engine = EmbeddedEngine(data)
        self.bundles = _bundles()
        login = Login(token="xoxb-test", signing_secret=SECRET)
        self.surface = SlackSurface(self.engine, self.bundles, login)
        self.calls = self.surface.calls
        self.estate = Estate(self.surface, self.engine, self.bundles["aivo"])
        self.estate.gate.clear()
        self.driver = Driver(self.engine, self.estate.perform)

    async def open(self) -> None:
        """Start, and declare."""
        await self.surface.start()
        self.driving = asyncio.create_task(self.driver.drive())
        await self.deliver(said("U0MARCUS", '!incident declare "checkout 5xx"', ts="1.1"))
        async with asyncio.timeout(60.0):
            while (run := self.engine.run("INC-1")) is None or run.state != "approve":
                await asyncio.sleep(0.005)
        self.run = run

    async def close(self) -> None:
        """Stop."""
        await self.driver.stop(0.0)
        await self.driving
        await self.surface.close()
        self.engine.close()

    async def deliver(self, body: Any) -> BoltResponse:
        """Hand in a payload as Socket Mode does."""
        request = SocketModeRequest(type="test", envelope_id="E1", payload=body)
        response = await self.surface.entrance.delivered(request)
        await self.settle()
        return response

    async def post(self, body: bytes | str, headers: Mapping[str, str]) -> BoltResponse:
        """Hand in a request as the web server does."""
        sent = body.encode("utf-8", "replace") if isinstance(body, str) else body
        response = await self.surface.entrance.posted(sent, "", headers)
        await self.settle()
        return response

    async def settle(self) -> None:
        """Let what went into the background end."""
        await self.surface.handlers._background.drain(grace=20.0)

    def recorded(self) -> list[Recorded]:
        """Return everything that is in the journal."""
        runs = self.engine.runs(ended=True)
        return [each for run in runs for each in self.engine.events(run.id)]

    def waits(self) -> Run:
        """Return the run as it is now."""
        run = self.engine.run("INC-1")
        assert run is not None
        return run


@pytest.fixture
def silent_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every surface talk to a Slack that is not there and says yes."""
    monkeypatch.setattr(surfaces, "Calls", lambda _client: _calls())


# What Slack sends


def event(inner: dict[str, Any], number: str = "1") -> dict[str, Any]:
    """Return an event of the Events API."""
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": "A0APP",
        "event_id": f"Ev{number}",
        "event_time": 1_700_000_000,
        "event": inner,
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
    }


def said(user: str, text: str, *, ts: str = "2.1", channel: str = INCIDENTS) -> dict[str, Any]:
    """Return a message event."""
    inner = {"type": "message", "channel": channel, "user": user, "text": text, "ts": ts}
    return event({**inner, "channel_type": "channel", "event_ts": ts}, ts)


def form(payload: Any) -> str:
    """Return an interaction as Slack posts it."""
    return urlencode({"payload": json.dumps(payload)})
