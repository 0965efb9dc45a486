"""The least that a Slack bot of this kind can be, as the floor under every figure.

`python -m tests.benchmarks.minimal_bolt` starts it: Bolt over Socket Mode as its documentation
shows it, no journal, no plan, no people.  It opens a channel for a form, redraws a message for a
click, and asks the cluster for another.  `BENCH_CLUSTER` and `BENCH_TOKEN` say where that is.
"""

import asyncio
import os
import sys
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

Body = dict[str, Any]
EVERYBODY = "U0MARCUS,U0EMILY,U0JENNIFER,U0ALEX,U0DAVID,U0SARAHK,U0MICHAEL"
FORM: Body = {
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


def card(said: str) -> list[Body]:
    """Return a message with the two buttons."""
    buttons = [
        {"type": "button", "action_id": name, "text": {"type": "plain_text", "text": name}}
        for name in ("redraw", "ask")
    ]
    text = {"type": "mrkdwn", "text": said}
    return [{"type": "section", "text": text}, {"type": "actions", "elements": buttons}]


def build(session: aiohttp.ClientSession) -> AsyncApp:
    """Build the app."""
    client = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], os.environ["SLACK_API_URL"])
    client.proxy = None
    app = AsyncApp(client=client)
    clicks = iter(range(1_000_000))
    channels = iter(range(int(os.environ.get("BENCH_FIRST", "0")), 1_000_000))

    @app.command("/incident")
    async def command(ack: AsyncAck, body: Body) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("declare")
    async def declare(ack: AsyncAck) -> None:
        await ack()
        created = await client.conversations_create(name=f"minimal-{next(channels)}")
        channel = created["channel"]["id"]
        await client.chat_postMessage(channel=channel, text="declared", blocks=card("declared"))
        await client.conversations_invite(channel=channel, users=EVERYBODY)

    @app.action("redraw")
    async def redraw(ack: AsyncAck, body: Body) -> None:
        await ack()
        said = f"clicked {next(clicks)}"
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=said, blocks=card(said)
        )

    @app.action("ask")
    async def ask(ack: AsyncAck) -> None:
        await ack()
        headers = {"Authorization": f"Bearer {os.environ['BENCH_TOKEN']}"}
        async with session.get(os.environ["BENCH_CLUSTER"], headers=headers) as response:
            await response.read()

    return app


async def main() -> None:
    """Run until killed."""
    async with aiohttp.ClientSession() as session:
        app = build(session)
        handler = AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"])
        handler.client.proxy = None
        await handler.connect_async()
        await app.client.chat_postMessage(
            channel="C0INCIDENTS", text="minimal", blocks=card("minimal")
        )
        sys.stderr.write("ready: the minimal bot\n")
        sys.stderr.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
