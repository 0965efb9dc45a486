"""A connection to one of a system's caches, for the time of one verb.

Called by the actions here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.redis import drivers
from adapters.redis.drivers import DeniedError, Line, LostError, RefusedError
from adapters.values import listed, redact
from config.models.connections import CacheConnection
from flows.actions import (
    ActionError,
    Context,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

AGAIN = 2.0
SOON = ("LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "MISCONF", "max number of")
"""How Redis begins an answer that will be another one later."""
LOADING = "is loading"


@dataclass(slots=True, kw_only=True)
class Cache:
    """One numbered database of a cache."""

    name: str
    number: int
    line: Line

    async def read(self, *words: str | int) -> Any:
        """Send a command that changes nothing."""
        return await self._send(words, writes=False)

    async def change(self, *words: str | int) -> Any:
        """Send a command that changes something: a lost answer leaves the outcome open."""
        return await self._send(words, writes=True)

    async def _send(self, words: tuple[str | int, ...], *, writes: bool) -> Any:
        try:
            return await self.line.send(*words)
        except RefusedError as error:
            raise _refused(str(error), self.name, str(words[0])) from error
        except LostError as error:
            if writes:
                raise UnknownOutcomeError(
                    f"The cache {self.name} did not answer a change: {redact(str(error))}"
                ) from error
            raise _away(error, self.name) from error


@asynccontextmanager
async def opened(context: Context, name: str, number: int | None = None) -> AsyncIterator[Cache]:
    """Connect to a cache, in the database of its address or in another one.

    Raises `PermanentError` where the system has no such cache, or it does not let us in;
    `TransientError` where it is away or still loading.
    """
    connection = found(context, name)
    url = context.surroundings.secret(connection.url)
    try:
        line = await drivers.connect(url, number=number, authority=connection.authority)
    except ValueError:
        raise PermanentError(
            f"What connections.caches.{name}.url refers to is no address of a Redis "
            "(rediss://:password@host:6379/0)."
        ) from None
    except DeniedError as error:
        raise PermanentError(
            f"The cache {name} does not accept Backout's password ({redact(str(error))}): check "
            f"the address that connections.caches.{name} refers to."
        ) from error
    except RefusedError as error:
        raise _refused(str(error), name, "PING") from error
    except LostError as error:
        raise _away(error, name) from error
    try:
        yield Cache(name=name, number=line.number, line=line)
    finally:
        await line.close()


def found(context: Context, name: str) -> CacheConnection:
    """Return how a cache is reached; raise `PermanentError` where the system has none."""
    caches = context.system.connections.caches
    if name not in caches:
        there = listed(sorted(caches)) or "none"
        raise PermanentError(
            f"{context.system.title} has no cache {name}: add it to connections.caches of "
            f"system.yaml (there: {there})."
        )
    return caches[name]


def _away(error: LostError, name: str) -> ActionError:
    said = redact(str(error))
    if "certificate" in said.lower():
        return PermanentError(
            f"The certificate of the cache {name} is not trusted: {said}. Name its authority in "
            f"connections.caches.{name}.authority."
        )
    return TransientError(f"The cache {name} can't be reached: {said}", delay=AGAIN)


def _refused(said: str, name: str, command: str) -> ActionError:
    told = redact(said)
    if said.startswith(SOON) or LOADING in said:
        return TransientError(f"The cache {name} is not ready: {told}", delay=AGAIN)
    if said.startswith("NOPERM") or "no permissions" in said:
        return PermanentError(
            f"Backout's user may not use {command} in the cache {name}: {told}. Add it with "
            "ACL SETUSER."
        )
    if said.startswith("READONLY") or "read only replica" in said:
        return PermanentError(
            f"The cache {name} is a replica, which takes no changes: let its address lead to the "
            "primary."
        )
    if said.startswith("MOVED"):
        return PermanentError(
            f"The cache {name} is a Redis Cluster, in which keys are spread over servers: name "
            "each of its primaries as a cache of its own."
        )
    return PermanentError(f"The cache {name} refused {command}: {told}")
