"""Anchors of the journal, written where whoever can change the journal can't change them.

The leading replica writes one when an incident has ended, and every hour in which something
happened.  A place that can't be written is tried again; nothing of a rollback ever waits for it.
What an anchor is and what it proves is in `flows.anchors`.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import assert_never

import aiohttp

from bot.slack.calls import Calls, SlackCallError, web_client, web_session
from config.keeping import AnchorPlace
from config.settings import Settings
from flows import anchors, auditing
from flows.anchors import Anchor, Head
from flows.engine import AwayError, Engine, JournalError
from flows.runs import Run
from flows.tables import Tables, order

log = logging.getLogger(__name__)
EVERY = 3600.0
AGAIN_AFTER = 60.0
TIMEOUT = 10.0
SHOWN = 25  # heads in a message; the digest is over all
FOR_OWNER_AND_GROUP = 0o640

Write = Callable[[Anchor], Awaitable[None]]
"""Keeps an anchor.  Raises `PlaceError`."""
OpenTables = Callable[[], AbstractContextManager[Tables]]


class PlaceError(Exception):
    """An anchor was not written.  The message holds no secret."""


class Place:
    """One place, and what it has been told."""

    def __init__(self, kind: str, write: Write) -> None:
        self.kind = kind
        self._write = write
        self._told: tuple[Head, ...] = ()

    async def tell(self, at: str, heads: Sequence[Head]) -> Anchor | None:
        """Write what is new; None where nothing is.  Raises `PlaceError`."""
        if tuple(heads) == self._told:
            return None
        anchor = anchors.anchored(at, heads, self._told)
        await self._write(anchor)
        self._told = tuple(heads)
        return anchor


class Anchoring:
    """Writes anchors for as long as the bot runs.

    `written` and `failed` count, for metrics; `behind` says that a place lacks the last one.
    """

    def __init__(
        self, engine: Engine, opened: OpenTables, places: Sequence[Place], *, every: float = EVERY
    ) -> None:
        self._engine = engine
        self._opened = opened
        self._places = places
        self._every = every
        self._wake = asyncio.Event()
        self.written = 0
        self.failed = 0
        self.behind = False
        engine.listen(self.heard)

    def heard(self, run: Run) -> None:
        """Take note of an end."""
        if run.ended:
            self._wake.set()

    async def watch(self) -> None:
        """Write, wait for an end or the hour, again and again, until cancelled."""
        if not self._places:
            return
        while True:
            self._wake.clear()
            await self.round()
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_AFTER if self.behind else self._every):
                    await self._wake.wait()

    async def round(self) -> None:
        """Write an anchor to every place that lacks it, where this replica is the one to do so."""
        if not self._engine.leads:
            self.behind = False
            return
        self.behind = True
        at = self._engine.now().isoformat()
        try:
            heads = await asyncio.to_thread(heads_of, self._opened)
        except (AwayError, JournalError, OSError) as error:
            log.warning("the journal can't be read for an anchor: %s", error)
            return
        except Exception:
            log.exception("the journal can't be read for an anchor")
            return
        told = await asyncio.gather(*(self._tell(place, at, heads) for place in self._places))
        self.behind = not all(told)

    async def _tell(self, place: Place, at: str, heads: Sequence[Head]) -> bool:
        try:
            if await place.tell(at, heads) is not None:
                self.written += 1
        except PlaceError as error:
            self.failed += 1
            again = f"again in {AGAIN_AFTER:.0f} s"
            log.warning("no anchor was written to %s, %s: %s", place.kind, again, error)
            return False
        except Exception:
            self.failed += 1
            log.exception("no anchor was written to %s", place.kind)
            return False
        return True


def heads_of(opened: OpenTables) -> tuple[Head, ...]:
    """Read the heads of all chains, on a connection of this thread's own."""
    with opened() as tables:
        return auditing.heads_of(tables)


def places_of(settings: Settings) -> tuple[Place, ...]:
    """Return the places that the settings name."""
    return tuple(Place(each.kind, _write(each, settings)) for each in settings.anchor_places)


async def write_now(places: Sequence[Place], heads: Sequence[Head], now: datetime) -> list[str]:
    """Write one anchor everywhere; return what went wrong, a sentence a place."""
    wrong = []
    for place in places:
        try:
            await place.tell(now.isoformat(), heads)
        except PlaceError as error:
            wrong.append(f"no anchor was written to {place.kind}: {error}")
    return wrong


def _write(place: AnchorPlace, settings: Settings) -> Write:
    match place.kind:
        case "file":
            return lambda anchor: asyncio.to_thread(_append, Path(place.where), anchor)
        case "http":
            return lambda anchor: _post(place.where, anchor)
        case "slack":
            return lambda anchor: _say(settings, place.where, anchor)
        case _:
            assert_never(place.kind)


def _append(path: Path, anchor: Anchor) -> None:
    """Add a line and let it reach the disk; the file is never opened in any other way."""
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        handle = os.open(path, flags, FOR_OWNER_AND_GROUP)
        with os.fdopen(handle, "ab") as file:
            file.write(f"{anchors.written(anchor)}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PlaceError(f"{path}: {error.strerror}") from error


async def _post(url: str, anchor: Anchor) -> None:
    """Post it as JSON.  The address may hold a secret: it is never told."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    headers = {"Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(
                url, data=anchors.written(anchor), headers=headers, allow_redirects=False
            ) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise PlaceError(f"the address answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise PlaceError(f"the address was not reached ({type(error).__name__})") from None


async def _say(settings: Settings, channel: str, anchor: Anchor) -> None:
    """Post it in a channel, with as many heads as a message holds."""
    newest = sorted(anchor.heads, key=lambda head: order(head.incident))[-SHOWN:]
    line = anchors.written(anchors.shortened(anchor, newest))
    text = f"Anchor of the journal: {anchor.count} incidents.\n```{line}```"
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else None
    session = web_session()
    try:
        async with asyncio.timeout(TIMEOUT):
            client = web_client(token, settings.slack_api_url, session)
            await Calls(client).do(client.chat_postMessage, channel=channel, text=text)
    except (SlackCallError, TimeoutError) as error:
        raise PlaceError(str(error) or "Slack did not answer in time") from error
    finally:
        await session.close()
