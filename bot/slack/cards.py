"""The card of each incident: posted once, updated in place, true again after a restart.

The engine tells of every commit; what is sent is rendered when it is sent, so that nothing but
the latest state is ever shown.  Slack's limits delay the card, never a decision.
"""

import asyncio
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from bot.slack.background import Background
from bot.slack.calls import Calls, RefusedError
from bot.slack.coalescing import Coalescer, Pace, Sleep
from bot.slack.posting import Letter, Poster
from flows.engine import AwayError, Delivery, Engine
from flows.runs import Run

log = logging.getLogger(__name__)
# Slack allows about 50 updates a minute over all channels, and short bursts.
UPDATES_A_MINUTE = 48
BURST = 6
TICK = 2.0
CLOCK_TICKS = 5
QUIET_TICKS = 30
QUIET_AFTER = timedelta(minutes=10)
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

    def __init__(  # noqa: PLR0913  # wired by constructor, all of it needed
        self,
        engine: Engine,
        calls: Calls,
        poster: Poster,
        render: Render,
        *,
        progress: Callable[[str], Mapping[str, str]],
        background: Background,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._poster = poster
        self._render = render
        self._progress = progress
        self._shown: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sleep = sleep
        self._pace = Pace(per_minute=UPDATES_A_MINUTE, burst=BURST)
        self.coalescer = Coalescer(
            self._update, pace=self._pace, background=background, sleep=sleep
        )

    def changed(self, run: Run) -> None:
        """Have a card updated; given to `Engine.listen`.  Of several replicas only one draws."""
        if not self._engine.leads:
            return
        if run.channel is not None and self._may_be_posted(run.id):
            self.coalescer.mark(run.id)

    def _may_be_posted(self, incident: str) -> bool:
        try:
            return self._engine.delivery(card_key(incident)) is not None
        except AwayError:
            return True  # it is asked again when the card is drawn

    async def catch_up(self) -> None:
        """Show every open incident afresh after a start, without getting in anybody's way.

        Ended ones need none: their last announcement is not done before their card is final.
        """
        for run in reversed(self._engine.runs()):
            while not self._pace.is_easy:
                await self._sleep(TICK)
            self.changed(run)

    async def tick(self) -> None:
        """Show progress soon, and keep the clocks going, where Slack's limits leave room."""
        seen: dict[str, Mapping[str, str]] = {}
        has_drawn = self._engine.leads
        for number in itertools.count(1):
            await self._sleep(TICK)
            if self._engine.leads and not has_drawn:
                await self.catch_up()  # another replica drew what is there
            has_drawn = self._engine.leads
            if not has_drawn:
                continue
            runs = self._engine.runs()
            seen = {run.id: seen.get(run.id, {}) for run in runs}
            for run in runs:
                progress = dict(self._progress(run.id))
                is_quiet = self._engine.now() - run.updated_at > QUIET_AFTER
                is_due = progress != seen[run.id] or number % _ticks(is_quiet) == 0
                if is_due and self._pace.is_easy:
                    self.changed(run)
                    seen[run.id] = progress

    async def finish(self, incident: str) -> None:
        """Show how an incident ended.  Raises `SlackCallError`."""
        await self._update(incident)
        self._shown.pop(incident, None)
        self._turns.pop(incident, None)
        self.coalescer.forget(incident)

    async def post(self, incident: str) -> Delivery:
        """Post a card, or find it where it is.  Raises `SlackCallError`."""
        sent = partial(self._remember, incident)
        delivery = await self._poster.post(partial(self._letter, incident), sent)
        if self._engine.leads:
            self.coalescer.mark(incident)  # it may have changed while it was posted
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
        async with self._turns[incident]:  # an older state must not overtake a newer one
            await self._show(incident)

    async def _show(self, incident: str) -> None:
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
            await self._replace(card, incident, error.code)
            return
        self._shown[incident] = (text, blocks)
        if not self._engine.leads and self._run(incident).seq != run.seq:
            self.coalescer.mark(incident)  # held up on the way, it may hide what is newer

    async def _replace(self, card: Delivery, incident: str, code: str) -> None:
        """Post the card anew where somebody deleted it; the journal learns where it is now."""
        if code == "message_not_found":
            sent = partial(self._remember, incident)
            new = await self._poster.replace(card, partial(self._letter, incident), sent)
            with suppress(RefusedError):
                pin = self._calls.client.pins_add
                await self._calls.do(pin, channel=new.channel, timestamp=new.ts)

    def _remember(self, incident: str, letter: Letter) -> None:
        self._shown[incident] = (letter.text, letter.blocks)


def _ticks(is_quiet: bool) -> int:
    return QUIET_TICKS if is_quiet else CLOCK_TICKS
