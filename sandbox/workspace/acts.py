"""What a person does in the workspace, apart from clicks and forms.

The control API calls these for tests and for the browser page. Each refuses what Slack's own
client would not let a person do, and returns what the page and tests want to know.
"""

from __future__ import annotations

from typing import Any

from sandbox.workspace import blockkit, interactions
from sandbox.workspace.context import Context
from sandbox.workspace.delivery import INTERACTIVE, SLASH, Ack
from sandbox.workspace.models import BOT_USER, Channel, Message, User
from sandbox.workspace.typing_rules import typed
from sandbox.workspace.values import Json, SlackError, new_id


def person(ctx: Context, user_id: str) -> User:
    """Return somebody who can still sign in."""
    user = ctx.store.user(user_id)
    if user.deleted or user.is_bot:
        raise SlackError("account_inactive")
    return user


def member_of(ctx: Context, user: User, reference: str) -> Channel:
    """Return a channel that the person is in."""
    channel = ctx.store.visible(reference, user.id)
    if user.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def say(
    ctx: Context,
    *,
    user: str,
    channel: str,
    text: str,
    thread_ts: str | None = None,
    raw: bool = False,
) -> Json:
    """Post a message as a person; `raw` text is taken as the wire form."""
    author = person(ctx, user)
    place = member_of(ctx, author, channel)
    if place.is_archived:
        raise SlackError("is_archived")
    if not text.strip():
        raise SlackError("no_text")
    if thread_ts is not None:
        thread_ts = ctx.store.message(place, thread_ts).thread_ts or thread_ts
    message = Message(
        ts=ctx.clock.next_ts(),
        channel=place.id,
        user=author.id,
        text=text if raw else typed(ctx.store, text),
        thread_ts=thread_ts,
        client_msg_id=new_id("").lower(),
    )
    ctx.post(message)
    return {"ts": message.ts, "channel": place.id}


def edit(ctx: Context, *, user: str, channel: str, ts: str, text: str) -> Json:
    """Edit one's own message."""
    author = person(ctx, user)
    message = ctx.store.message(member_of(ctx, author, channel), ts)
    if message.user != author.id:
        raise SlackError("cant_update_message")
    previous = message.public()
    message.text, message.edited = typed(ctx.store, text), True
    ctx.store.put_message(message)
    ctx.events.message_changed(message, previous)
    return {"ts": ts}


async def slash(ctx: Context, *, user: str, channel: str, command: str, text: str = "") -> Json:
    """Run a slash command and show the person what it answered."""
    author = person(ctx, user)
    place = member_of(ctx, author, channel)
    settings = ctx.access.commands.get(command)
    if settings is None or "commands" not in ctx.access.scopes:
        _whisper(ctx, place, author, f"{command} is not a valid command.")
        return {"acked": False, "error": "unknown_command"}
    if settings.get("should_escape"):
        text = typed(ctx.store, text, named=True, links=False)
    payload = interactions.slash_command(
        ctx, user=author, channel=place, command=command, text=text
    )
    ack = await ctx.delivery.ask(SLASH, payload)
    if not ack.ok:
        failed = f"{command} failed with the error “{_plain(ack)}”"
        _whisper(ctx, place, author, failed)
        return {"acked": False, "error": ack.error}
    _answer(ctx, place, author, ack.body)
    return {"acked": True, "body": ack.body}


async def shortcut(ctx: Context, *, user: str, callback_id: str) -> Json:
    """Use a global shortcut."""
    author = person(ctx, user)
    payload = interactions.shortcut(ctx, user=author, callback_id=callback_id)
    ack = await ctx.delivery.ask(INTERACTIVE, payload)
    return {"acked": ack.ok, "error": ack.error}


def open_home(ctx: Context, *, user: str) -> Json:
    """Open the app's Home tab."""
    author = person(ctx, user)
    home = ctx.store.home(author.id)
    ctx.events.home_opened(author.id, home.public() if home else None)
    return {"published": home is not None}


def join(ctx: Context, *, user: str, channel: str) -> Json:
    """Join a public channel."""
    author = person(ctx, user)
    place = ctx.store.visible(channel, author.id)
    if author.id not in place.members:
        ctx.join(place, author.id, inviter="")
    return {"channel": place.id}


def leave(ctx: Context, *, user: str, channel: str) -> Json:
    """Leave a channel."""
    author = person(ctx, user)
    place = member_of(ctx, author, channel)
    place.members.remove(author.id)
    ctx.store.touch_channel(place)
    ctx.events.member_left(place, author.id)
    return {"channel": place.id}


def invite(ctx: Context, *, user: str, channel: str, invitee: str) -> Json:
    """Invite somebody, the app for instance."""
    author = person(ctx, user)
    place = member_of(ctx, author, channel)
    ctx.store.user(invitee)
    if invitee not in place.members:
        ctx.join(place, invitee, inviter=author.id)
    return {"channel": place.id}


def change_user(ctx: Context, *, user: str, **changes: Any) -> Json:
    """Change or deactivate a user as an administrator would."""
    found = ctx.store.user(user)
    for key, value in changes.items():
        if key not in type(found).__slots__ or key == "id":
            raise SlackError("unknown_user_field", field=key)
        setattr(found, key, value)
    ctx.store.touch_user(found)
    ctx.events.user_changed(found)
    return {"user": found.public()}


def change_group(ctx: Context, *, group: str, users: list[str]) -> Json:
    """Change who is in a user group."""
    found = ctx.store.groups.get(group)
    if found is None:
        raise SlackError("no_such_subteam")
    found.users = list(users)
    return {"usergroup": found.public(with_users=True)}


def _answer(ctx: Context, channel: Channel, user: User, body: Any) -> None:
    if isinstance(body, str) and body:
        _whisper(ctx, channel, user, body)
    if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
        return
    blocks = body.get("blocks") or []
    if blocks:
        blockkit.check_message(blocks)
    open_answer = body.get("response_type") == "in_channel"
    ctx.post(
        Message(
            ts=ctx.clock.next_ts(),
            channel=channel.id,
            user=BOT_USER,
            text=str(body.get("text", "")),
            blocks=blockkit.with_ids(blocks),
            from_app=True,
            ephemeral_to=None if open_answer else user.id,
        )
    )


def _whisper(ctx: Context, channel: Channel, user: User, text: str) -> None:
    ctx.post(
        Message(
            ts=ctx.clock.next_ts(),
            channel=channel.id,
            user=BOT_USER,
            text=text,
            from_app=True,
            ephemeral_to=user.id,
        )
    )


def _plain(ack: Ack) -> str:
    return "operation_timeout" if ack.error == "timeout" else "dispatch_failed"
