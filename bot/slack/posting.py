"""Messages that must be there exactly once: keyed, remembered, looked for after a doubt.

Every such message carries its key as metadata.  The journal remembers where it went; a reply
that was lost on the wire, or a process killed before it could remember, is made up for by a look
into the channel before anything is posted again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.slack.calls import Call, Calls, NoAnswerError
from bot.slack.coalescing import Sleep
from flows.engine import Delivery, Engine

EVENT_TYPE = "backout"
LOOK_BACK = 200
MARGIN = 120.0
LANDED_AFTER = 1.0

Block = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be posted; `since` is how old it can be at most, `thread` its parent's ts."""

    key: str
    channel: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    thread: str | None = None
    since: datetime


class Poster:
    """Posts letters once.  One channel's letters keep their order."""

    def __init__(self, engine: Engine, calls: Calls, sleep: Sleep = asyncio.sleep) -> None:
        self._engine = engine
        self._calls = calls
        self._sleep = sleep
        self._doubtful: set[str] = set()
        self._queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def post(
        self, make: Callable[[], Letter], sent: Callable[[Letter], None] = lambda _: None
    ) -> Delivery:
        """Post a letter, or return where it went before; `make` is called when its turn comes.

        `sent` is told what was posted, if it was posted now.  Raises `SlackCallError`.
        """
        letter = make()
        if known := self._engine.delivery(letter.key):
            return known
        queue = self._queues[letter.channel]
        has_waited = queue.locked()
        async with queue:
            if known := self._engine.delivery(letter.key) or await self._found(letter):
                return known
            letter = make() if has_waited else letter
            delivery = await self._post(letter)
        sent(letter)
        return delivery

    async def replace(
        self,
        gone: Delivery,
        make: Callable[[], Letter],
        sent: Callable[[Letter], None] = lambda _: None,
    ) -> Delivery:
        """Post a letter again that somebody deleted, once; the journal learns its new place."""
        async with self._queues[gone.channel]:
            known = self._engine.delivery(gone.key)
            if known is not None and known.ts != gone.ts:
                return known
            letter = make()
            delivery = await self._post(letter)
        sent(letter)
        return delivery

    async def find(self, letter: Letter) -> Delivery | None:
        """Return where a letter went, looking into the channel where the journal knows nothing."""
        return self._engine.delivery(letter.key) or await self._look(letter)

    async def _found(self, letter: Letter) -> Delivery | None:
        if letter.key in self._doubtful:
            return await self._look(letter)
        # What is younger than our being alone was posted by us or not at all.
        alone_since = self._engine.alone_since
        if letter.since > alone_since:
            return None
        # A call of another process may still be on its way to the channel.
        age = (self._engine.now() - alone_since).total_seconds()
        if age < LANDED_AFTER:
            await self._sleep(LANDED_AFTER - age)
        return await self._look(letter)

    async def _post(self, letter: Letter) -> Delivery:
        try:
            body = await self._calls.do(
                self._calls.client.chat_postMessage,
                channel=letter.channel,
                text=letter.text,
                blocks=letter.blocks or None,
                thread_ts=letter.thread,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": letter.key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        except (NoAnswerError, asyncio.CancelledError):
            self._doubtful.add(letter.key)
            raise
        return self._kept(letter.key, str(body["channel"]), str(body["ts"]))

    async def _look(self, letter: Letter) -> Delivery | None:
        """Look for a letter by its key, back to when it can have been posted first."""
        client, cursor = self._calls.client, ""
        # Slack's clock and ours may differ a little.
        oldest = f"{letter.since.timestamp() - MARGIN:.6f}"
        arguments: dict[str, Any] = {"channel": letter.channel, "oldest": oldest}
        arguments |= {"limit": LOOK_BACK, "include_all_metadata": True}
        call: Call = client.conversations_history
        if letter.thread:
            call, arguments["ts"] = client.conversations_replies, letter.thread
        while True:
            body = await self._calls.do(call, cursor=cursor, **arguments)
            for message in body.get("messages", ()):
                if key_of(message) == letter.key:
                    self._doubtful.discard(letter.key)
                    return self._kept(letter.key, letter.channel, str(message["ts"]))
            cursor = str((body.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                self._doubtful.discard(letter.key)
                return None

    def _kept(self, key: str, channel: str, ts: str) -> Delivery:
        delivery = Delivery(key=key, channel=channel, ts=ts)
        self._engine.keep_delivery(delivery)
        return delivery


def key_of(message: Mapping[str, Any]) -> str | None:
    """Return the key of one of our own messages, or None."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return str(key) if key is not None else None
