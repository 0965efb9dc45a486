"""Triggers, response URLs, rate limits, faults, retries and redelivery."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.workspace import Settings, Workspace, WorkspaceClient, WorkspaceError
from sandbox.workspace.access import SIGNING_SECRET
from sandbox.workspace.delivery import Ack, Envelope
from tests.sandbox.workspace.conftest import web_client

C = "C0INCIDENTS"
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "M"}, "blocks": []}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession() as opened:
        yield opened


class FakeMonotonic:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> FakeMonotonic:
    """The workspace's own clock, moved by hand."""
    clock = FakeMonotonic()
    monkeypatch.setattr(type(workspace.context.clock), "monotonic", lambda _self: clock())
    return clock


async def test_a_trigger_works_once(workspace: Workspace, slack: AsyncWebClient) -> None:
    """The second use of a trigger is refused."""
    trigger = workspace.context.triggers.issue("U0EMILY")
    await slack.views_open(trigger_id=trigger, view=MODAL)
    assert await _error(slack.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"


async def test_a_trigger_expires_after_three_seconds(
    workspace: Workspace, slack: AsyncWebClient, monotonic: FakeMonotonic
) -> None:
    """A trigger that is older than 3 s opens nothing."""
    trigger = workspace.context.triggers.issue("U0EMILY")
    monotonic.seconds += 3.1
    assert await _error(slack.views_open(trigger_id=trigger, view=MODAL)) == "expired_trigger_id"


async def test_speed_shortens_the_clocks() -> None:
    """At speed 10 a trigger lives a tenth of its time."""
    workspace = Workspace(speed=10)
    triggers = workspace.context.triggers
    trigger = triggers.triggers[triggers.issue("U0EMILY")]
    assert trigger.until - workspace.context.clock.monotonic() < 0.31


async def test_response_url_five_uses(
    workspace: Workspace, session: aiohttp.ClientSession, people: WorkspaceClient
) -> None:
    """A response URL answers five times, then no more."""
    url = workspace.context.triggers.response_url(channel=C, user="U0EMILY")
    statuses = [
        (await session.post(url, json={"text": f"answer {number}"})).status for number in range(6)
    ]
    assert statuses == [200] * 5 + [404]
    assert len(await people.ephemerals("U0EMILY")) == 5


async def test_response_url_expires(
    workspace: Workspace, session: aiohttp.ClientSession, monotonic: FakeMonotonic
) -> None:
    """After 30 minutes a response URL is gone."""
    url = workspace.context.triggers.response_url(channel=C, user="U0EMILY")
    monotonic.seconds += 1801
    assert (await session.post(url, json={"text": "late"})).status == 404


async def test_response_url_replaces_and_deletes_the_original(
    workspace: Workspace,
    session: aiohttp.ClientSession,
    slack: AsyncWebClient,
    people: WorkspaceClient,
) -> None:
    """The message that was clicked can be replaced and removed."""
    ts = (await slack.chat_postMessage(channel=C, text="before"))["ts"]
    url = workspace.context.triggers.response_url(channel=C, user="U0EMILY", message_ts=ts)
    await session.post(url, json={"text": "after", "replace_original": True})
    assert [one["text"] for one in await people.messages(C)] == ["after"]
    await session.post(url, json={"delete_original": True})
    assert await people.messages(C) == []


async def test_posting_is_limited_a_second_and_channel() -> None:
    """A burst passes, the rest is told when to come back, another channel is not affected."""
    async with Workspace() as workspace:
        slack = web_client(workspace)
        for number in range(5):
            await slack.chat_postMessage(channel=C, text=str(number))
        with pytest.raises(SlackApiError) as refused:
            await slack.chat_postMessage(channel=C, text="one too many")
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "1"
        assert (await slack.chat_postMessage(channel="U0EMILY", text="hello"))["ok"]


async def test_limits_can_be_tightened(people: WorkspaceClient, slack: AsyncWebClient) -> None:
    """A test may ask for limits tighter than Slack's own."""
    await people.act("limits", enabled=True, scale=0.02)
    await slack.chat_getPermalink(channel=C, message_ts=await people.say("U0EMILY", C, "x"))
    await slack.conversations_info(channel=C)
    assert await _error(slack.conversations_info(channel=C)) == "ratelimited"


FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "error": ({"error": "fatal_error"}, 200, "fatal_error"),
    "status": ({"status": 500}, 500, "internal_error"),
    "429": ({"retry_after": 7}, 429, "ratelimited"),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_fault_hits_its_method_and_count(
    people: WorkspaceClient, slack: AsyncWebClient, name: str
) -> None:
    """A fault hits the named method as often as asked, and nothing else."""
    fault, status, error = FAULTS[name]
    await people.fault("chat.postMessage", **fault)
    await slack.conversations_info(channel=C)
    with pytest.raises(SlackApiError) as refused:
        await slack.chat_postMessage(channel=C, text="x")
    assert refused.value.response.status_code == status
    assert refused.value.response["error"] == error
    await slack.chat_postMessage(channel=C, text="x")
    assert [call["ok"] for call in await people.calls("chat.postMessage")] == [False, True]


async def test_a_lost_reply_has_its_effect(
    people: WorkspaceClient, workspace: Workspace, session: aiohttp.ClientSession
) -> None:
    """When the reply is lost the message is there all the same; a dropped call has no effect."""
    for fault in ({"lose_reply": True}, {"drop": True}):
        await people.fault("chat.postMessage", **fault)
        with pytest.raises(aiohttp.ClientError):
            await session.post(
                f"{workspace.api_url}chat.postMessage",
                data={"channel": C, "text": str(fault)},
                headers={"Authorization": "Bearer xoxb-sandbox-backout"},
            )
    assert [one["text"] for one in await people.messages(C)] == ["{'lose_reply': True}"]


async def test_delay_shows_in_the_call_log(people: WorkspaceClient, slack: AsyncWebClient) -> None:
    """A delay on every call lies between the arrival and the effect."""
    await people.delay(30)
    await slack.conversations_info(channel=C)
    [call] = await people.calls("conversations.info")
    assert call["done"] - call["t"] >= 0.03


async def test_fault_with_an_unknown_key_is_refused(people: WorkspaceClient) -> None:
    """A misspelt fault is an error, not a fault that never happens."""
    with pytest.raises(WorkspaceError, match="invalid_fault"):
        await people.fault("*", retry_afer=3)


class FlakyApp:
    """Stands in for the transports: fails a number of times, then acknowledges."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.seen: list[Envelope] = []

    async def send(self, envelope: Envelope) -> Ack:
        self.seen.append(envelope)
        if len(self.seen) <= self.failures:
            return Ack(ok=False, error="timeout")
        return Ack(ok=True)


@pytest.mark.parametrize(("failures", "attempts"), [(0, [0]), (2, [0, 1, 2]), (9, [0, 1, 2, 3])])
async def test_unacknowledged_events_come_again(
    workspace: Workspace,
    people: WorkspaceClient,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    attempts: list[int],
) -> None:
    """An event is repeated three times at most, with its number, until it is acknowledged."""
    app = FlakyApp(failures)
    monkeypatch.setattr(workspace.context.delivery, "_sockets", app)
    await people.say("U0EMILY", C, "hello")

    async def enough() -> bool:
        return len(app.seen) == len(attempts)

    await people.wait_for(enough)
    assert [one.attempt for one in app.seen] == attempts
    assert len({one.payload["event_id"] for one in app.seen}) == 1


async def test_a_click_without_the_app_fails_and_is_not_repeated(
    people: WorkspaceClient, slack: AsyncWebClient
) -> None:
    """A click while the app is away is lost, and the person is told so."""
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = (await slack.chat_postMessage(channel=C, text="x", blocks=blocks))["ts"]
    answer = await people.click("U0EMILY", C, ts, "go")
    assert answer["acked"] is False
    assert answer["error"] == "no_socket"
    clicks = [one for one in await people.deliveries() if one["what"] == "block_actions"]
    assert len(clicks) == 1


async def test_a_guest_outside_the_channel_cannot_click(
    people: WorkspaceClient, slack: AsyncWebClient
) -> None:
    """Somebody who is not in a channel sees no button there."""
    channel = (await slack.conversations_create(name="inc-3"))["channel"]["id"]
    ts = (await slack.chat_postMessage(channel=channel, text="x"))["ts"]
    with pytest.raises(WorkspaceError, match="not_in_channel"):
        await people.click("U0GUEST", channel, ts, "go")


async def test_a_deactivated_person_can_do_nothing(people: WorkspaceClient) -> None:
    """Deactivating a user ends what that person can do."""
    await people.change_user("U0ALEX", deleted=True)
    with pytest.raises(WorkspaceError, match="account_inactive"):
        await people.say("U0ALEX", C, "hello")


async def test_typed_text_reaches_the_app_as_slack_writes_it(people: WorkspaceClient) -> None:
    """Reserved characters are escaped, names become mentions, markup that is typed stays text."""
    await people.say("U0ALEX", C, "<!channel> a & b @emily.watson @sre-oncall https://x.example/a.")
    [message] = await people.messages(C)
    assert message["text"] == (
        "&lt;!channel&gt; a &amp; b <@U0EMILY> <!subteam^S0ONCALL|@sre-oncall> "
        "<https://x.example/a>."
    )


async def test_http_deliveries_are_signed_and_numbered(workspace: Workspace) -> None:
    """Over HTTP every delivery is signed, and a repeated one says which try it is and why."""
    seen: list[tuple[str | None, str | None]] = []

    async def endpoint(request: web.Request) -> web.Response:
        valid = SignatureVerifier(SIGNING_SECRET).is_valid_request(
            await request.read(), dict(request.headers)
        )
        reason = request.headers.get("X-Slack-Retry-Reason")
        seen.append((request.headers.get("X-Slack-Retry-Num"), reason))
        return web.Response(status=200 if valid and len(seen) > 1 else 500)

    app = web.Application()
    app.router.add_post("/slack/events", endpoint)
    async with TestServer(app) as server, WorkspaceClient(workspace.url) as people:
        await people.act("request_url", url=str(server.make_url("/slack/events")))
        seen.clear()
        await people.say("U0EMILY", C, "hello")

        async def acknowledged() -> bool:
            return any(one["ok"] for one in await people.deliveries())

        await people.wait_for(acknowledged)
    assert seen == [(None, None), ("1", "http_error")]


async def test_the_request_url_can_be_unreachable() -> None:
    """An app that does not listen is reported as a failed connection."""
    settings = Settings(request_url="http://127.0.0.1:9/slack/events", retry_seconds=())
    async with Workspace(settings=settings) as workspace, WorkspaceClient(workspace.url) as people:
        answer = await people.slash("U0EMILY", C, "help")
        assert answer["error"] == "connection"
        [note] = await people.ephemerals("U0EMILY")
        assert note["text"] == "/incident failed with the error “dispatch_failed”"


async def _error(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])
