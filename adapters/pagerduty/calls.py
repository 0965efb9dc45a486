"""Calls of PagerDuty: the SDK behind one door, with two kinds of errors.

The SDK blocks and repeats calls by itself, after a 429 without end.  Here it runs in threads of
its own, so that a PagerDuty that hangs keeps nobody else's calls back, and it tries once: whoever
calls tries again, from the journal's queue, and outlives a restart.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Json = Any
TIMEOUT = 10.0
LONGEST = 20.0
THREADS = 4
DELAY = 5.0
LONGEST_DELAY = 60.0
SHOWN = 200
LIMITED = 429
SERVER_ERROR = 500
ADVICE = {
    401: "the key is not valid: check it in the connection of system.yaml",
    403: "the key may not do that: check it in the connection of system.yaml",
    404: "it knows nothing of this name: check the address in system.yaml",
}

_quiet = logging.getLogger(f"{__name__}.sdk")
_quiet.setLevel(logging.CRITICAL)  # it warns of every failure, and the failures are raised here


class PagerdutyError(Exception):
    """A call that brought no answer of use.  The message holds no key."""


class PassingError(PagerdutyError):
    """It may work in `delay` seconds.  The call may have been done or not."""

    def __init__(self, message: str, *, delay: float = DELAY) -> None:
        super().__init__(message)
        self.delay = delay


class RefusedError(PagerdutyError):
    """PagerDuty said no, and will say so again.  `status` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Calls:
    """Calls PagerDuty; remembers for how long a limited key must rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._rests: dict[tuple[str, str], float] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pagerduty")

    async def send(
        self, url: str, key: str, action: str, dedup_key: str, event: Mapping[str, Json]
    ) -> None:
        """Send an event (`trigger`, `acknowledge`, `resolve`) to the service of a routing key.

        PagerDuty counts one that comes twice once.  Raises `PassingError` or `RefusedError`.
        """

        def send() -> None:
            client = self._client("events", url, key)
            client.send_event(action, dedup_key=dedup_key, **event)

        await self._do(url, key, send)

    async def get(
        self, url: str, token: str, path: str, query: Mapping[str, str | Sequence[str]]
    ) -> dict[str, Json]:
        """Ask the REST API.  Raises `PassingError` or `RefusedError`."""

        def get() -> Json:
            import pagerduty

            response = self._client("rest", url, token).get(path, params=dict(query))
            if not response.is_success:
                raise pagerduty.HttpError("", response)
            return response.json()

        found = await self._do(url, token, get)
        if not isinstance(found, dict):
            raise PassingError("PagerDuty's answer can't be read", delay=LONGEST_DELAY)
        return found

    def close(self) -> None:
        """Drop the connections; a call that is under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    async def _do(self, url: str, key: str, call: Callable[[], Json]) -> Json:
        rest = self._rests.get((url, key), 0.0) - self._clock()
        if rest > 0:
            raise PassingError("PagerDuty limits how often it may be called", delay=rest)

        def attempt() -> Json:
            import pagerduty  # in the thread: it takes a while, and nothing else is to wait

            try:
                return call()
            except pagerduty.Error as error:
                raise self._sorted(url, key, error) from None

        try:
            async with asyncio.timeout(LONGEST):
                return await asyncio.get_running_loop().run_in_executor(self._threads, attempt)
        except (TimeoutError, OSError, ValueError) as error:
            raise PassingError(f"PagerDuty did not answer: {type(error).__name__}") from None

    def _client(self, kind: str, url: str, key: str) -> Any:
        """Return the client of a key.  In a thread: making one reads the certificates."""
        known = self._clients.get((kind, url, key))
        if known is not None:
            return known
        import pagerduty

        client: Any
        if kind == "events":
            client = pagerduty.EventsApiV2Client(key, base_url=url)
        else:
            client = pagerduty.RestApiV2Client(key, base_url=url)
        client.retry = {LIMITED: 1}  # without an entry a 429 is repeated for ever
        client.max_http_attempts = -1
        client.max_network_attempts = 0
        client.timeout = TIMEOUT
        client.log = _quiet
        return self._clients.setdefault((kind, url, key), client)

    def _sorted(self, url: str, key: str, error: Any) -> PagerdutyError:
        response = error.response
        if response is None:
            cause = type(error.__cause__ or error).__name__
            return PassingError(f"PagerDuty did not answer: {cause}")
        status = response.status_code
        if status == LIMITED:
            delay = _delay(response.headers)
            self._rests[url, key] = self._clock() + delay
            return PassingError("PagerDuty limits how often it may be called", delay=delay)
        if response.is_success or status >= SERVER_ERROR:
            return PassingError(f"PagerDuty failed: status {status}")
        said = ADVICE.get(status) or _reason(response, key)
        return RefusedError(f"PagerDuty refuses it with status {status}: {said}", status)


def _delay(headers: Mapping[str, str]) -> float:
    given = headers.get("retry-after") or headers.get("ratelimit-reset")
    try:
        return min(LONGEST_DELAY, max(1.0, float(given or DELAY)))
    except ValueError:
        return DELAY


def _reason(response: Any, key: str) -> str:
    try:
        body = response.json()
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    inner = known.get("error")
    known = inner if isinstance(inner, dict) else known
    errors = known.get("errors")
    words = [str(known.get("message") or "it does not say why")]
    words += [str(each) for each in errors] if isinstance(errors, list) else []
    return "; ".join(words).replace(key, "***")[:SHOWN]
