"""The endpoint behind response URLs: answers that need no token.

Routed at `/response/{key}` by the server. Five uses within 30 minutes, in the channel or to the
person who clicked, or instead of the message that was clicked.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from sandbox.workspace import blockkit
from sandbox.workspace.context import Context
from sandbox.workspace.models import BOT_USER, Message
from sandbox.workspace.triggers import ResponseUrl
from sandbox.workspace.values import Json, SlackError


async def handle(ctx: Context, request: web.Request) -> web.Response:
    """Serve one use of a response URL."""
    try:
        body = await _body(request)
        found = ctx.triggers.redeem_url(request.match_info["key"])
        _perform(ctx, found, body)
    except SlackError as error:
        status = 404 if error.code in ("expired_url", "used_url") else 200
        return web.json_response({"ok": False, "error": error.code, **error.extra}, status=status)
    return web.Response(text="ok")


def _perform(ctx: Context, url: ResponseUrl, body: Json) -> None:
    original = _original(ctx, url)
    if body.get("delete_original"):
        if original is not None:
            ctx.store.drop_message(original)
        return
    text, blocks = str(body.get("text") or ""), body.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    if blocks:
        blockkit.check_message(blocks)
        blocks = blockkit.with_ids(blocks)
    if body.get("replace_original") and original is not None:
        previous = original.public()
        original.text, original.blocks, original.edited = text, blocks, True
        ctx.store.put_message(original)
        if original.ephemeral_to is None:
            ctx.events.message_changed(original, previous)
        return
    open_answer = body.get("response_type") == "in_channel"
    ctx.post(
        Message(
            ts=ctx.clock.next_ts(),
            channel=url.channel,
            user=BOT_USER,
            text=text,
            blocks=blocks,
            thread_ts=body.get("thread_ts"),
            from_app=True,
            ephemeral_to=None if open_answer else url.user,
        )
    )


def _original(ctx: Context, url: ResponseUrl) -> Message | None:
    if url.message_ts is None:
        return None
    hidden = ctx.store.ephemerals.get(url.message_ts)
    return hidden or ctx.store.channels[url.channel].messages.get(url.message_ts)


async def _body(request: web.Request) -> Json:
    try:
        parsed: Any = json.loads(await request.text())
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(parsed, dict):
        raise SlackError("invalid_payload")
    return parsed
