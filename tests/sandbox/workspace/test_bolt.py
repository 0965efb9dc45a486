"""A real Bolt app plays declare, approve and update over both transports."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.workspace import Workspace, WorkspaceClient
from sandbox.workspace.client import shown
from tests.sandbox.workspace import apps

pytestmark = pytest.mark.scenario
TRANSPORTS = {"sockets": apps.over_sockets, "http": apps.over_http}


@pytest.fixture(params=sorted(TRANSPORTS))
def transport(request: pytest.FixtureRequest) -> Any:
    """Each of the two ways to the app."""
    return TRANSPORTS[request.param]


async def test_declare_refuse_approve_update(
    workspace: Workspace, people: WorkspaceClient, transport: Any
) -> None:
    """A declaration opens a channel, the declarer is refused in private, a lead approves."""
    async with transport(workspace):
        await people.say("U0MARCUS", "C0INCIDENTS", "!incident declare “checkout 5xx”")
        channel = await people.wait_for(lambda: _channel(people, "inc-1"))
        [card] = [one for one in await people.messages("inc-1") if one.get("blocks")]
        await people.wait_for(lambda: _member(people, "inc-1", "U0MARCUS"))

        await people.click("U0MARCUS", channel["id"], card["ts"], "approve")
        [whisper] = await people.wait_for(lambda: people.ephemerals("U0MARCUS"))
        assert whisper["text"] == "You declared this"

        await people.act("join", user="U0JENNIFER", channel=channel["id"])
        answer = await people.click("U0JENNIFER", channel["id"], card["ts"], "approve")
        assert answer["acked"]
        await people.wait_for(lambda: _says(people, "inc-1", "RESTORE"))


async def test_slash_modal_errors_and_success(
    workspace: Workspace, people: WorkspaceClient, transport: Any
) -> None:
    """A slash command answers, opens a modal, and the modal shows the app's field errors."""
    async with transport(workspace) as seen:
        answer = await people.slash("U0EMILY", "C0INCIDENTS", "declare <b> @jennifer.liu")
        assert answer["body"] in ("one moment", {"text": "one moment"})
        modal = await people.wait_for(lambda: people.modal("U0EMILY"))
        assert seen[-1]["text"] == "declare &lt;b&gt; <@U0JENNIFER|jennifer.liu>"

        empty = await people.submit("U0EMILY", modal["id"])
        assert empty["errors"] == {"reason": "Please complete this required field."}
        short = await people.submit("U0EMILY", modal["id"], {"reason": "5xx"})
        assert short["errors"] == {"reason": "Say a little more"}
        done = await people.submit("U0EMILY", modal["id"], {"reason": {"text": "checkout 5xx"}})
        assert done["acked"]
        assert await people.modal("U0EMILY") is None


async def test_home_is_published_when_opened(
    workspace: Workspace, people: WorkspaceClient, transport: Any
) -> None:
    """Opening the Home reaches the app, and what it publishes is what the person sees."""
    async with transport(workspace):
        await people.open_home("U0SARAHK")
        home = await people.wait_for(lambda: people.home("U0SARAHK"))
        assert shown(home["blocks"]) == "Nothing waits"


async def test_every_event_is_acknowledged_once(
    workspace: Workspace, people: WorkspaceClient, transport: Any
) -> None:
    """An app with a catch-all listener acks each event at the first attempt."""
    async with transport(workspace) as seen:
        await people.say("U0ALEX", "C0INCIDENTS", "hello")
        await people.wait_for(lambda: _settled(people))
        assert [one["attempt"] for one in await people.deliveries()] == [0]
        assert seen[0]["event"]["channel_type"] == "channel"


async def test_redelivery_with_same_and_new_ids(
    workspace: Workspace, people: WorkspaceClient, transport: Any
) -> None:
    """The same event can be sent again under its own id and under new ones."""
    async with transport(workspace) as seen:
        await people.say("U0ALEX", "C0INCIDENTS", "hello")
        await people.wait_for(lambda: _settled(people))
        assert await people.redeliver(2) == 2
        assert await people.redeliver(1, new_ids=True) == 1
        await people.wait_for(lambda: _at_least(seen, 4))
        ids = [body["event_id"] for body in seen]
        assert len(ids) == 4
        assert len(set(ids)) == 2


async def _channel(people: WorkspaceClient, name: str) -> Any:
    channel = (await people.channels()).get(name)
    messages = await people.messages(name) if channel else []
    return channel if any(one.get("blocks") for one in messages) else None


async def _member(people: WorkspaceClient, name: str, user: str) -> bool:
    return user in (await people.channels())[name]["members"]


async def _says(people: WorkspaceClient, name: str, text: str) -> bool:
    return any(text in one["text"] for one in await people.messages(name))


async def _settled(people: WorkspaceClient) -> bool:
    sent = await people.deliveries()
    return bool(sent) and all(one["ok"] is not None for one in sent)


async def _at_least(seen: list[Any], count: int) -> bool:
    return len(seen) >= count
