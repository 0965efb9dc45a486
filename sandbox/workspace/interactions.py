"""Payloads of what people do: clicks, submissions, shortcuts and slash commands.

Built by the acts, carried by the delivery. Trigger ids and response URLs are issued here.
"""

from __future__ import annotations

from sandbox.workspace.context import Context
from sandbox.workspace.models import APP_ID, TEAM_DOMAIN, TEAM_ID, Channel, Message, User, View
from sandbox.workspace.values import Json


def block_actions_on_message(
    ctx: Context, *, user: User, message: Message, action: Json, state: Json
) -> Json:
    """Build the payload of a click in a message."""
    channel = ctx.store.channels[message.channel]
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    body = _common(ctx, user, "block_actions") | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": {"values": state},
        "response_url": ctx.triggers.response_url(
            channel=channel.id, user=user.id, message_ts=message.ts
        ),
        "actions": [action],
        "trigger_id": ctx.triggers.issue(user.id),
    }
    if message.ephemeral_to is None:
        body["message"] = message.public()
    return body


def block_actions_on_view(ctx: Context, *, user: User, view: View, action: Json) -> Json:
    """Build the payload of a click in a modal or an App Home."""
    return _common(ctx, user, "block_actions") | {
        "container": {"type": "view", "view_id": view.id},
        "view": view.public(),
        "actions": [action],
        "trigger_id": ctx.triggers.issue(user.id, view=view.id),
    }


def view_submission(ctx: Context, *, user: User, view: View) -> Json:
    """Build the payload of a submitted modal."""
    return _common(ctx, user, "view_submission") | {
        "view": view.public(),
        "response_urls": [],
        "trigger_id": ctx.triggers.issue(user.id, view=view.id),
    }


def view_closed(ctx: Context, *, user: User, view: View, cleared: bool) -> Json:
    """Build the payload of a dismissed modal."""
    return _common(ctx, user, "view_closed") | {"view": view.public(), "is_cleared": cleared}


def shortcut(ctx: Context, *, user: User, callback_id: str) -> Json:
    """Build the payload of a global shortcut."""
    return _common(ctx, user, "shortcut") | {
        "callback_id": callback_id,
        "action_ts": ctx.clock.next_ts(),
        "trigger_id": ctx.triggers.issue(user.id),
    }


def slash_command(ctx: Context, *, user: User, channel: Channel, command: str, text: str) -> Json:
    """Build the form of a slash command."""
    return {
        "token": "sandbox-verification",
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": ctx.triggers.response_url(channel=channel.id, user=user.id),
        "trigger_id": ctx.triggers.issue(user.id),
    }


def _common(ctx: Context, user: User, kind: str) -> Json:
    return {
        "type": kind,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": TEAM_ID,
        },
        "api_app_id": APP_ID,
        "token": "sandbox-verification",
        "enterprise": None,
        "is_enterprise_install": False,
    }
