"""What Slack sends, read into typed values.

Slack adds keys to its payloads whenever it likes, so that unknown ones are ignored here, unlike
everywhere else where untrusted data enters.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

# People's messages; joins, topics, edits and the like carry a subtype of another name.
ID_LENGTH = 100
"""Characters of an id or a timestamp at most; Slack's have about 30."""
TEXT_LENGTH = 50_000
"""Characters of a message at most; Slack cuts at 40,000."""
Id = Annotated[str, Field(max_length=ID_LENGTH)]
Text = Annotated[str, Field(max_length=TEXT_LENGTH)]
SPOKEN = (None, "thread_broadcast", "me_message", "file_share")


class Payload(BaseModel):
    """The part of a payload that is of interest."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Message(Payload):
    """A message event."""

    channel: Id
    ts: Id
    user: Id = ""
    text: Text = ""
    thread_ts: Id | None = None
    subtype: Id | None = None
    bot_id: Id | None = None

    @property
    def from_person(self) -> bool:
        """Whether a person said it just now."""
        return bool(self.user) and self.bot_id is None and self.subtype in SPOKEN

    @property
    def key(self) -> str:
        """What stays the same however often and under whatever event id it is delivered."""
        return f"msg:{self.channel}:{self.ts}"


class HomeOpened(Payload):
    """Somebody opened the app's Home, or one of its other tabs."""

    user: Id
    tab: Id = "home"


class RenamedChannel(Payload):
    """A channel with its new name; a direct message has none."""

    id: Id
    name: str | None = None


class ChannelRenamed(Payload):
    """A channel was renamed."""

    channel: RenamedChannel


class Profile(Payload):
    """What a member says of themselves."""

    real_name: str | None = None
    email: str | None = None


class ChangedUser(Payload):
    """A user object of an event; `bot.slack.directory` reads the flags that count."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: Id = Field(min_length=1, max_length=ID_LENGTH)
    profile: Profile | None = None


class UserChanged(Payload):
    """A user is new, or changed."""

    user: ChangedUser


class Slash(Payload):
    """A slash command."""

    user_id: Id
    channel_id: Id
    text: Text = ""
    response_url: str = ""
    trigger_id: Id

    @property
    def key(self) -> str:
        """What is its own."""
        return f"cmd:{self.trigger_id}"


class User(Payload):
    """Who did it."""

    id: Id


class Channel(Payload):
    """Where it was done."""

    id: Id


class Container(Payload):
    """What the control is in."""

    message_ts: Id | None = None
    thread_ts: Id | None = None
    view_id: Id | None = None


class Click(Payload):
    """A button or menu that was used, in a message or in a view."""

    user: User
    channel: Channel | None = None
    container: Container = Container()
    trigger_id: Id = ""
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
        at = str(self.action.get("action_ts", ""))[:ID_LENGTH]
        return f"act:{self.user.id}:{place}:{spot}:{at}"


class View(Payload):
    """A modal as it came back; what was filled in is read by `bot.views.forms`."""

    id: Id
    private_metadata: str = ""
    state: dict[str, Any] = Field(default_factory=dict)


class Submission(Payload):
    """A modal that was submitted; `bot.views.forms` reads what was filled in."""

    user: User
    view: View
    trigger_id: Id = ""

    @property
    def key(self) -> str:
        """What stays the same however often one modal is submitted."""
        return f"view:{self.view.id}"


class Whoever(Payload):
    """Who sent something of which nothing else can be read, and where."""

    user: User
    channel: Channel | None = None


class Shortcut(Payload):
    """A global shortcut."""

    user: User
    trigger_id: Id
    callback_id: Id = ""
