"""How an answer reaches the one person who asked: unseen by others, in the background.

An answer that Slack does not take is tried a few times and then given up: what was asked for was
recorded before it was answered.
"""

import asyncio
import logging

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.deciding import Reply
from bot.slack.background import Background
from bot.slack.calls import (
    TIMEOUT,
    Calls,
    NoAnswerError,
    RateLimitedError,
    RefusedError,
    is_loopback,
)
from bot.slack.coalescing import Sleep

log = logging.getLogger(__name__)
TRIES = 4
LONGEST_WAIT = 120.0
ELSEWHERE = ("user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived")
HTTP_OK = 200


class Answers:
    """Sends answers."""

    def __init__(
        self,
        calls: Calls,
        background: Background,
        session: aiohttp.ClientSession,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._calls = calls
        self._background = background
        self._session = session
        self._sleep = sleep

    def send(self, user: str, channel: str | None, reply: Reply, thread: str | None = None) -> None:
        """Answer in the channel, for this person's eyes only; as a direct message elsewhere."""
        work = self._persist(user, channel, reply, thread)
        self._background.spawn(work, f"answer to {user}")

    def respond(self, url: str, user: str, reply: Reply) -> None:
        """Answer a slash command later, through its own address."""
        self._background.spawn(self._through(url, user, reply), f"answer to {user}")

    async def _persist(
        self, user: str, channel: str | None, reply: Reply, thread: str | None
    ) -> None:
        for number in range(1, TRIES + 1):
            try:
                return await self._once(user, channel, reply, thread)
            except RateLimitedError as error:
                await self._sleep(min(error.delay, LONGEST_WAIT))
            except NoAnswerError:
                await self._sleep(float(number))
            except RefusedError as error:
                log.warning("%s can't be answered: %s", user, error)
                return None
        log.warning("%s was not answered: Slack took no call", user)
        return None

    async def _once(self, user: str, channel: str | None, reply: Reply, thread: str | None) -> None:
        client, blocks = self._calls.client, reply.blocks or None
        if channel and not channel.startswith("D"):
            try:
                await self._calls.do(
                    client.chat_postEphemeral,
                    channel=channel,
                    user=user,
                    text=reply.text,
                    blocks=blocks,
                    thread_ts=thread,
                )
            except RefusedError as error:
                if error.code not in ELSEWHERE:
                    raise
            else:
                return
        await self._calls.do(client.chat_postMessage, channel=user, text=reply.text, blocks=blocks)

    async def _through(self, url: str, user: str, reply: Reply) -> None:
        client = AsyncWebhookClient(url, timeout=int(TIMEOUT), session=self._session)
        if is_loopback(url):
            client.proxy = None
        try:
            response = await client.send(
                text=reply.text,
                blocks=reply.blocks or None,
                response_type="ephemeral",
                replace_original=False,
            )
            if response.status_code == HTTP_OK:
                return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("%s can't be answered through its own address: %s", user, error)
        self.send(user, None, reply)
