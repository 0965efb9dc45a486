"""New messages in an incident's channel, once each: what people must notice.

Performs the core's `Announce`, called by `bot.wiring` through the driver.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

from bot.slack.calls import NoAnswerError, RateLimitedError, RefusedError
from bot.slack.cards import Cards, card_key
from bot.slack.posting import Letter, Poster
from flows.commands import Announce
from flows.engine import Engine, LaterError
from flows.events import Event
from flows.runs import Run

CHANNEL_WAIT = 0.25
LONGEST_CHANNEL_WAIT = 15.0
AFTER_NO_ANSWER = 1.0
AFTER_REFUSAL = 60.0


class Message(Protocol):
    """What a view makes of an announcement; `thread` puts it below the card."""

    @property
    def text(self) -> str: ...

    @property
    def blocks(self) -> list[dict[str, Any]]: ...

    @property
    def thread(self) -> bool: ...


Render = Callable[[Run, Announce, datetime], Message]


class Announcer:
    """Posts announcements."""

    def __init__(self, engine: Engine, poster: Poster, cards: Cards, render: Render) -> None:
        self._engine = engine
        self._poster = poster
        self._cards = cards
        self._render = render

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
            await self._poster.post(lambda: letter)
            if run.ended:
                await self._cards.finish(run.id)
        except RateLimitedError as error:
            raise LaterError(str(error), delay=error.delay) from error
        except NoAnswerError as error:
            raise LaterError(str(error), delay=AFTER_NO_ANSWER) from error
        except RefusedError as error:
            raise LaterError(str(error), delay=AFTER_REFUSAL) from error
        return ()
