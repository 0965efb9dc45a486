"""Everything that a Web API method or a person's action works with, in one object."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.workspace.access import Access
from sandbox.workspace.delivery import Delivery
from sandbox.workspace.events import Events
from sandbox.workspace.models import BOT_USER, Channel, Message
from sandbox.workspace.sockets import Sockets
from sandbox.workspace.store import Store
from sandbox.workspace.triggers import Triggers
from sandbox.workspace.values import Clock, Json, SlackError


@dataclass(slots=True, kw_only=True)
class Context:
    """The workspace as its own code sees it."""

    clock: Clock
    store: Store
    access: Access
    delivery: Delivery
    events: Events
    sockets: Sockets
    triggers: Triggers
    base_url: str = ""
    uploads: dict[str, Json] = field(default_factory=dict)
    message_state: dict[tuple[str, str, str], Json] = field(default_factory=dict)

    def bot_channel(self, reference: str, *, verb: str = "") -> Channel:
        """Return a channel that the app may know of, and whose scope it holds."""
        channel = self.store.visible(reference)
        if verb:
            self.access.need({f"{channel.scope_family}:{verb}"})
        return channel

    def joined(self, reference: str, *, verb: str = "", open_only: bool = True) -> Channel:
        """Return a channel that the app is in, and that is not archived."""
        channel = self.bot_channel(reference, verb=verb)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        if open_only and channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def post(self, message: Message) -> Message:
        """Put a message into its channel and tell the app of it."""
        self.store.put_message(message)
        if message.ephemeral_to is None:
            self.events.message(message)
        return message

    def note(self, channel: Channel, user: str, subtype: str, text: str) -> None:
        """Post one of Slack's own lines, such as a change of topic."""
        self.post(
            Message(
                ts=self.clock.next_ts(),
                channel=channel.id,
                user=user,
                text=text,
                subtype=subtype,
            )
        )

    def join(self, channel: Channel, user_id: str, *, inviter: str) -> None:
        """Put a user into a channel."""
        channel.members.append(user_id)
        self.store.touch_channel(channel)
        self.note(channel, user_id, "channel_join", f"<@{user_id}> has joined the channel")
        self.events.member_joined(channel, user_id, inviter)
