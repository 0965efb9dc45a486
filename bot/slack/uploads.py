"""Files in an incident's channel, once: the post-mortem and its picture.

Slack takes a file in three calls: an address is asked for, the bytes go there, and the last call
shows the files in the channel.  Only the last one is seen by people.  The journal keeps the ids
of what was uploaded before it leaves, so that after a lost answer a look into the channel tells
whether they are there.  Where Slack refuses, the channel is told where the document is.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aiohttp

from bot.reporting.filing import Attachment
from bot.slack.calls import (
    SERVER_ERROR,
    Calls,
    NoAnswerError,
    RateLimitedError,
    RefusedError,
    SlackCallError,
    is_loopback,
)
from bot.slack.coalescing import Sleep
from bot.slack.posting import LOOK_BACK, MARGIN, Letter, Poster
from bot.wording import reports as words
from flows.commands import About, FileReport
from flows.engine import Delivery, Engine, LaterError
from flows.runs import Run

log = logging.getLogger(__name__)
LANDED_AFTER = 3.0
AFTER_NO_ANSWER = 5.0
CLOSING_WAIT = 1.0
CLOSING_LIMIT = timedelta(minutes=1)
"""How long the files wait for the message that says that the incident is closed."""
GIVE_UP = timedelta(minutes=10)
"""After so long without a way for the bytes, the channel is told where the document is."""
ACCEPTED = 200


class Uploads:
    """Shares files in the channel of a run that has ended."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        poster: Poster,
        session: aiohttp.ClientSession,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._poster = poster
        self._session = session
        self._sleep = sleep

    async def publish(self, run: Run, command: FileReport, files: Sequence[Attachment]) -> None:
        """Share the files, or find that they were.  Raises `LaterError` while Slack is away."""
        if self._engine.delivery(command.key):
            return
        if run.channel is None or not self._is_closed_for_people(run, command):
            raise LaterError("the end is still being told", delay=CLOSING_WAIT)
        try:
            await self._share(run, run.channel, command.key, files)
        except RateLimitedError as error:
            raise LaterError(str(error), delay=error.delay) from error
        except RefusedError as error:
            await self._say_where(run, run.channel, command.key, error)
        except NoAnswerError as error:
            if self._age(run) < GIVE_UP or self._engine.delivery(uploaded_key(command.key)):
                raise LaterError(str(error), delay=AFTER_NO_ANSWER) from error
            await self._say_where(run, run.channel, command.key, error)

    def _is_closed_for_people(self, run: Run, command: FileReport) -> bool:
        """Say whether people know that it is over; not for ever, should that be undeliverable."""
        event = command.key.rpartition(":")[0]
        told = (self._engine.delivery(f"{event}:{a}") for a in (About.CLOSED, About.CANCELLED))
        return any(told) or self._age(run) > CLOSING_LIMIT

    def _age(self, run: Run) -> timedelta:
        return self._engine.now() - (run.ended_at or run.updated_at)

    async def _share(self, run: Run, channel: str, key: str, files: Sequence[Attachment]) -> None:
        known = self._engine.delivery(uploaded_key(key))
        if known is not None:
            # The last call left before, and may still be on its way to the channel.
            await self._sleep(LANDED_AFTER)
            if await self._are_there(run, known, key):
                return
        ids = known.ts.split() if known else [await self._upload(each) for each in files]
        uploaded = Delivery(key=uploaded_key(key), channel=channel, ts=" ".join(ids))
        self._engine.keep_delivery(uploaded)
        shown = [{"id": i, "title": f.title} for i, f in zip(ids, files, strict=False)]
        await self._calls.do(
            self._calls.client.files_completeUploadExternal,
            files=shown,
            channel_id=channel,
            initial_comment=words.published(run),
        )
        self._engine.keep_delivery(Delivery(key=key, channel=channel, ts=uploaded.ts))

    async def _upload(self, file: Attachment) -> str:
        """Hand the bytes over; return the file's id.  Nobody sees them yet."""
        client = self._calls.client
        body = await self._calls.do(
            client.files_getUploadURLExternal, filename=file.name, length=len(file.content)
        )
        address = str(body["upload_url"])
        proxy = None if is_loopback(address) else client.proxy
        try:
            async with self._session.post(address, data=file.content, proxy=proxy) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            name = type(error).__name__
            raise NoAnswerError(f"Slack did not take a file: {name}") from error
        if status >= SERVER_ERROR:
            raise NoAnswerError(f"Slack did not take a file: {status}")
        if status != ACCEPTED:
            raise RefusedError("the upload of a file", {"error": f"http_{status}"})
        return str(body["file_id"])

    async def _are_there(self, run: Run, known: Delivery, key: str) -> bool:
        """Look into the channel for files by their ids."""
        wanted = set(known.ts.split())
        since = (run.ended_at or run.updated_at).timestamp() - MARGIN
        arguments: dict[str, Any] = {"channel": known.channel, "oldest": f"{since:.6f}"}
        arguments["limit"], cursor = LOOK_BACK, ""
        while True:
            body = await self._calls.do(
                self._calls.client.conversations_history, cursor=cursor, **arguments
            )
            for message in body.get("messages", ()):
                if wanted & {str(file.get("id")) for file in message.get("files") or ()}:
                    self._engine.keep_delivery(
                        Delivery(key=key, channel=known.channel, ts=known.ts)
                    )
                    return True
            cursor = str((body.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return False

    async def _say_where(self, run: Run, channel: str, key: str, error: SlackCallError) -> None:
        """Tell the channel where the document is; where even that is refused, leave it."""
        log.warning("the post-mortem of %s is not in its channel: %s", run.id, error)
        letter = Letter(
            key=key,
            channel=channel,
            text=words.not_published(run, str(error)),
            since=run.ended_at or run.updated_at,
        )
        try:
            await self._poster.post(lambda: letter)
        except RateLimitedError as limited:
            raise LaterError(str(limited), delay=limited.delay) from limited
        except NoAnswerError as lost:
            raise LaterError(str(lost), delay=AFTER_NO_ANSWER) from lost
        except RefusedError as refused:
            log.warning("%s is not told of its post-mortem: %s", run.id, refused)


def uploaded_key(key: str) -> str:
    """Return the key under which the journal keeps the ids of what was uploaded."""
    return f"{key}:uploaded"
