"""The card of each incident: posted once, updated in place, true again after a restart.

The engine tells of every commit; what is sent is rendered when it is sent, so that nothing but
the latest state is ever shown.  Slack's limits delay the card, never a decision.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from bot.slack.background import Background
from bot.slack.calls import Calls, RefusedError
from bot.slack.coalescing import Coalescer, Sleep
from bot.slack.posting import Letter, Poster
from flows.engine import Delivery, Engine
from flows.runs import Run
from flows.states import State

log = logging.getLogger(__name__)
INTERVAL = 1.2
TICK = 10.0
ENDED_LATELY = timedelta(hours=24)
MOST_ENDED = 20
GONE = ("message_not_found", "channel_not_found", "is_archived", "cant_update_message")


class Rendered(Protocol):
    """What a view makes of a run."""

    @property
    def text(self) -> str: ...

    @property
    def blocks(self) -> list[dict[str, Any]]: ...


Render = Callable[[Run], Rendered]


def card_key(incident: str) -> str:
    """Return the key of an incident's card."""
    return f"card:{incident}"


class Cards:
    """Keeps every card as it should be."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        poster: Poster,
        render: Render,
        *,
        background: Background,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._poster = poster
        self._render = render
        self._shown: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self._sleep = sleep
        self._coalescer = Coalescer(
            self._update, interval=INTERVAL, background=background, sleep=sleep
        )

    def changed(self, run: Run) -> None:
        """Have a card updated; given to `Engine.listen`."""
        if run.channel is not None and self._engine.delivery(card_key(run.id)):
            self._coalescer.mark(run.id)

    def catch_up(self) -> None:
        """Show every open incident afresh, and those that ended while nobody could tell."""
        since = self._engine.now() - ENDED_LATELY
        ended = [r for r in self._engine.runs(ended=True) if r.ended and r.updated_at > since]
        for run in (*self._engine.runs(), *ended[-MOST_ENDED:]):
            self.changed(run)

    async def tick(self) -> None:
        """Keep the clocks on the cards going while something is under way."""
        while True:
            await self._sleep(TICK)
            for run in self._engine.runs():
                if run.state is not State.HOLD:
                    self.changed(run)

    async def post(self, incident: str) -> Delivery:
        """Post a card, or find it where it is.  Raises `SlackCallError`."""
        sent = partial(self._remember, incident)
        delivery = await self._poster.post(partial(self._letter, incident), sent)
        self._coalescer.mark(incident)  # it may have changed while it was posted
        return delivery

    def _letter(self, incident: str) -> Letter:
        run = self._run(incident)
        text, blocks = self._rendered(run)
        return Letter(
            key=card_key(incident),
            channel=run.channel or "",
            text=text,
            blocks=blocks,
            since=run.declared_at,
        )

    def _run(self, incident: str) -> Run:
        run = self._engine.run(incident)
        assert run is not None, incident
        return run

    def _rendered(self, run: Run) -> tuple[str, list[dict[str, Any]]]:
        card = self._render(run)
        return card.text, card.blocks

    async def _update(self, incident: str) -> None:
        run = self._run(incident)
        card = self._engine.delivery(card_key(incident))
        text, blocks = self._rendered(run)
        if card is None or self._shown.get(incident) == (text, blocks):
            return
        try:
            await self._calls.do(
                self._calls.client.chat_update,
                channel=card.channel,
                ts=card.ts,
                text=text,
                blocks=blocks,
            )
        except RefusedError as error:
            if error.code not in GONE:
                raise
            log.warning("the card of %s can't be updated: %s", incident, error.code)
            await self._replace(incident, error.code)
            return
        self._shown[incident] = (text, blocks)
        if run.ended:
            self._forget(incident)

    async def _replace(self, incident: str, code: str) -> None:
        """Post the card anew where somebody deleted it; the journal learns where it is now."""
        if code == "message_not_found" and not self._run(incident).ended:
            sent = partial(self._remember, incident)
            await self._poster.post_again(partial(self._letter, incident), sent)

    def _remember(self, incident: str, letter: Letter) -> None:
        self._shown[incident] = (letter.text, letter.blocks)

    def _forget(self, incident: str) -> None:
        self._shown.pop(incident, None)
        self._coalescer.forget(incident)
