"""chat.*: posting, updating, ephemeral messages, deleting, permalinks."""

from __future__ import annotations

from sandbox.workspace import blockkit
from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.methods.registry import method
from sandbox.workspace.models import BOT_USER, Channel, Message
from sandbox.workspace.values import Json, SlackError

CUT_AT = 40_000
METADATA_BYTES = 16_000


@method("chat.postMessage", "chat:write", tier=Tier.POSTING)
def post_message(ctx: Context, args: Arguments) -> Json:
    """Post to a channel, a thread, or a person."""
    channel = _target(ctx, args.need("channel"))
    text, blocks = _content(args)
    if args.text("username") or args.text("icon_emoji") or args.text("icon_url"):
        ctx.access.need({"chat:write.customize"})
    thread_ts = args.text("thread_ts") or None
    if thread_ts is not None and thread_ts not in channel.messages:
        raise SlackError("cannot_reply_to_message")
    message = Message(
        ts=ctx.clock.next_ts(),
        channel=channel.id,
        user=BOT_USER,
        text=text[:CUT_AT],
        blocks=blocks,
        thread_ts=thread_ts,
        broadcast=args.flag("reply_broadcast"),
        from_app=True,
        username=args.text("username") or None,
        metadata=_metadata(args),
    )
    ctx.post(message)
    answer: Json = {
        "channel": channel.id,
        "ts": message.ts,
        "message": message.public(with_metadata=True),
    }
    if len(text) > CUT_AT:
        answer["response_metadata"] = {"warnings": ["message_truncated"]}
    return answer


@method("chat.update", "chat:write")
def update(ctx: Context, args: Arguments) -> Json:
    """Replace a message; text without blocks removes the blocks, as Slack does."""
    channel = ctx.bot_channel(args.need("channel"))
    message = _own(ctx, channel, args.need("ts"), error="cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    text, blocks = _content(args)
    if len(text) > CUT_AT:
        raise SlackError("msg_too_long")
    previous = message.public()
    message.text, message.blocks, message.edited = text, blocks, True
    if "metadata" in args:
        message.metadata = _metadata(args)
    ctx.store.put_message(message)
    ctx.events.message_changed(message, previous)
    shown = message.public(with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": shown}


@method("chat.postEphemeral", "chat:write", tier=Tier.FOUR)
def post_ephemeral(ctx: Context, args: Arguments) -> Json:
    """Show a message to one member of a channel only."""
    channel = ctx.bot_channel(args.need("channel"))
    reader = args.need("user")
    text, blocks = _content(args)
    if channel.is_archived:
        raise SlackError("is_archived")
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel" if not channel.is_private else "channel_not_found")
    if reader not in ctx.store.users or reader not in channel.members:
        raise SlackError("user_not_in_channel")
    message = Message(
        ts=ctx.clock.next_ts(),
        channel=channel.id,
        user=BOT_USER,
        text=text,
        blocks=blocks,
        thread_ts=args.text("thread_ts") or None,
        from_app=True,
        ephemeral_to=reader,
    )
    ctx.post(message)
    return {"message_ts": message.ts}


@method("chat.delete", "chat:write")
def delete(ctx: Context, args: Arguments) -> Json:
    """Remove one of the app's own messages."""
    channel = ctx.bot_channel(args.need("channel"))
    message = _own(ctx, channel, args.need("ts"), error="cant_delete_message")
    ctx.store.drop_message(message)
    ctx.events.message_deleted(message)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", tier=Tier.FREE)
def get_permalink(ctx: Context, args: Arguments) -> Json:
    """Return an address of the browser page that shows the message."""
    channel = ctx.bot_channel(args.need("channel"))
    message = ctx.store.message(channel, args.need("message_ts"))
    mark = message.ts.replace(".", "")
    link = f"{ctx.base_url}archives/{channel.id}/p{mark}"
    return {"channel": channel.id, "permalink": link}


def _target(ctx: Context, reference: str) -> Channel:
    """Return where to post: a person's id means the direct message with that person."""
    if reference in ctx.store.users:
        user = ctx.store.users[reference]
        if user.deleted or user.is_bot:
            raise SlackError("channel_not_found")
        return ctx.store.direct(BOT_USER, user.id)
    channel = ctx.bot_channel(reference)
    if channel.is_archived:
        raise SlackError("is_archived")
    if BOT_USER not in channel.members and "chat:write.public" not in ctx.access.scopes:
        raise SlackError("not_in_channel")
    return channel


def _own(ctx: Context, channel: Channel, ts: str, *, error: str) -> Message:
    message = ctx.store.message(channel, ts)
    if not message.from_app:
        raise SlackError(error)
    return message


def _content(args: Arguments) -> tuple[str, list[Json]]:
    text = args.text("text")
    blocks = args.structure("blocks", error="invalid_blocks_format")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if not blocks and not text and not args.structure("attachments", error="invalid_attachments"):
        raise SlackError("no_text")
    if not blocks:
        return text, []
    blockkit.check_message(blocks)
    return text, blockkit.with_ids(blocks)


def _metadata(args: Arguments) -> Json | None:
    metadata = args.structure("metadata", error="invalid_metadata_format")
    if metadata is None:
        return None
    shaped = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
        and set(metadata) <= {"event_type", "event_payload", "entities"}
    )
    if not shaped:
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return dict(metadata)
