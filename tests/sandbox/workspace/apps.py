"""A small real Bolt app that declares, approves and updates, for the transport tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.workspace import Workspace
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.servers import served

Body = dict[str, Any]


def modal() -> Body:
    """Return the declare modal of the example app."""
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": {"type": "plain_text", "text": "Declare"},
        "submit": {"type": "plain_text", "text": "Declare"},
        "blocks": [
            {
                "type": "input",
                "block_id": "reason",
                "label": {"type": "plain_text", "text": "What is wrong?"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            }
        ],
    }


def card(state: str) -> list[Body]:
    """Return a card with one button."""
    approve = {
        "type": "button",
        "action_id": "approve",
        "value": "digest-1",
        "text": {"type": "plain_text", "text": "Approve"},
    }
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*INC-1* {state}"}},
        {"type": "actions", "block_id": "gate", "elements": [approve]},
    ]


def build(workspace: Workspace) -> tuple[AsyncApp, list[Body]]:
    """Return the app and the list into which it writes what it received."""
    client = AsyncWebClient(token=BOT_TOKEN, base_url=workspace.api_url)
    client.proxy = None
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)
    seen: list[Body] = []

    @app.event("message")
    async def message(body: Body, event: Body, client: AsyncWebClient) -> None:
        seen.append(body)
        if event.get("text", "").startswith("!incident declare") and "subtype" not in event:
            created = await client.conversations_create(name="inc-1")
            channel = created["channel"]["id"]
            await client.chat_postMessage(channel=channel, text="APPROVE", blocks=card("APPROVE"))
            await client.conversations_invite(channel=channel, users=[event["user"]])

    @app.event("app_home_opened")
    async def home(event: Body, client: AsyncWebClient) -> None:
        blocks = [{"type": "section", "text": {"type": "plain_text", "text": "Nothing waits"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("approve")
    async def approve(ack: Any, body: Body, respond: Any, client: AsyncWebClient) -> None:
        await ack()
        seen.append(body)
        if body["user"]["id"] == "U0MARCUS":
            await respond(text="You declared this", replace_original=False)
            return
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=body["message"]["ts"],
            text="RESTORE",
            blocks=card("RESTORE"),
        )

    @app.command("/incident")
    async def command(ack: Any, body: Body, client: AsyncWebClient) -> None:
        await ack("one moment")
        seen.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.view("declare")
    async def submitted(ack: Any, body: Body, view: Body) -> None:
        seen.append(body)
        reason = view["state"]["values"]["reason"]["text"]["value"]
        if len(reason) < 5:
            await ack(response_action="errors", errors={"reason": "Say a little more"})
        else:
            await ack()

    return app, seen


@asynccontextmanager
async def over_sockets(workspace: Workspace) -> AsyncIterator[list[Body]]:
    """Run the app over Socket Mode."""
    app, seen = build(workspace)
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=1)
    await handler.connect_async()
    try:
        yield seen
    finally:
        await handler.close_async()


@asynccontextmanager
async def over_http(workspace: Workspace) -> AsyncIterator[list[Body]]:
    """Run the app over signed HTTP."""
    app, seen = build(workspace)
    server = app.server(port=0, path="/slack/events", host="127.0.0.1")
    async with served(server.web_app) as url:
        workspace.http.url = f"{url}/slack/events"
        workspace.context.delivery.use_http = True
        yield seen
