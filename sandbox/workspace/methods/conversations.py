"""conversations.*: creating channels and what concerns a channel as a whole."""

from __future__ import annotations

import re

from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.methods.registry import method, page
from sandbox.workspace.models import BOT_USER, Channel
from sandbox.workspace.values import Json, SlackError, new_id

NAME_LENGTH = 80
TOPIC_LENGTH = 250
INVITE_AT_ONCE = 1000
_NAME = re.compile(r"[a-z0-9_-]+")
_MANAGE = ("channels:manage", "groups:write")


@method("conversations.create", *_MANAGE, tier=Tier.TWO)
def create(ctx: Context, args: Arguments) -> Json:
    """Create a channel with the app in it."""
    private = args.flag("is_private")
    ctx.access.need({"groups:write"} if private else {"channels:manage"})
    channel = Channel(
        id=new_id("C"),
        name=_free_name(ctx, args.text("name")),
        creator=BOT_USER,
        created=int(ctx.clock.now()),
        is_private=private,
        members=[BOT_USER],
    )
    ctx.store.add_channel(channel)
    ctx.events.channel_created(channel)
    return {"channel": channel.public()}


@method("conversations.rename", *_MANAGE, tier=Tier.TWO)
def rename(ctx: Context, args: Arguments) -> Json:
    """Give a channel that the app created another name."""
    channel = ctx.joined(args.need("channel"))
    if channel.creator != BOT_USER:
        raise SlackError("not_authorized")
    channel.name = _free_name(ctx, args.text("name"))
    ctx.store.touch_channel(channel)
    ctx.note(channel, BOT_USER, "channel_name", f"has renamed the channel to “{channel.name}”")
    return {"channel": channel.public()}


@method("conversations.invite", "channels:manage", "channels:write.invites", "groups:write")
def invite(ctx: Context, args: Arguments) -> Json:
    """Invite users; without `force` one bad user refuses them all."""
    channel = ctx.joined(args.need("channel"))
    users = args.names("users")
    if not users:
        raise SlackError("no_user")
    if len(users) > INVITE_AT_ONCE:
        raise SlackError("too_many_users")
    refused = {user: why for user in users if (why := _refusal(ctx, channel, user))}
    welcome = [user for user in dict.fromkeys(users) if user not in refused]
    force = args.flag("force")
    if refused and (not force or not welcome):
        errors = [{"user": who, "ok": False, "error": why} for who, why in refused.items()]
        raise SlackError(next(iter(refused.values())), errors=errors)
    for user in welcome:
        ctx.join(channel, user, inviter=BOT_USER)
    return {"channel": channel.public()}


@method("conversations.join", "channels:join")
def join(ctx: Context, args: Arguments) -> Json:
    """Join a public channel."""
    channel = ctx.bot_channel(args.need("channel"))
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_private or channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if BOT_USER in channel.members:
        return {"channel": channel.public(), "warning": "already_in_channel"}
    ctx.join(channel, BOT_USER, inviter=BOT_USER)
    return {"channel": channel.public()}


@method("conversations.leave", *_MANAGE)
def leave(ctx: Context, args: Arguments) -> Json:
    """Leave a channel."""
    channel = ctx.bot_channel(args.need("channel"))
    if BOT_USER not in channel.members:
        return {"not_in_channel": True}
    channel.members.remove(BOT_USER)
    ctx.store.touch_channel(channel)
    return {}


@method("conversations.kick", *_MANAGE)
def kick(ctx: Context, args: Arguments) -> Json:
    """Remove somebody from a channel."""
    channel = ctx.joined(args.need("channel"))
    user = ctx.store.user(args.need("user"))
    if user.id == BOT_USER:
        raise SlackError("cant_kick_self")
    if user.id not in channel.members:
        raise SlackError("not_in_channel")
    channel.members.remove(user.id)
    ctx.store.touch_channel(channel)
    ctx.events.member_left(channel, user.id)
    return {}


@method("conversations.open", "im:write", "mpim:write")
def open_direct(ctx: Context, args: Arguments) -> Json:
    """Open the direct message with one person."""
    users = args.names("users")
    if len(users) != 1:
        raise SlackError("not_enough_users" if not users else "too_many_users")
    user = ctx.store.user(users[0])
    if user.deleted:
        raise SlackError("user_disabled")
    return {"channel": {"id": ctx.store.direct(BOT_USER, user.id).id}}


@method(
    "conversations.setTopic",
    "channels:manage",
    "channels:write.topic",
    "groups:write",
    tier=Tier.TWO,
)
def set_topic(ctx: Context, args: Arguments) -> Json:
    """Set the topic."""
    channel = ctx.joined(args.need("channel"))
    topic = _short(args.text("topic"))
    channel.topic, channel.topic_by = topic, BOT_USER
    ctx.store.touch_channel(channel)
    ctx.note(channel, BOT_USER, "channel_topic", f"set the channel topic: {topic}")
    return {"channel": channel.public()}


@method(
    "conversations.setPurpose",
    "channels:manage",
    "channels:write.topic",
    "groups:write",
    tier=Tier.TWO,
)
def set_purpose(ctx: Context, args: Arguments) -> Json:
    """Set the description."""
    channel = ctx.joined(args.need("channel"))
    channel.purpose, channel.purpose_by = _short(args.text("purpose")), BOT_USER
    ctx.store.touch_channel(channel)
    ctx.note(
        channel, BOT_USER, "channel_purpose", f"set the channel description: {channel.purpose}"
    )
    return {"purpose": channel.purpose, "channel": channel.public()}


@method("conversations.archive", *_MANAGE, tier=Tier.TWO)
def archive(ctx: Context, args: Arguments) -> Json:
    """Close a channel for good; its name stays taken."""
    channel = ctx.bot_channel(args.need("channel"))
    if channel.is_archived:
        raise SlackError("already_archived")
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    ctx.note(channel, BOT_USER, "channel_archive", "archived the channel")
    channel.is_archived = True
    ctx.store.touch_channel(channel)
    return {}


@method("conversations.info", "channels:read", "groups:read", "im:read")
def info(ctx: Context, args: Arguments) -> Json:
    """Return one channel."""
    channel = ctx.bot_channel(args.need("channel"), verb="read")
    return {"channel": channel.public(with_count=args.flag("include_num_members"))}


@method("conversations.list", "channels:read", "groups:read", "im:read", tier=Tier.TWO)
def list_all(ctx: Context, args: Arguments) -> Json:
    """Return the channels that the app may know of."""
    wanted = set(args.names("types")) or {"public_channel"}
    found = [
        channel
        for channel in ctx.store.channels.values()
        if _kind(channel) in wanted
        and (_kind(channel) == "public_channel" or BOT_USER in channel.members)
        and not (args.flag("exclude_archived") and channel.is_archived)
    ]
    part, metadata = page(found, args)
    return {"channels": [channel.public(with_count=True) for channel in part], **metadata}


@method("conversations.members", "channels:read", "groups:read", "im:read", tier=Tier.FOUR)
def members(ctx: Context, args: Arguments) -> Json:
    """Return who is in a channel."""
    channel = ctx.bot_channel(args.need("channel"), verb="read")
    part, metadata = page(channel.members, args)
    return {"members": part, **metadata}


@method("users.conversations", "channels:read", "groups:read", "im:read")
def of_user(ctx: Context, args: Arguments) -> Json:
    """Return the channels that a user (the app by default) is in."""
    who = args.text("user", BOT_USER)
    ctx.store.user(who)
    wanted = set(args.names("types")) or {"public_channel"}
    found = [
        channel
        for channel in ctx.store.channels.values()
        if who in channel.members
        and _kind(channel) in wanted
        and (_kind(channel) == "public_channel" or BOT_USER in channel.members)
        and not (args.flag("exclude_archived") and channel.is_archived)
    ]
    part, metadata = page(found, args)
    return {"channels": [channel.public() for channel in part], **metadata}


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def _free_name(ctx: Context, name: str) -> str:
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > NAME_LENGTH:
        raise SlackError("invalid_name_maxlength")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name_specials")
    if not name.strip("-_"):
        raise SlackError("invalid_name_punctuation")
    if any(channel.name == name for channel in ctx.store.channels.values()):
        raise SlackError("name_taken")
    return name


def _short(text: str) -> str:
    if len(text) > TOPIC_LENGTH:
        raise SlackError("too_long")
    return text


def _refusal(ctx: Context, channel: Channel, user_id: str) -> str:
    user = ctx.store.users.get(user_id)
    if user is None or user.deleted:
        return "user_not_found"
    if user_id == BOT_USER:
        return "cant_invite_self"
    if user_id in channel.members:
        return "already_in_channel"
    return "ura_max_channels" if user.is_ultra_restricted else ""
