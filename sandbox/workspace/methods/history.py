"""conversations.history and .replies: reading messages back."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.methods.registry import method, page
from sandbox.workspace.models import Channel, Message
from sandbox.workspace.values import Json, SlackError

_SCOPES = ("channels:history", "groups:history", "im:history")


@method("conversations.history", *_SCOPES)
def history(ctx: Context, args: Arguments) -> Json:
    """Return a channel's messages, newest first, replies left out."""
    channel = ctx.joined(args.need("channel"), verb="history", open_only=False)
    found = [message for message in channel.messages.values() if message.in_channel]
    part, metadata = page(list(reversed(_between(found, args))), args)
    shown = [_shown(channel, message, args) for message in part]
    following = metadata["response_metadata"]["next_cursor"]
    answer: Json = {"messages": shown, "has_more": bool(following), "pin_count": len(channel.pins)}
    return {**answer, **(metadata if following else {})}


@method("conversations.replies", *_SCOPES)
def replies(ctx: Context, args: Arguments) -> Json:
    """Return a thread, parent first."""
    channel = ctx.joined(args.need("channel"), verb="history", open_only=False)
    ts = args.need("ts")
    if ts not in channel.messages:
        raise SlackError("thread_not_found")
    root = channel.messages[ts].thread_ts or ts
    part, metadata = page(_between(ctx.store.thread(channel, root), args), args, default=1000)
    following = metadata["response_metadata"]["next_cursor"]
    answer: Json = {
        "messages": [_shown(channel, message, args) for message in part],
        "has_more": bool(following),
    }
    return {**answer, **(metadata if following else {})}


def _between(messages: Iterable[Message], args: Arguments) -> list[Message]:
    oldest, latest = args.text("oldest", "0"), args.text("latest")
    inclusive = args.flag("inclusive")

    def wanted(ts: str) -> bool:
        after = float(ts) > float(oldest) or (inclusive and float(ts) == float(oldest))
        if not latest:
            return after
        return after and (float(ts) < float(latest) or (inclusive and ts == latest))

    try:
        return [message for message in messages if wanted(message.ts)]
    except ValueError:
        raise SlackError("invalid_ts_oldest") from None


def _shown(channel: Channel, message: Message, args: Arguments) -> Json:
    body = message.public(with_metadata=args.flag("include_all_metadata"))
    answers = [one for one in channel.messages.values() if one.thread_ts == message.ts]
    answers = [one for one in answers if one.ts != message.ts]
    if answers:
        body |= {
            "thread_ts": message.ts,
            "reply_count": len(answers),
            "reply_users": list(dict.fromkeys(one.user for one in answers)),
            "latest_reply": answers[-1].ts,
        }
    return body
