"""Events of the workspace, in the shape in which Slack tells an app of them.

The Web API methods and the people's actions call these after each change; what the app is not
subscribed to, or may not see, is left out.
"""

from __future__ import annotations

from sandbox.workspace.access import Access
from sandbox.workspace.delivery import Delivery
from sandbox.workspace.models import APP_ID, BOT_USER, TEAM_ID, Channel, Message, User
from sandbox.workspace.store import Store
from sandbox.workspace.values import Json, new_id


class Events:
    """Build event callbacks and hand them to the delivery."""

    def __init__(self, *, store: Store, access: Access, delivery: Delivery) -> None:
        self._store = store
        self._access = access
        self._delivery = delivery

    def message(self, message: Message) -> None:
        """Tell of a new message, and of a mention of the app in it."""
        channel = self._store.channels[message.channel]
        self._message(channel, message.public(with_metadata=True), message.ts)
        mentioned = f"<@{BOT_USER}>" in message.text and not message.from_app
        if mentioned and BOT_USER in channel.members:
            event = {**message.public(), "type": "app_mention"}
            self._emit("app_mention", {**event, **_place(channel, message.ts)})

    def message_changed(self, message: Message, previous: Json) -> None:
        """Tell of an edited message; the app hears of its own edits as well."""
        body = {"message": message.public(), "previous_message": previous}
        self._hidden("message_changed", self._store.channels[message.channel], body)

    def message_deleted(self, message: Message) -> None:
        """Tell of a message that was removed."""
        body = {"deleted_ts": message.ts, "previous_message": message.public()}
        self._hidden("message_deleted", self._store.channels[message.channel], body)

    def member_joined(self, channel: Channel, user_id: str, inviter: str) -> None:
        """Tell of somebody who joined a channel that the app is in."""
        if BOT_USER in channel.members:
            body = {
                "user": user_id,
                "channel": channel.id,
                "channel_type": "G" if channel.is_private else "C",
                "team": TEAM_ID,
                "inviter": inviter,
            }
            self._emit("member_joined_channel", body)

    def member_left(self, channel: Channel, user_id: str) -> None:
        """Tell of somebody who left a channel that the app is in."""
        if BOT_USER in channel.members:
            body = {"user": user_id, "channel": channel.id, "team": TEAM_ID}
            self._emit("member_left_channel", body)

    def channel_created(self, channel: Channel) -> None:
        """Tell of a new public channel."""
        if not channel.is_private and not channel.is_im:
            self._emit("channel_created", {"channel": channel.public()})

    def home_opened(self, user_id: str, view: Json | None) -> None:
        """Tell that a person opened the app's Home."""
        body: Json = {"user": user_id, "channel": f"D{user_id[1:]}", "tab": "home"}
        if view is not None:
            body["view"] = view
        self._emit("app_home_opened", body)

    def user_changed(self, user: User) -> None:
        """Tell that a user was changed or deactivated."""
        self._emit("user_change", {"user": user.public(), "cache_ts": 0})

    def _message(self, channel: Channel, body: Json, ts: str) -> None:
        if BOT_USER in channel.members:
            self._emit(_subscription(channel), {**body, **_place(channel, ts)})

    def _hidden(self, subtype: str, channel: Channel, body: Json) -> None:
        ts = self._store.clock.next_ts()
        self._message(
            channel, {"type": "message", "subtype": subtype, "hidden": True, "ts": ts, **body}, ts
        )

    def _emit(self, subscription: str, event: Json) -> None:
        if not self._access.hears(subscription):
            return
        event = {"type": subscription, **event}
        if subscription.startswith("message."):
            event["type"] = "message"
        event.setdefault("event_ts", self._store.clock.next_ts())
        self._delivery.event(
            {
                "token": "sandbox-verification",
                "team_id": TEAM_ID,
                "api_app_id": APP_ID,
                "event": event,
                "type": "event_callback",
                "event_id": new_id("Ev"),
                "event_time": int(self._store.clock.now()),
                "authorizations": [_authorization()],
                "is_ext_shared_channel": False,
                "event_context": new_id("4-"),
            }
        )


def _authorization() -> Json:
    return {
        "enterprise_id": None,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }


def _subscription(channel: Channel) -> str:
    return f"message.{channel.scope_family}"


def _place(channel: Channel, ts: str) -> Json:
    kind = {"channels": "channel", "groups": "group", "im": "im"}[channel.scope_family]
    return {"channel": channel.id, "channel_type": kind, "event_ts": ts}
