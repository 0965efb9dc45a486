"""How Slack reaches the bot: over a socket that the bot opens, or by signed requests.

`SocketMode` needs no public address and is the default; `bot.web.site` takes the requests on hosts
that route HTTPS to a port.  Chosen by `bot.wiring` from the settings.
"""

import asyncio
import logging

from slack_bolt.async_app import AsyncApp

from bot.slack.calls import Calls, NoAnswerError, RateLimitedError, RefusedError, is_loopback
from bot.slack.entrance import Socket

log = logging.getLogger(__name__)
# After an abrupt break the SDK comes back within one interval, and clicks in that gap are lost.
# It also gives a pong half an interval: 2 s heal fast and forgive a network as slow as 1 s.
PING_INTERVAL = 2.0
CONNECT_WITHIN = 5.0


class AppTokenError(Exception):
    """Slack does not open a socket for this token.  The message says what to do."""


class SocketMode:
    """One socket to Slack, opened again for ever."""

    def __init__(
        self, app: AsyncApp, calls: Calls, *, app_token: str, ping_interval: float = PING_INTERVAL
    ) -> None:
        self._calls = calls
        self._token = app_token
        self._handler = Socket(app, app_token, ping_interval=ping_interval)
        self._connecting: asyncio.Task[None] | None = None
        if is_loopback(calls.client.base_url):
            self._handler.client.proxy = None  # the SDK reads HTTPS_PROXY and ignores NO_PROXY

    async def open(self) -> None:
        """Connect; where Slack does not answer, the SDK goes on trying in the background.

        Raises `AppTokenError` where Slack refuses the token.
        """
        # Asked for here, because the SDK would try a refused token again and again.
        try:
            opened = self._calls.client.apps_connections_open
            body = await self._calls.do(opened, app_token=self._token)
            self._handler.client.wss_uri = str(body["url"])
        except RefusedError as error:
            raise AppTokenError(
                f"{error}: SLACK_APP_TOKEN must be an app-level token (xapp-…) with the scope "
                "connections:write, and Socket Mode must be switched on for the app"
            ) from error
        except (RateLimitedError, NoAnswerError) as error:
            log.warning("%s; trying again", error)
        # `connect` comes back only when it is connected, however long that takes.
        self._connecting = asyncio.create_task(self._handler.connect_async())  # type: ignore[no-untyped-call]  # bolt has no types there
        await asyncio.wait({self._connecting}, timeout=CONNECT_WITHIN)

    async def close(self) -> None:
        """Disconnect, and wait for what the SDK only cancels."""
        if self._connecting is not None:
            self._connecting.cancel()
        await self._handler.close_async()  # type: ignore[no-untyped-call]  # as above
        client = self._handler.client
        going_on = (
            self._connecting,
            client.message_processor,
            client.current_session_monitor,
            client.message_receiver,
        )
        await asyncio.gather(*filter(None, going_on), return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether the socket is open."""
        session = self._handler.client.current_session
        return session is not None and not session.closed
