"""What a workspace holds: users, channels, messages, views and user groups.

Mutable on purpose: this is the emulator's database. `store.Store` owns the instances, and
`public()` gives the shape in which Slack shows a thing to an app.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.workspace.values import Json

TEAM_ID = "T0SANDBOX"
TEAM_DOMAIN = "sandbox"
APP_ID = "A0BACKOUT"
BOT_ID = "B0BACKOUT"
BOT_USER = "U0BOT"


@dataclass(slots=True, kw_only=True)
class User:
    """A person or a bot; `role` is shown on the page only, Slack knows nothing of it."""

    id: str
    name: str
    real_name: str
    email: str = ""
    role: str = ""
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    deleted: bool = False
    tz: str = "America/Los_Angeles"
    tz_offset: int = -28_800

    def public(self, *, with_email: bool = True) -> Json:
        """Return the user object of users.info."""
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "title": self.role,
            "team": TEAM_ID,
        }
        if with_email and self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "tz": self.tz,
            "tz_label": self.tz,
            "tz_offset": self.tz_offset,
            "updated": 0,
            "profile": profile,
        }


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; an ephemeral one names the only user who sees it."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    from_app: bool = False
    username: str | None = None
    metadata: Json | None = None
    edited: bool = False
    broadcast: bool = False
    ephemeral_to: str | None = None
    client_msg_id: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)

    @property
    def in_channel(self) -> bool:
        """Say whether the channel itself shows it (a reply shows in its thread only)."""
        return self.thread_ts is None or self.thread_ts == self.ts or self.broadcast

    def public(self, *, with_metadata: bool = False) -> Json:
        """Return the message object of conversations.history and of events."""
        body: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        body["team"] = TEAM_ID
        if self.from_app:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": _bot_profile()}
        optional: Json = {
            "subtype": self.subtype,
            "thread_ts": self.thread_ts,
            "client_msg_id": self.client_msg_id,
            "username": self.username,
            "blocks": self.blocks,
            "files": self.files,
            "metadata": self.metadata if with_metadata else None,
        }
        body |= {key: value for key, value in optional.items() if value}
        if self.edited:
            body["edited"] = {"user": self.user, "ts": self.ts}
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": users, "count": len(users)}
                for name, users in self.reactions.items()
            ]
        return body


def _bot_profile() -> Json:
    return {"id": BOT_ID, "app_id": APP_ID, "name": "Backout", "team_id": TEAM_ID}


@dataclass(slots=True, kw_only=True)
class Channel:
    """A public or private channel, or a direct message between two users."""

    id: str
    name: str
    creator: str
    created: int
    is_private: bool = False
    is_im: bool = False
    is_archived: bool = False
    topic: str = ""
    purpose: str = ""
    topic_by: str = ""
    purpose_by: str = ""
    members: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Json] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)

    @property
    def scope_family(self) -> str:
        """Return the prefix of the scopes that guard it."""
        if self.is_im:
            return "im"
        return "groups" if self.is_private else "channels"

    def public(self, *, viewer: str = BOT_USER, with_count: bool = False) -> Json:
        """Return the conversation object of conversations.info."""
        body: Json = {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private and not self.is_im,
            "is_group": self.is_private,
            "is_im": self.is_im,
            "is_mpim": False,
            "is_private": self.is_private or self.is_im,
            "is_archived": self.is_archived,
            "is_general": False,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "is_member": viewer in self.members,
            "created": self.created,
            "creator": self.creator,
            "context_team_id": TEAM_ID,
            "topic": {"value": self.topic, "creator": self.topic_by, "last_set": 0},
            "purpose": {"value": self.purpose, "creator": self.purpose_by, "last_set": 0},
        }
        if self.is_im:
            body["user"] = next((who for who in self.members if who != viewer), viewer)
        if with_count:
            body["num_members"] = len(self.members)
        return body


@dataclass(slots=True, kw_only=True)
class View:
    """A modal on somebody's screen, or somebody's App Home."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    state: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notice: str = ""

    def public(self) -> Json:
        """Return the view object of views.* responses and interaction payloads."""
        defaults: Json = {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "submit": None,
            "close": None,
            "title": {"type": "plain_text", "text": "View Title"},
            "clear_on_close": False,
            "notify_on_close": False,
        }
        return {
            **defaults,
            **self.body,
            "id": self.id,
            "team_id": TEAM_ID,
            "state": {"values": self.state},
            "hash": self.hash,
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


@dataclass(slots=True, kw_only=True)
class UserGroup:
    """A user group such as @sre-oncall."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)

    def public(self, *, with_users: bool = False) -> Json:
        """Return the usergroup object of usergroups.list."""
        body: Json = {
            "id": self.id,
            "team_id": TEAM_ID,
            "is_usergroup": True,
            "handle": self.handle,
            "name": self.name,
            "description": "",
            "date_delete": 0,
            "user_count": len(self.users),
        }
        if with_users:
            body["users"] = list(self.users)
        return body
