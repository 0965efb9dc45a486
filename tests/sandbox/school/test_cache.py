"""The estate's cache is a real one, which a release fills with wrong courses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from sandbox.estate import Estate, releases
from sandbox.estate.catalogue import HISTORY
from sandbox.school.cache import WRONG_VERSION, Cache
from tests.real.presence import missing
from tests.sandbox.school.conftest import until

pytestmark = pytest.mark.real
HEALTHY = {"session:": 40, "cache:course:": 120, "queue:": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """A cache and the estate around it."""

    estate: Estate
    cache: Cache

    @property
    def keys(self) -> dict[str, int]:
        """Return how many keys the panel shows."""
        return dict((self.cache.state() or {})["keys"])

    @property
    def stale(self) -> int:
        """Return how many courses are wrong."""
        return int((self.cache.state() or {})["stale"])


@pytest.fixture
async def cached(somewhere: Path) -> AsyncIterator[Cached]:
    """A cache in an estate that is fast."""
    async with Estate(data=somewhere, speed=60) as estate:
        cache = Cache(estate, data=somewhere)
        await cache.start()
        try:
            if not (cache.state() or {})["real"]:
                missing("redis", str((cache.state() or {})["why"]))
            yield Cached(estate=estate, cache=cache)
        finally:
            await cache.stop()
            await cache.stop()


@pytest.fixture
def client(cached: Cached) -> Iterator[redis.Redis]:
    """A client with the address that the bot gets."""
    with redis.Redis.from_url(cached.cache.addresses()["cache_url"]) as client:
        yield client


async def test_it_starts_with_good_entries(cached: Cached, client: redis.Redis) -> None:
    """Sessions, queues and courses are there, and nobody without the password gets in."""
    assert cached.keys == HEALTHY
    assert client.dbsize() == 166
    assert cached.cache.disturbance().errors == {}
    port = client.get_connection_kwargs()["port"]
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


async def test_wrong_courses_outlive_their_release(cached: Cached, client: redis.Redis) -> None:
    """They come again while the release runs, outlive it, and go when they are deleted."""
    for _ in range(2):  # a second press changes nothing
        await cached.cache.break_it("stale_cache")
    assert cached.stale == 120
    assert cached.cache.disturbance().errors == {"content-service": 0.06}
    assert [each["version"] for each in releases.history(cached.estate.cluster)][-2:] == [41, 42]
    await until(lambda: version(cached) == WRONG_VERSION)
    delete_courses(client)
    await until(lambda: len(courses(client)) == 120)
    await until(lambda: cached.stale == 120)
    good = HISTORY[-1]
    releases.ship(cached.estate.cluster, chart=good.chart, version=good.version)
    await until(lambda: version(cached) == good.version)
    assert cached.stale == 120
    delete_courses(client)
    await until(lambda: cached.keys == HEALTHY and cached.stale == 0)
    assert cached.cache.disturbance().errors == {}


async def test_a_reset_brings_good_entries_back(cached: Cached, client: redis.Redis) -> None:
    """Whatever was broken and deleted, sessions and courses are there again."""
    await cached.cache.break_it("stale_cache")
    client.flushall()
    cached.estate.reset()
    await cached.cache.reset()
    assert (cached.keys, cached.stale) == (HEALTHY, 0)


def version(cached: Cached) -> str:
    """Return which version of content-service answers."""
    return cached.cache._version()


def delete_courses(client: redis.Redis) -> None:
    """Delete all course entries, as a flush by prefix does."""
    client.delete(*courses(client))


def courses(client: redis.Redis) -> set[bytes]:
    """Return the keys of all course entries."""
    return set(client.scan_iter("cache:course:*", count=1000))
