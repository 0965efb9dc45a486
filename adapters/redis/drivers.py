"""The wire to one Redis: the only module that knows redis-py.

Called by `caches`.  Nothing is tried twice here: whether to repeat is the engine's decision.
"""

import asyncio
import importlib
from typing import Any

from flows.actions import PermanentError

ANSWER_SECONDS = 5.0


class RefusedError(Exception):
    """Redis answered with an error."""


class DeniedError(Exception):
    """Redis does not let us in."""


class LostError(Exception):
    """There was no connection, or no answer."""


class Line:
    """One connection to the database `number`."""

    def __init__(self, client: Any, errors: Any, number: int) -> None:
        self._client = client
        self._errors = errors
        self.number = number

    async def send(self, *words: str | int) -> Any:
        """Send a command and return its answer, texts as text.

        Raises `DeniedError`, `RefusedError` or `LostError`.
        """
        errors = self._errors
        try:
            return await self._client.execute_command(*words)
        except errors.AuthenticationError as error:
            raise DeniedError(str(error)) from error
        except errors.ResponseError as error:
            raise RefusedError(_in_redis_words(error)) from error
        except errors.BusyLoadingError as error:
            raise RefusedError(f"LOADING {error}") from error
        except (errors.RedisError, OSError) as error:
            raise LostError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close it."""
        await self._client.aclose()


async def connect(url: str, *, number: int | None, authority: str | None) -> Line:
    """Connect, and see that it answers.  Raises `ValueError` for what is no address."""
    redis = await _load()
    trust = {"ssl_ca_certs": authority} if authority and url.startswith("rediss:") else {}
    pool = redis.asyncio.ConnectionPool.from_url(
        url,
        **trust,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
        encoding_errors="surrogateescape",  # keys are bytes, and go back as they came
        driver_info=None,  # naming ourselves takes a right of its own
    )
    if number is not None:
        pool.connection_kwargs["db"] = number  # so that a new connection is in it, too
    client = redis.asyncio.Redis.from_pool(pool)
    line = Line(client, redis.exceptions, int(pool.connection_kwargs.get("db") or 0))
    try:
        await line.send("PING")
    except BaseException:
        await line.close()
        raise
    return line


async def _load() -> Any:
    try:
        redis: Any = await asyncio.to_thread(importlib.import_module, "redis")
        await asyncio.to_thread(importlib.import_module, "redis.asyncio")
    except ImportError as error:
        raise PermanentError(
            "Redis' client is not installed: pip install 'backout[redis]'."
        ) from error
    return redis


def _in_redis_words(error: Exception) -> str:
    """Give an error back the word that redis-py takes off its front."""
    words = {
        "NoPermissionError": "NOPERM",
        "ReadOnlyError": "READONLY",
        "MovedError": "MOVED",
        "TryAgainError": "TRYAGAIN",
        "ClusterDownError": "CLUSTERDOWN",
        "MasterDownError": "MASTERDOWN",
    }
    word = words.get(type(error).__name__, "")
    return f"{word} {error}".strip()
