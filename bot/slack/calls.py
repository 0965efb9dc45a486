"""Slack's Web API behind one door: errors of three kinds, limits remembered, sockets shared.

Every call of `bot.slack` goes through `Calls.do`.  The SDK's own retries are off: it would send a
call again whose reply was lost, so that a message is posted twice.  Whoever calls knows whether
doing it again can do harm.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

SLACK_API_URL = "https://slack.com/api/"
TIMEOUT = 10.0
DEFAULT_RETRY_AFTER = 5.0
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500
LOCKED_OUT = ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive")
OTHER_TOKENS = ("apps_connections_open",)
"""Methods that are called with the app's token: a no to it says nothing of the bot's."""
PASSING = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added")

Call = Callable[..., Awaitable[AsyncSlackResponse]]


class SlackCallError(Exception):
    """A call of Slack's Web API that brought no answer of use."""


class RateLimitedError(SlackCallError):
    """Slack wants us to wait; nothing was done.  `delay` in seconds."""

    def __init__(self, method: str, delay: float) -> None:
        super().__init__(f"Slack limits {method}: again in {delay:.0f} s")
        self.delay = delay


class RefusedError(SlackCallError):
    """Slack said no; nothing was done.  `code` is Slack's word, `body` its whole answer."""

    def __init__(self, method: str, body: Mapping[str, Any]) -> None:
        self.code = str(body.get("error", "unknown_error"))
        self.body = body
        needed = f", the scope {body['needed']} is missing" if body.get("needed") else ""
        super().__init__(f"Slack refuses {method}: {self.code}{needed}")


class NoAnswerError(SlackCallError):
    """The call left and no usable answer came: it may have been done or not."""


RESULTS: Mapping[type[SlackCallError], str] = {
    RateLimitedError: "limited",
    RefusedError: "refused",
    NoAnswerError: "no_answer",
}
"""What a call that brought nothing is counted as."""


def web_client(
    token: str | None, base_url: str | None, session: aiohttp.ClientSession | None = None
) -> AsyncWebClient:
    """Make the SDK's client, without retries of its own.

    `session` keeps connections open between calls: without one the SDK makes a new connection,
    with its TLS handshake, for every call.
    """
    base_url = base_url or SLACK_API_URL
    client = AsyncWebClient(
        token, base_url=base_url, session=session, timeout=int(TIMEOUT), retry_handlers=[]
    )
    if is_loopback(base_url):
        client.proxy = None  # the SDK reads HTTPS_PROXY and ignores NO_PROXY
    return client


def web_session() -> aiohttp.ClientSession:
    """Return the session that all calls share; to be made inside the event loop."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))


def is_loopback(url: str) -> bool:
    """Say whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Calls:
    """Calls Slack; remembers how long a limited method must rest, and the scopes it was granted.

    `turned_away` is Slack's word for why it takes the token no more, empty while it does.  `told`
    hears of every call, its result and its seconds; `limited` of every 429 and the wait it asks.
    """

    def __init__(
        self, client: AsyncWebClient, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self._clock = clock
        self._rests: dict[tuple[str, str], float] = {}
        self.scopes: frozenset[str] = frozenset()
        self.turned_away = ""
        self.told: Callable[[str, str, float], None] = lambda _method, _result, _seconds: None
        self.limited: Callable[[str, float], None] = lambda _method, _seconds: None

    async def do(self, call: Call, **arguments: Any) -> dict[str, Any]:
        """Make one call, once, and return Slack's answer.

        Raises `RateLimitedError`, `RefusedError` or `NoAnswerError`.
        """
        method = call.__name__
        place = (method, str(arguments.get("channel", "")))
        rest = self._rests.get(place, 0.0) - self._clock()
        if rest > 0:
            self.told(method, "held_back", 0.0)
            raise RateLimitedError(method, rest)
        began = self._clock()
        try:
            response = await self._ask(call, place, arguments)
        except SlackCallError as error:
            self.told(method, RESULTS.get(type(error), "no_answer"), self._clock() - began)
            raise
        self.told(method, "ok", self._clock() - began)
        self.turned_away = ""
        if not self.scopes:
            self.scopes = _scopes(response.headers)
        return dict(response.data) if isinstance(response.data, dict) else {}

    async def _ask(
        self, call: Call, place: tuple[str, str], arguments: Mapping[str, Any]
    ) -> AsyncSlackResponse:
        try:
            return await call(**arguments)
        except SlackApiError as error:
            raise self._sorted(place, error) from None
        except (aiohttp.ClientError, TimeoutError, OSError, SlackClientError) as error:
            name = type(error).__name__
            raise NoAnswerError(f"Slack did not answer {place[0]}: {name}") from error

    def _sorted(self, place: tuple[str, str], error: SlackApiError) -> SlackCallError:
        method, response = place[0], error.response
        if not isinstance(response, AsyncSlackResponse) or not isinstance(response.data, dict):
            return NoAnswerError(f"Slack's answer to {method} can't be read")
        if response.status_code == TOO_MANY_REQUESTS:
            delay = _retry_after(response.headers)
            self._rests[place] = self._clock() + delay
            self.limited(method, delay)
            return RateLimitedError(method, delay)
        code = str(response.data.get("error", ""))
        if response.status_code >= SERVER_ERROR or code in PASSING:
            return NoAnswerError(f"Slack failed at {method}: {response.status_code} {code}")
        if code in LOCKED_OUT and method not in OTHER_TOKENS:
            self.turned_away = code
        return RefusedError(method, response.data)


def _retry_after(headers: Mapping[str, Any]) -> float:
    given = {name.lower(): value for name, value in headers.items()}.get("retry-after")
    try:
        return max(1.0, float(str(given)))
    except ValueError:
        return DEFAULT_RETRY_AFTER


def _scopes(headers: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes that Slack names with every answer."""
    given = {name.lower(): value for name, value in headers.items()}.get("x-oauth-scopes") or ""
    return frozenset(scope.strip() for scope in str(given).split(",") if scope.strip())
