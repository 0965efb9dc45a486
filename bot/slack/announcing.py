"""New messages in an incident's channel, once each: what people must notice.

Performs the core's `Announce`, called by `bot.wiring` through the driver.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from bot.slack.calls import Calls, NoAnswerError, RateLimitedError, RefusedError
from bot.slack.cards import Cards, card_key
from bot.slack.posting import Letter, Poster
from flows.commands import About, Announce
from flows.engine import Delivery, Engine, LaterError
from flows.events import Event
from flows.runs import Run
from flows.states import State

log = logging.getLogger(__name__)
CHANNEL_WAIT = 0.25
LONGEST_CHANNEL_WAIT = 15.0
AFTER_NO_ANSWER = 1.0
AFTER_REFUSAL = 60.0
# The messages that ask for a word on the plan, with buttons.
ASKING = (About.APPROVAL_WANTED, About.APPROVAL_LATE)
SETTLED = ""


class Message(Protocol):
    """What a view makes of an announcement; `thread` puts it below the card."""

    @property
    def text(self) -> str: ...

    @property
    def blocks(self) -> list[dict[str, Any]]: ...

    @property
    def thread(self) -> bool: ...


Render = Callable[[Run, Announce, datetime], Message]
Settle = Callable[[Run, Announce, str], Message]


def asking_key(incident: str, about: About) -> str:
    """Return the key under which the latest message that asks for approval is found."""
    return f"{incident}:asking:{about}"


class Announcer:
    """Posts announcements, and takes the buttons off the ones that ask once that is decided."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        poster: Poster,
        cards: Cards,
        render: Render,
        settle: Settle,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._poster = poster
        self._cards = cards
        self._render = render
        self._settle = settle

    async def perform(self, run: Run, command: Announce) -> Iterable[Event]:
        """Post it, or find that it was; with the last one, make the card final.

        Raises `LaterError` while Slack can't be told.
        """
        card = self._engine.delivery(card_key(run.id))
        if run.channel is None or card is None:
            age = (self._engine.now() - run.declared_at).total_seconds()
            delay = min(LONGEST_CHANNEL_WAIT, max(CHANNEL_WAIT, age / 10))
            raise LaterError("the channel is still being opened", delay=delay)
        message = self._render(run, command, self._engine.now())
        letter = Letter(
            key=command.key,
            channel=run.channel,
            text=message.text,
            blocks=message.blocks,
            thread=card.ts if message.thread else None,
            since=run.declared_at,
        )
        try:
            delivery = await self._poster.post(lambda: letter)
            await self._settle_asking(run, command, delivery)
            if run.ended:
                await self._cards.finish(run.id)
        except RateLimitedError as error:
            raise LaterError(str(error), delay=error.delay) from error
        except NoAnswerError as error:
            raise LaterError(str(error), delay=AFTER_NO_ANSWER) from error
        except RefusedError as error:
            raise LaterError(str(error), delay=AFTER_REFUSAL) from error
        return ()

    async def _settle_asking(self, run: Run, command: Announce, posted: Delivery) -> None:
        """Take the buttons off earlier messages that ask, where a word on them counts no more."""
        asks_anew = command.about is About.APPROVAL_WANTED
        if asks_anew or run.state is not State.APPROVE:
            for about in ASKING:
                earlier = self._engine.delivery(asking_key(run.id, about))
                if earlier and earlier.ts not in (SETTLED, posted.ts):
                    await self._settle_one(run, command, earlier)
        if command.about in ASKING:
            key = asking_key(run.id, command.about)
            self._engine.keep_delivery(replace(posted, key=key))

    async def _settle_one(self, run: Run, command: Announce, earlier: Delivery) -> None:
        client = self._calls.client
        where: dict[str, Any] = {"channel": earlier.channel}
        span = {"oldest": earlier.ts, "latest": earlier.ts, "inclusive": True, "limit": 1}
        try:
            body = await self._calls.do(client.conversations_history, **where, **span)
            for message in body.get("messages", ()):
                shown = self._settle(run, command, str(message.get("text", "")))
                await self._calls.do(
                    client.chat_update,
                    **where,
                    ts=earlier.ts,
                    text=shown.text,
                    blocks=shown.blocks,
                )
        except RefusedError as error:  # somebody deleted it, say: old buttons refuse by themselves
            log.info("the buttons of a message stay: %s", error)
        self._engine.keep_delivery(replace(earlier, ts=SETTLED))
