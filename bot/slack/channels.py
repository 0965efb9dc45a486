"""An incident's channel: found or made, everybody invited, the card pinned.

Performs the core's `OpenChannel`, called by `bot.wiring` through the driver.

Resumable after a kill at any instruction and after a limit or a lost answer at any call: each
part looks whether it is done before it is done.  The run learns of the channel as soon as it is
there; what does not depend on one another happens side by side.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import messages
from bot.slack import sentences
from bot.slack.calls import Calls, NoAnswerError, RateLimitedError, RefusedError, SlackCallError
from bot.slack.cards import Cards
from bot.slack.directory import Directory
from bot.slack.identity import slack_ids
from bot.slack.posting import Letter, Poster
from bot.slack.texts import channel_name
from bot.views.blocks import section
from config.models.bundles import Bundle
from flows.commands import OpenChannel
from flows.engine import Engine, LaterError
from flows.events import BOT, ChannelOpened, Event
from flows.runs import Run

log = logging.getLogger(__name__)
AFTER_NO_ANSWER = 1.0
AFTER_REFUSAL = 30.0
CLOCKS_DIFFER = 60.0
MOST_NAMES = 9
INVITED_AT_ONCE = 100
HARMLESS = ("already_in_channel", "cant_invite_self", "already_pinned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A channel as Slack shows it right now."""

    id: str
    name: str
    topic: str


class ChannelOpener:
    """Opens channels; one instance serves all incidents."""

    def __init__(  # noqa: PLR0913  # wired by constructor, all of it needed
        self,
        engine: Engine,
        calls: Calls,
        directory: Directory,
        *,
        poster: Poster,
        cards: Cards,
        bundles: Mapping[str, Bundle],
        bot_user: Callable[[], str],
        tell: Callable[[Run, str], None],
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._directory = directory
        self._poster = poster
        self._cards = cards
        self._bundles = bundles
        self._bot_user = bot_user
        self._tell = tell
        self._told: set[str] = set()
        self._fallbacks: dict[str, RefusedError] = {}

    async def perform(self, run: Run, command: OpenChannel) -> Iterable[Event]:
        """Bring the channel to what it should be.

        Raises `LaterError` where Slack does not let us now; the declarer is told once.
        """
        del command
        try:
            channel = await self._channel(run)
            await self._furnish(self._engine.run(run.id) or run, channel)
        except SlackCallError as error:
            if run.id not in self._told:
                log.warning("%s: its channel is not complete: %s", run.id, error)
                self._told.add(run.id)
                self._tell(run, sentences.delayed(run, error))
            raise LaterError(str(error), delay=_delay(error)) from error
        if run.id in self._told:
            self._told.discard(run.id)
            self._tell(run, messages.completed_late(self._engine.run(run.id) or run))
        return ()

    # The channel itself

    async def _channel(self, run: Run) -> Opened:
        if run.channel is not None:
            return await self._look(run.channel)
        try:
            channel = await self._made_or_found(run)
        except RefusedError as error:
            channel = await self._fallen_back(run, error)
        self._directory.keep_channel(channel.id, channel.name)
        opened = ChannelOpened(channel=channel.id, name=channel.name)
        self._engine.feed(run.id, opened, actor=BOT, event_id=f"channel:{run.id}")
        return channel

    async def _look(self, channel: str) -> Opened:
        info = self._calls.client.conversations_info
        body = await self._calls.do(info, channel=channel)
        return _opened(body["channel"])

    async def _made_or_found(self, run: Run) -> Opened:
        taken: RefusedError | None = None
        for number in range(1, MOST_NAMES + 1):
            name = channel_name(run.id, run.reason, number)
            try:
                create = self._calls.client.conversations_create
                body = await self._calls.do(create, name=name)
                return _opened(body["channel"])
            except RefusedError as error:
                if error.code != "name_taken":
                    raise
                taken = error
            if found := await self._found(run, name):
                return found
        assert taken is not None
        raise taken

    async def _found(self, run: Run, name: str) -> Opened | None:
        """Return our own channel of this name: made for this run, and not known to it yet.

        It is, when the bot made it after the declaration and no run of the journal has it.  An
        older one is left alone: a journal that was begun anew counts from INC-1 again.
        """
        for channel in await self._directory.own_channels():
            ours = channel.get("creator") == self._bot_user()
            new = float(channel.get("created", 0)) >= run.declared_at.timestamp() - CLOCKS_DIFFER
            if channel["name"] == name and ours and new:
                other = self._engine.run_of_channel(channel["id"])
                if other is None or other.id == run.id:
                    return _opened(channel)
        return None

    async def _fallen_back(self, run: Run, error: RefusedError) -> Opened:
        """Go on in the channel of all incidents where Slack lets us make none."""
        place = await self._incidents(run)
        if place is None:
            raise error
        log.warning("%s goes on in %s: %s", run.id, place.name, error)
        self._fallbacks[run.id] = error
        return place

    async def _incidents(self, run: Run) -> Opened | None:
        bundle = self._bundles.get(run.system)
        name = bundle.system.channels.incidents if bundle else ""
        found = await self._directory.find_channel(name) if name else None
        return Opened(id=found, name=name, topic="") if found else None

    # What belongs into it

    async def _furnish(self, run: Run, channel: Opened) -> None:
        incidents = await self._incidents(run)
        if incidents and channel.id == incidents.id:
            parts = [self._card(run, channel)]
        else:
            parts = [
                self._card(run, channel),
                self._everybody(run, channel),
                self._topic(run, channel),
            ]
        parts.append(self._announce(run, incidents))
        outcomes = await asyncio.gather(*parts, return_exceptions=True)
        failures = [each for each in outcomes if isinstance(each, BaseException)]
        for failure in failures:
            if not isinstance(failure, SlackCallError):
                raise failure
        if failures:
            raise max(failures, key=_delay_of)

    async def _everybody(self, run: Run, channel: Opened) -> None:
        """Invite the declarer and the system's people; say who has no account in Slack."""
        if not self._directory.loaded:
            await self._directory.load()
        bundle = self._bundles.get(run.system)
        people = slack_ids(self._directory, bundle) if bundle else {}
        declarer = (run.declared_by.slack,) if run.declared_by.slack else ()
        users = list(dict.fromkeys((*declarer, *people.values())))
        for first in range(0, len(users), INVITED_AT_ONCE):
            await self.invite(channel.id, users[first : first + INVITED_AT_ONCE])
        listed = bundle.people.people if bundle else ()
        missing = [p.name for p in listed if p.id not in people and p.id != run.declared_by.id]
        if missing:
            await self._say(run, channel.id, "uninvited", messages.could_not_invite(missing))

    async def invite(self, channel: str, users: Sequence[str]) -> None:
        """Invite people in one call; who can't be invited is left out and logged."""
        call = self._calls.client.conversations_invite
        try:
            await self._calls.do(call, channel=channel, users=users, force=True)
        except RefusedError as error:
            # With `force`, Slack refuses only where nobody at all could be invited.
            refused = {one.get("user"): one.get("error") for one in error.body.get("errors", ())}
            if not refused and error.code not in HARMLESS and len(users) > 1:
                await self._invite_each(channel, users)
            elif not set(refused.values() or [error.code]) <= {*HARMLESS}:
                log.warning("%s: not everybody is invited: %s", channel, refused or error.code)

    async def _invite_each(self, channel: str, users: Sequence[str]) -> None:
        for user in users:
            await self.invite(channel, [user])

    async def _card(self, run: Run, channel: Opened) -> None:
        card = await self._cards.post(run.id)
        pin = self._calls.client.pins_add
        await self._harmless(pin, channel=channel.id, timestamp=card.ts)

    async def _topic(self, run: Run, channel: Opened) -> None:
        # Every change of a topic shows up as a message: only where it is not there yet.
        if channel.topic:
            return
        topic = sentences.topic(run)
        await self._harmless(
            self._calls.client.conversations_setTopic, channel=channel.id, topic=topic
        )

    async def _announce(self, run: Run, incidents: Opened | None) -> None:
        if incidents is None:
            log.warning("%s is not announced: the bot is not in that channel", run.id)
            return
        said = messages.declared(run)
        if error := self._fallbacks.get(run.id):
            said = f"{said}\n{messages.fell_back(run, error.code)}"
        await self._say(run, incidents.id, "declared", said)

    async def _say(self, run: Run, channel: str, what: str, text: str) -> None:
        """Say something once; without it the incident is workable."""
        letter = Letter(
            key=f"{what}:{run.id}",
            channel=channel,
            text=text,
            blocks=[section(text)],
            since=run.declared_at,
        )
        try:
            await self._poster.post(lambda: letter)
        except RefusedError as error:
            log.warning("%s: %s", run.id, error)

    async def _harmless(self, call: Callable[..., Awaitable[Any]], **arguments: Any) -> None:
        """Make a call whose refusal leaves the incident workable."""
        try:
            await self._calls.do(call, **arguments)
        except RefusedError as error:
            if error.code not in HARMLESS:
                log.warning("%s", error)


def _opened(channel: Mapping[str, Any]) -> Opened:
    topic = (channel.get("topic") or {}).get("value") or ""
    return Opened(id=str(channel["id"]), name=str(channel["name"]), topic=str(topic))


def _delay_of(error: BaseException) -> float:
    return _delay(error) if isinstance(error, SlackCallError) else 0.0


def _delay(error: SlackCallError) -> float:
    match error:
        case RateLimitedError(delay=delay):
            return delay
        case NoAnswerError():
            return AFTER_NO_ANSWER
        case _:
            return AFTER_REFUSAL
