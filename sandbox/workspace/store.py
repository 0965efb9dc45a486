"""The workspace's data and its changes; each change is published on the feed.

Used by the Web API methods, by the people acting through the control API, and by the page.
Raises `SlackError` with Slack's own codes where a lookup fails.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.workspace.feed import Feed
from sandbox.workspace.models import BOT_USER, Channel, Message, User, UserGroup, View
from sandbox.workspace.values import Clock, Json, SlackError, new_id


class Store:
    """Hold everything; hand out objects that callers change through the methods here."""

    def __init__(self, *, clock: Clock, feed: Feed) -> None:
        self.clock = clock
        self.feed = feed
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.views: dict[str, View] = {}
        self.modals: dict[str, list[str]] = {}
        self.homes: dict[str, str] = {}
        self.ephemerals: dict[str, Message] = {}

    def fill(
        self,
        users: Sequence[User],
        channels: Sequence[Channel],
        groups: Sequence[UserGroup],
    ) -> None:
        """Put the starting population in place."""
        self.users = {user.id: user for user in users}
        self.channels = {channel.id: channel for channel in channels}
        self.groups = {group.id: group for group in groups}

    # Lookups

    def user(self, user_id: str, *, error: str = "user_not_found") -> User:
        """Return a user or raise `error`."""
        try:
            return self.users[user_id]
        except KeyError:
            raise SlackError(error) from None

    def channel(self, reference: str) -> Channel:
        """Return a channel by id, or by #name as chat.postMessage allows."""
        if reference in self.channels:
            return self.channels[reference]
        wanted = reference.removeprefix("#")
        for channel in self.channels.values():
            if channel.name == wanted and not channel.is_im:
                return channel
        raise SlackError("channel_not_found")

    def visible(self, reference: str, viewer: str = BOT_USER) -> Channel:
        """Return a channel that the viewer may know of: private ones only to members."""
        channel = self.channel(reference)
        if (channel.is_private or channel.is_im) and viewer not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def direct(self, one: str, other: str) -> Channel:
        """Return the direct message channel of two users, opened when missing."""
        for channel in self.channels.values():
            if channel.is_im and set(channel.members) == {one, other}:
                return channel
        channel = Channel(
            id=new_id("D"),
            name="",
            creator=one,
            created=int(self.clock.now()),
            is_im=True,
            members=[one, other],
        )
        return self.add_channel(channel)

    def message(self, channel: Channel, ts: str) -> Message:
        """Return a message of the channel or raise message_not_found."""
        try:
            return channel.messages[ts]
        except KeyError:
            raise SlackError("message_not_found") from None

    def view(self, view_id: str) -> View:
        """Return a view or raise not_found."""
        try:
            return self.views[view_id]
        except KeyError:
            raise SlackError("not_found") from None

    def modal(self, user_id: str) -> View | None:
        """Return the top modal on a user's screen."""
        stack = self.modals.get(user_id)
        return self.views[stack[-1]] if stack else None

    def home(self, user_id: str) -> View | None:
        """Return a user's App Home, once it has been published."""
        view_id = self.homes.get(user_id)
        return self.views[view_id] if view_id else None

    def thread(self, channel: Channel, ts: str) -> list[Message]:
        """Return the parent and its replies in order."""
        return [
            message
            for message in channel.messages.values()
            if ts in (message.ts, message.thread_ts)
        ]

    def seen(self, reference: str | None, reader: str | None) -> list[Message]:
        """Return a channel's messages, or what only one reader sees (there or anywhere)."""
        channel = self.channel(reference) if reference else None
        if reader is None:
            return list(channel.messages.values()) if channel else []
        return [
            message
            for message in self.ephemerals.values()
            if message.ephemeral_to == reader and (channel is None or message.channel == channel.id)
        ]

    # Changes

    def add_channel(self, channel: Channel) -> Channel:
        """Add a channel."""
        self.channels[channel.id] = channel
        self.touch_channel(channel)
        return channel

    def touch_channel(self, channel: Channel) -> None:
        """Publish that a channel's own fields changed."""
        self.feed.publish("channel", channel=channel_view(channel))

    def touch_user(self, user: User) -> None:
        """Publish that a user changed."""
        self.feed.publish("user", user=user_view(user))

    def put_message(self, message: Message) -> Message:
        """Add a message, or publish that it changed."""
        if message.ephemeral_to:
            self.ephemerals[message.ts] = message
        else:
            self.channels[message.channel].messages[message.ts] = message
        self.feed.publish("message", message=message_view(message))
        return message

    def drop_message(self, message: Message) -> None:
        """Remove a message from its channel, its pins included."""
        channel = self.channels[message.channel]
        channel.messages.pop(message.ts, None)
        self.ephemerals.pop(message.ts, None)
        if message.ts in channel.pins:
            channel.pins.remove(message.ts)
            self.touch_channel(channel)
        self.feed.publish("message_gone", channel=message.channel, ts=message.ts)

    def put_view(self, view: View) -> View:
        """Add a view, or publish that it changed."""
        self.views[view.id] = view
        self.publish_screen(view.user)
        return view

    def push_modal(self, view: View, *, root: bool) -> None:
        """Show a modal on top of the user's stack, or as its only one."""
        stack = self.modals.setdefault(view.user, [])
        if root:
            stack.clear()
        stack.append(view.id)
        self.put_view(view)

    def pop_modal(self, view: View, *, clear: bool = False) -> None:
        """Take a modal off the user's screen, or the whole stack."""
        stack = self.modals.get(view.user, [])
        if clear:
            stack.clear()
        elif view.id in stack:
            del stack[stack.index(view.id) :]
        self.publish_screen(view.user)

    def publish_screen(self, user_id: str) -> None:
        """Publish the modal and the App Home that a user sees now."""
        self.feed.publish("screen", user=user_id, **self.screen(user_id))

    # What the page shows

    def screen(self, user_id: str) -> Json:
        """Return a user's top modal and App Home."""
        modal = self.modal(user_id)
        home = self.home(user_id)
        return {
            "modal": screen_view(modal) if modal else None,
            "depth": len(self.modals.get(user_id, [])),
            "home": screen_view(home) if home else None,
        }

    def dump(self) -> Json:
        """Return the whole state, for the page's start and for tests."""
        messages = [
            message_view(message)
            for channel in self.channels.values()
            for message in channel.messages.values()
        ]
        messages += [message_view(message) for message in self.ephemerals.values()]
        return {
            "users": [user_view(user) for user in self.users.values()],
            "groups": [group.public(with_users=True) for group in self.groups.values()],
            "channels": [channel_view(channel) for channel in self.channels.values()],
            "messages": sorted(messages, key=lambda message: str(message["ts"])),
            "screens": {user_id: self.screen(user_id) for user_id in self.users},
        }


def user_view(user: User) -> Json:
    """Return a user as the page shows it."""
    return {**user.public(), "role": user.role}


def channel_view(channel: Channel) -> Json:
    """Return a channel as the page shows it, members and pins included."""
    return {
        **channel.public(),
        "members": list(channel.members),
        "pins": list(channel.pins),
        "bookmarks": list(channel.bookmarks),
        "topic_text": channel.topic,
        "purpose_text": channel.purpose,
    }


def message_view(message: Message) -> Json:
    """Return a message as the page shows it, metadata and its reader included."""
    return {
        **message.public(with_metadata=True),
        "channel": message.channel,
        "ephemeral_to": message.ephemeral_to,
        "in_channel": message.in_channel,
        "from_app": message.from_app,
    }


def screen_view(view: View) -> Json:
    """Return a view as the page shows it, with the errors of its last submission."""
    return {**view.public(), "errors": dict(view.errors), "notice": view.notice}
