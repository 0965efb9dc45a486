"""What Slack sends, read into typed values.

Slack adds keys to its payloads whenever it likes, so that unknown ones are ignored here, unlike
everywhere else where untrusted data enters.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# People's messages; joins, topics, edits and the like carry a subtype of another name.
SPOKEN = (None, "thread_broadcast", "me_message", "file_share")


class Payload(BaseModel):
    """The part of a payload that is of interest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Message(Payload):
    """A message event."""

    channel: str
    ts: str
    user: str = ""
    text: str = ""
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None

    @property
    def from_person(self) -> bool:
        """Whether a person said it just now."""
        return bool(self.user) and self.bot_id is None and self.subtype in SPOKEN

    @property
    def key(self) -> str:
        """What stays the same however often and under whatever event id it is delivered."""
        return f"msg:{self.channel}:{self.ts}"


class Slash(Payload):
    """A slash command."""

    user_id: str
    channel_id: str
    text: str = ""
    response_url: str = ""
    trigger_id: str

    @property
    def key(self) -> str:
        """What is its own."""
        return f"cmd:{self.trigger_id}"


class User(Payload):
    """Who did it."""

    id: str


class Channel(Payload):
    """Where it was done."""

    id: str


class Container(Payload):
    """What the control is in."""

    message_ts: str | None = None
    thread_ts: str | None = None
    view_id: str | None = None


class Click(Payload):
    """A button or menu that was used, in a message or in a view."""

    user: User
    channel: Channel | None = None
    container: Container = Container()
    trigger_id: str = ""
    actions: tuple[dict[str, Any], ...] = Field(min_length=1)

    @property
    def action(self) -> dict[str, Any]:
        """Return what was clicked; Slack sends one at a time."""
        return self.actions[0]

    @property
    def key(self) -> str:
        """What is its own."""
        place = self.channel.id if self.channel else "-"
        spot = self.container.message_ts or self.container.view_id or "-"
        return f"act:{self.user.id}:{place}:{spot}:{self.action.get('action_ts', '')}"


class Submission(Payload):
    """A modal that was submitted; `bot.views.forms` reads what was filled in."""

    user: User
    view: dict[str, Any]
    trigger_id: str = ""

    @property
    def key(self) -> str:
        """What stays the same however often one modal is submitted."""
        return f"view:{self.view['id']}"


class Shortcut(Payload):
    """A global shortcut."""

    user: User
    trigger_id: str
    callback_id: str = ""
