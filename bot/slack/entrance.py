"""Where what Slack delivers comes in: proven, taken, and acknowledged however odd it is.

Used by `bot.slack.transports` for both ways.  Bolt stumbles over payloads whose shape it does not
expect, some of them before it has looked at the signature, and leaves them and those of a kind
without a listener unacknowledged: Slack would send each of them three times more.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot import messages
from flows.engine import AwayError

log = logging.getLogger(__name__)
OURS = "bot."
OK, UNAUTHORIZED, NOT_FOUND, SERVER_ERROR = 200, 401, 404, 500


class Entrance:
    """Hands what Slack sent to Bolt's app, and always has an answer."""

    def __init__(self, app: AsyncApp, signing_secret: str = "") -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None

    async def posted(self, body: bytes, query: str, headers: Mapping[str, str]) -> BoltResponse:
        """Take a request over HTTP; nothing of it is read before its signature is right."""
        if not self._is_genuine(body, headers):
            return BoltResponse(status=UNAUTHORIZED, body={"error": "the signature is not right"})
        text = body.decode("utf-8", errors="replace")
        fields: dict[str, str | Sequence[str]] = dict(headers)
        return await self._taken(lambda: AsyncBoltRequest(body=text, query=query, headers=fields))

    async def delivered(self, request: SocketModeRequest) -> BoltResponse:
        """Take a payload that came through the socket."""
        return await self._taken(
            lambda: AsyncBoltRequest(
                mode="socket_mode", body=request.payload, headers=build_headers(request)
            )
        )

    def _is_genuine(self, body: bytes, headers: Mapping[str, str]) -> bool:
        if self._verifier is None:
            return False
        try:
            return self._verifier.is_valid_request(body, dict(headers))
        except (ArithmeticError, TypeError, ValueError):  # a time or letters that no signature has
            return False

    async def _taken(self, make: Callable[[], AsyncBoltRequest]) -> BoltResponse:
        try:
            response = await self._app.async_dispatch(make())
        except Exception as error:  # noqa: BLE001  # Bolt raises whatever an odd shape leads to
            return _unread(error)
        return BoltResponse(status=OK) if response.status == NOT_FOUND else response


class Socket(AsyncSocketModeHandler):
    """Bolt's end of the socket, with our entrance in it."""

    def __init__(self, app: AsyncApp, app_token: str, *, ping_interval: float) -> None:
        super().__init__(app, app_token, ping_interval=ping_interval)
        self._entrance = Entrance(app)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as bolt's own does
        """Take a payload and acknowledge it."""
        await send_async_response(client, req, await self._entrance.delivered(req), 0.0)


async def stumbled(error: Exception, body: dict[str, Any]) -> BoltResponse:
    """Answer where a listener, or Bolt on its way to one, raised; given to `AsyncApp.error`.

    A fault of ours stays unacknowledged, so that Slack sends the payload again.
    """
    if isinstance(error, AwayError):
        log.warning("what Slack sent was not attended to: %s", error)
        return BoltResponse(status=SERVER_ERROR)
    if _is_ours(error) and not isinstance(error, ValidationError):
        log.error("what Slack sent was not attended to", exc_info=error)
        return BoltResponse(status=SERVER_ERROR)
    if "command" in body:
        _unread(error)
        said = {"response_type": "ephemeral", "text": messages.unreadable()}
        return BoltResponse(status=OK, body=said)
    return _unread(error)


def _unread(error: Exception) -> BoltResponse:
    log.warning("something from Slack can't be read and was passed over: %s", _kind(error))
    return BoltResponse(status=OK)


def _kind(error: Exception) -> str:
    """Say what is wrong without repeating what was sent."""
    if isinstance(error, ValidationError):
        places = {".".join(map(str, each["loc"])) for each in error.errors()}
        return f"{error.title}, at {', '.join(sorted(places))}"[:200]
    return type(error).__name__


def _is_ours(error: Exception) -> bool:
    """Say whether an exception came through a listener of ours."""
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(OURS):
            return True
        trace = trace.tb_next
    return False
