"""One HTTP exchange: a shared client, a bounded answer, failures as action errors.

Called by the actions of HTTP, Prometheus, Statuspage and LaunchDarkly.  `httpx` is loaded on the
first call.
"""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from adapters.values import redact
from flows.actions import (
    ActionError,
    Context,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

LARGEST_ANSWER = 1024 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUSY_DELAY = 2.0
LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent.  `writes` says whether a lost answer leaves the outcome open."""

    method: str
    url: str
    headers: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    body: Any = None
    writes: bool = False
    seconds: float = 10.0

    @property
    def host(self) -> str:
        """Return the host, which errors name instead of the whole address."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.  `content` holds at most a mebibyte."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    seconds: float

    def json(self) -> Any:
        """Return the parsed body, or None where it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float:
        """Return the seconds that the server asks to wait, within bounds."""
        value = self.headers.get("retry-after", "")
        return min(float(value), LONGEST_DELAY) if value.isdigit() else BUSY_DELAY


async def _open() -> Any:
    httpx: Any = await asyncio.to_thread(importlib.import_module, "httpx")
    headers = {"User-Agent": "backout"}
    # Reading the certificates to trust takes long enough to be felt elsewhere.
    return await asyncio.to_thread(httpx.AsyncClient, follow_redirects=False, headers=headers)


async def _close(client: Any) -> None:
    await client.aclose()


@asynccontextmanager
async def own_client() -> AsyncIterator[Any]:
    """Lend a client of one's own: it keeps the cookies from one exchange to the next."""
    client = await _open()
    try:
        yield client
    finally:
        await _close(client)


async def exchange(context: Context, request: Request, *, client: Any = None) -> Answer:
    """Send the request and return the answer, whatever its status.

    Without a client of one's own, the shared one sends it, which forgets all cookies.

    Raises `TransientError` where nothing was sent or a read was not answered, and
    `UnknownOutcomeError` where a write was not answered.
    """
    shared = client is None
    client = await context.clients.get("http", _open, _close) if shared else client
    httpx: Any = importlib.import_module("httpx")
    try:
        async with asyncio.timeout(request.seconds):
            # Half of the time for connecting: a write that never connected is known not to be sent.
            limits = httpx.Timeout(request.seconds, connect=request.seconds / 2)
            answer = await _send(client, request, limits)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise TransientError(f"{request.host} can't be reached: {_why(error)}") from error
    except TimeoutError as error:
        raise _unanswered(request, f"no answer within {request.seconds:g} s") from error
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise PermanentError(f"{redact(request.url)} is no web address: {error}") from error
    except httpx.TransportError as error:
        raise _unanswered(request, _why(error)) from error
    if shared:
        client.cookies.clear()  # a check must not depend on what an earlier one was told
    return answer


async def _send(client: Any, request: Request, limits: Any) -> Answer:
    url = request.url
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(MOST_REDIRECTS + 1):
        async with client.stream(
            request.method,
            url,
            headers=request.headers,
            data=request.form,
            json=request.body,
            timeout=limits,
        ) as response:
            content = await _bounded(response)
            there = urljoin(url, response.headers.get("location", url))
            same_host = urlsplit(there)[:2] == urlsplit(url)[:2]
            if request.method != "GET" or response.status_code not in REDIRECTS or not same_host:
                break
            url = there
    return Answer(
        status=response.status_code,
        headers=dict(response.headers),
        content=content,
        seconds=loop.time() - began,
    )


async def _bounded(response: Any) -> bytes:
    kept = bytearray()
    async for chunk in response.aiter_bytes():
        kept += chunk
        if len(kept) >= LARGEST_ANSWER:
            break
    return bytes(kept[:LARGEST_ANSWER])


def _unanswered(request: Request, why: str) -> ActionError:
    if request.writes:
        return UnknownOutcomeError(f"{request.host} did not answer a change: {why}")
    return TransientError(f"{request.host} did not answer: {why}")


def _why(error: Exception) -> str:
    return redact(str(error)) or type(error).__name__


def refusal(answer: Answer, service: str, *, writes: bool) -> ActionError | None:
    """Turn an answer that is no success into an error; None for a success.

    420 is what Statuspage answers instead of 429.
    """
    status = answer.status
    if status < 300:
        return None
    said = redact(answer.content[:300].decode(errors="replace"))
    if status in (401, 403):
        return PermanentError(
            f"{service} does not accept Backout's token ({status}): {said}. "
            "Check the token that system.yaml refers to, and its rights."
        )
    if status in (420, 429, 503):
        delay = answer.retry_after
        return TransientError(
            f"{service} is busy ({status}); trying again in {delay:g} s.", delay=delay
        )
    if status >= 500 and writes:
        return UnknownOutcomeError(f"{service} answered {status} to a change: {said}")
    if status >= 500:
        return TransientError(f"{service} answered {status}: {said}", delay=BUSY_DELAY)
    return PermanentError(f"{service} refused ({status}): {said}")


def address(context: Context, url: str) -> str:
    """Resolve an address of system.yaml, which may be kept in the environment (`env:NAME`)."""
    found = context.surroundings.secret(url) if url.startswith("env:") else url
    return found.rstrip("/")


def warm_up() -> None:
    """Load what the first exchange would wait for.  To be called in a thread."""
    importlib.import_module("httpx")
