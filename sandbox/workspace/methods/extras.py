"""pins.*, reactions.add, bookmarks.add, files.*: what hangs on messages and channels."""

from __future__ import annotations

import re

from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.methods.registry import method
from sandbox.workspace.models import BOT_USER, Message
from sandbox.workspace.values import Json, SlackError, new_id

_EMOJI = re.compile(r"[a-z0-9_+'-]{1,100}")
PINS = 100
PNG = b"\x89PNG\r\n\x1a\n"


@method("pins.add", "pins:write", tier=Tier.TWO)
def pin(ctx: Context, args: Arguments) -> Json:
    """Pin a message to its channel."""
    channel = ctx.joined(args.need("channel"))
    message = ctx.store.message(channel, args.need("timestamp"))
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(message.ts)
    ctx.store.touch_channel(channel)
    return {}


@method("pins.remove", "pins:write", tier=Tier.TWO)
def unpin(ctx: Context, args: Arguments) -> Json:
    """Take a message off the pins."""
    channel = ctx.joined(args.need("channel"))
    ts = args.need("timestamp")
    if ts not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(ts)
    ctx.store.touch_channel(channel)
    return {}


@method("pins.list", "pins:read", tier=Tier.TWO)
def pins(ctx: Context, args: Arguments) -> Json:
    """Return what is pinned to a channel."""
    channel = ctx.joined(args.need("channel"), open_only=False)
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "message": channel.messages[ts].public(),
            "created": int(float(ts)),
            "created_by": BOT_USER,
        }
        for ts in reversed(channel.pins)
    ]
    return {"items": items}


@method("reactions.add", "reactions:write")
def react(ctx: Context, args: Arguments) -> Json:
    """Put an emoji on a message."""
    channel = ctx.joined(args.need("channel"))
    message = ctx.store.message(channel, args.need("timestamp"))
    name = args.need("name")
    if not _EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise SlackError("already_reacted")
    users.append(BOT_USER)
    ctx.store.put_message(message)
    return {}


@method("bookmarks.add", "bookmarks:write", tier=Tier.TWO)
def bookmark(ctx: Context, args: Arguments) -> Json:
    """Put a link above a channel."""
    channel = ctx.joined(args.need("channel_id"))
    if args.need("type") != "link":
        raise SlackError("invalid_bookmark_type")
    if not args.text("link").startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    entry: Json = {
        "id": new_id("Bk"),
        "channel_id": channel.id,
        "title": args.need("title"),
        "link": args.text("link"),
        "type": "link",
    }
    channel.bookmarks.append(entry)
    ctx.store.touch_channel(channel)
    return {"bookmark": entry}


@method("files.getUploadURLExternal", "files:write", tier=Tier.FOUR)
def upload_url(ctx: Context, args: Arguments) -> Json:
    """Return an absolute address that takes a file's raw bytes."""
    length = args.number("length", 0, lowest=0, highest=1_000_000_000)
    if length == 0:
        raise SlackError.arguments("missing required field: length")
    file_id = new_id("F")
    ctx.uploads[file_id] = {"name": args.need("filename"), "length": length, "body": None}
    return {"upload_url": f"{ctx.base_url}upload/{file_id}", "file_id": file_id}


@method("files.completeUploadExternal", "files:write", tier=Tier.FOUR)
def upload_done(ctx: Context, args: Arguments) -> Json:
    """Finish uploads and, when a channel is named, share them there."""
    given = args.structure("files", error="invalid_arguments")
    if not isinstance(given, list) or not given:
        raise SlackError.arguments("missing required field: files")
    files = [_finished(ctx, one) for one in given]
    if args.text("channel_id"):
        channel = ctx.joined(args.text("channel_id"))
        message = Message(
            ts=ctx.clock.next_ts(),
            channel=channel.id,
            user=BOT_USER,
            text=args.text("initial_comment"),
            thread_ts=args.text("thread_ts") or None,
            from_app=True,
            files=files,
        )
        ctx.post(message)
    return {"files": files}


def file_type(body: bytes) -> str:
    """Tell a picture, which the page shows, from everything else, which it does not open."""
    return "image/png" if body.startswith(PNG) else "application/octet-stream"


def _finished(ctx: Context, given: object) -> Json:
    file_id = str(given.get("id")) if isinstance(given, dict) else ""
    upload = ctx.uploads.get(file_id)
    if upload is None or upload["body"] is None or not isinstance(given, dict):
        raise SlackError("file_not_found")
    return {
        "id": file_id,
        "name": upload["name"],
        "title": given.get("title") or upload["name"],
        "size": len(upload["body"]),
        "mimetype": file_type(upload["body"]),
        "url_private": f"{ctx.base_url}files/{file_id}",
        "permalink": f"{ctx.base_url}files/{file_id}",
    }
