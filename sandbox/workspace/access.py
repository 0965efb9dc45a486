"""Tokens and scopes: who may call what, and which events the app hears of.

`api.Api` asks before each call; `install` takes an app manifest, so that the emulator grants
exactly what a real workspace would grant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.workspace.values import Json, SlackError

BOT_TOKEN = "xoxb-sandbox-backout"  # noqa: S105  # opens nothing but the sandbox
APP_TOKEN = "xapp-sandbox-backout"  # noqa: S105  # opens nothing but the sandbox
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105  # signs for the sandbox only

ALL_SCOPES = frozenset(
    {
        "app_mentions:read",
        "bookmarks:write",
        "channels:history",
        "channels:join",
        "channels:manage",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "chat:write.public",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "groups:write",
        "im:history",
        "im:read",
        "im:write",
        "pins:read",
        "pins:write",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)

# An event reaches the app only when it is subscribed to and one of these scopes is granted.
EVENT_SCOPES = {
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "app_mention": {"app_mentions:read"},
    "app_home_opened": set[str](),
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "channel_created": {"channels:read"},
    "channel_archive": {"channels:read"},
    "channel_rename": {"channels:read"},
    "user_change": {"users:read"},
    "pin_added": {"pins:read"},
    "reaction_added": {"reactions:read"},
}


# What a fresh workspace tells the app of; `install` puts the manifest's own list in place.
DEFAULT_EVENTS = frozenset(
    {
        "message.channels",
        "message.groups",
        "message.im",
        "app_mention",
        "app_home_opened",
        "member_joined_channel",
        "user_change",
    }
)


@dataclass(slots=True, kw_only=True)
class Access:
    """What the app's installation grants."""

    scopes: frozenset[str] = ALL_SCOPES
    events: frozenset[str] = DEFAULT_EVENTS
    shortcuts: list[Json] = field(default_factory=list)
    commands: dict[str, Json] = field(
        default_factory=lambda: {"/incident": {"command": "/incident", "should_escape": True}}
    )
    app_name: str = "Backout"
    paid_plan: bool = True
    revoked: bool = False

    def check_token(self, token: str | None, *, app_level: bool) -> None:
        """Refuse a missing, unknown or wrong kind of token as Slack does."""
        if not token:
            raise SlackError("not_authed")
        if token not in (BOT_TOKEN, APP_TOKEN):
            raise SlackError("invalid_auth")
        if self.revoked:
            raise SlackError("token_revoked")
        if (token == APP_TOKEN) != app_level:
            raise SlackError("not_allowed_token_type")

    def need(self, any_of: Iterable[str]) -> None:
        """Refuse unless one of the scopes is granted (none named: nothing is needed)."""
        wanted = sorted(any_of)
        if wanted and not self.scopes.intersection(wanted):
            raise SlackError(
                "missing_scope", needed=",".join(wanted), provided=",".join(sorted(self.scopes))
            )

    def hears(self, event: str) -> bool:
        """Say whether the app is told of an event type."""
        needed = EVENT_SCOPES.get(event, set())
        return event in self.events and (not needed or bool(self.scopes & needed))

    def install(self, manifest: Json) -> None:
        """Grant what an app manifest asks for, and nothing else."""
        features = manifest.get("features", {})
        settings = manifest.get("settings", {})
        scopes = manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
        events = settings.get("event_subscriptions", {}).get("bot_events", [])
        self.scopes = frozenset(scopes)
        self.events = frozenset(events)
        self.shortcuts = [
            shortcut
            for shortcut in features.get("shortcuts", [])
            if shortcut.get("type") == "global"
        ]
        self.commands = {
            str(command["command"]): command for command in features.get("slash_commands", [])
        }
        self.app_name = manifest.get("display_information", {}).get("name", self.app_name)
