"""Looking at and emptying a real Redis."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from adapters.redis import drivers, keys
from flows.actions import (
    Holds,
    InterruptedByHoldError,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.services.redis import RedisServer

pytestmark = pytest.mark.real

Within = Callable[..., FakeContext]
Uses = Callable[..., Use]


def fill(store: RedisServer, number: int = 0, **kinds: int) -> None:
    """Write so many keys of each kind: `cache=3` writes cache:0 to cache:2."""
    with store.client(number) as client, client.pipeline(transaction=False) as pipeline:
        for kind, count in kinds.items():
            for each in range(count):
                pipeline.set(f"{kind}:{each}", "x")
        pipeline.execute()


def count(store: RedisServer, pattern: str, number: int = 0) -> int:
    """Count keys."""
    with store.client(number) as client:
        return len(client.keys(pattern))


async def test_a_cache_answers_also_over_tls(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """Plain, and over TLS with the authority that the system names."""
    fill(redis_store, cache=2)
    tls = f"rediss://:{redis_store.password}@127.0.0.1:{redis_store.tls_port}/0"
    for context in (within(), within(tls, str(redis_store.authority))):
        verdict = await use(context, "redis.ping", cache="main").verify()
        assert isinstance(verdict, Holds)
        assert verdict.output["keys"] == 2


async def test_a_cache_that_is_away_or_silent_is_unknown(
    redis_store: RedisServer, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be concluded from no answer."""
    monkeypatch.setattr(drivers, "ANSWER_SECONDS", 0.5)
    asked = use(within(), "redis.ping", cache="main")
    with redis_store.down():
        away = await asked.verify()
    with redis_store.frozen():
        silent = await asked.verify()
    for verdict in (away, silent):
        assert isinstance(verdict, NotYet)
        assert verdict.progress.startswith("unknown: The cache main can't be reached")
        assert not verdict.output
    assert isinstance(await asked.verify(), Holds)


async def test_who_is_not_let_in_is_told_why(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """A wrong password, none, an address that is none, a certificate: no secret is repeated."""
    port, tls = redis_store.port, redis_store.tls_port
    for url, told in (
        (f"redis://:hunter22@127.0.0.1:{port}/0", "does not accept Backout's password"),
        (f"redis://127.0.0.1:{port}/0", "does not accept Backout's password"),
        (f"redis//:hunter22@127.0.0.1:{port}/0", "no address of a Redis"),
        (f"redis://:hunter22@127.0.0.1:{port}x/0", "no address of a Redis"),
        (f"rediss://:hunter22@127.0.0.1:{tls}/0", "is not trusted"),
    ):
        with pytest.raises(PermanentError, match=told) as raised:
            await use(within(url), "redis.ping", cache="main").verify()
        assert "hunter22" not in str(raised.value)
    with pytest.raises(PermanentError, match="has no cache mian"):
        await use(within(), "redis.ping", cache="mian").verify()


@pytest.mark.covers("AIVO-R8", "AIVO-FIX24")
async def test_only_the_prefixes_are_deleted(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """Sessions and queues, other databases and odd names that a glob would take stay."""
    fill(redis_store, cache=2500, session=40)
    fill(redis_store, 1, cache=5)
    with redis_store.client() as client:
        client.mset({"ca*he[1]:a": "x", "cache[1]:a": "x", "caXhe1:a": "x", b"cache:\xff\xfe": "x"})
    context = within()
    flush = use(context, "redis.flush", cache="main", prefixes=["cache:", "view:"])
    preview = await flush.preview()
    assert preview.touches == 1
    assert "2,501 keys" in preview.losses
    assert preview.changes[0].before is not None
    assert preview.changes[0].before.startswith("2,501 keys (cache:")
    assert not preview.in_place
    await flush.apply()
    verdict = await flush.outcome()
    assert isinstance(verdict, Holds)
    assert verdict.output == {"deleted": {"cache:*": 2501, "view:*": 0}, "left": {}}
    assert any("of about 2,501 keys deleted" in each for each in context.told)
    assert count(redis_store, "cache:*") == 0
    assert count(redis_store, "session:*") == 40
    assert count(redis_store, "cache:*", 1) == 5
    assert count(redis_store, "*") == 43
    assert (await flush.preview()).in_place


async def test_a_prefix_is_no_glob(redis_store: RedisServer, within: Within, use: Uses) -> None:
    """Brackets and question marks of a prefix stand for themselves."""
    with redis_store.client() as client:
        client.mset({"v[1]?:a": "x", "v1?:a": "x", "v[1]b:a": "x", "v\\:a": "x"})
    for prefix in ("v[1]?:", "v\\:"):
        flush = use(within(), "redis.flush", cache="main", prefixes=[prefix])
        flush.step = "first" if "?" in prefix else "second"
        await flush.apply()
        assert isinstance(await flush.outcome(), Holds)
    with redis_store.client() as client:
        assert sorted(client.keys("*")) == ["v1?:a", "v[1]b:a"]


async def test_a_repeat_leaves_what_was_written_since(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """The applications fill their cache again, which is told and not deleted twice."""
    fill(redis_store, cache=10)
    flush = use(within(), "redis.flush", cache="main", prefixes="cache:")
    await flush.apply()
    fill(redis_store, cache=3)
    await flush.action.apply(flush.inputs, flush.captured, flush.context)
    verdict = await flush.verify()
    assert isinstance(verdict, Holds)
    assert verdict.output == {"deleted": {"cache:*": 10}, "left": {"cache:*": 3}}
    assert "3 new ones since" in verdict.summary


async def test_a_whole_database_has_to_be_named(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """It says what it loses, and empties one database."""
    with pytest.raises(ValidationError, match="number, said aloud"):
        use(within(), "redis.flush", cache="main", whole_database=True)
    fill(redis_store, cache=3, session=1)
    fill(redis_store, 1, cache=5)
    flush = use(within(), "redis.flush", cache="main", whole_database=True, database=1)
    preview = await flush.preview()
    assert "all 5 keys of database 1, also sessions" in preview.losses
    assert "cache: (100%)" in preview.warnings[0]
    await flush.apply()
    assert isinstance(await flush.outcome(), Holds)
    assert count(redis_store, "*", 1) == 0
    assert count(redis_store, "*") == 4


@pytest.mark.parametrize("given", [["*"], ["cache:*"], [":"], []])
def test_nothing_goes_by_an_empty_prefix(given: list[str], within: Within, use: Uses) -> None:
    """A prefix that all keys begin with is no prefix."""
    with pytest.raises(ValidationError):
        use(within(), "redis.flush", cache="main", prefixes=given)


async def test_a_hold_ends_it_between_batches_and_a_retry_goes_on(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """What is deleted stays so, what is left is told, the next attempt deletes it."""
    fill(redis_store, cache=5000)
    context = within()
    context.holds_after = 1
    flush = use(context, "redis.flush", cache="main", prefixes="cache:")
    with pytest.raises(InterruptedByHoldError):
        await flush.apply()
    left = count(redis_store, "cache:*")
    assert 0 < left < 5000
    verdict = await flush.verify()
    assert isinstance(verdict, Refuted)
    assert f"{left:,} keys" in verdict.why
    context.holds_after = None
    await flush.action.apply(flush.inputs, flush.captured, context)
    assert isinstance(await flush.verify(), Holds)
    assert count(redis_store, "cache:*") == 0


async def test_a_lost_answer_is_looked_into(
    redis_store: RedisServer, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server dies in the middle: the outcome is open, and the look tells what is left."""
    fill(redis_store, cache=3000)
    flush = use(within(), "redis.flush", cache="main", prefixes="cache:")
    flush.captured = await flush.action.capture(flush.inputs, flush.context)
    send, sent = drivers.Line.send, []

    async def dies(self: drivers.Line, *words: str | int) -> object:
        if words[0] == "UNLINK":
            sent.append(words)
            if len(sent) == 2:
                redis_store.crash()
        return await send(self, *words)

    with monkeypatch.context() as patched:
        patched.setattr(drivers.Line, "send", dies)
        with pytest.raises(UnknownOutcomeError, match="did not answer a change"):
            await flush.action.apply(flush.inputs, flush.captured, flush.context)
    with pytest.raises(TransientError, match="can't be reached"):
        await flush.verify()
    redis_store.revive()
    assert isinstance(await flush.verify(), Refuted)
    await flush.action.apply(flush.inputs, flush.captured, flush.context)
    assert isinstance(await flush.verify(), Holds)


async def test_a_missing_right_is_seen_before_anything_is_deleted(
    redis_store: RedisServer, within: Within, use: Uses
) -> None:
    """The preview queues the command and throws it away."""
    fill(redis_store, cache=3)
    with redis_store.client() as client:
        client.acl_setuser(
            "looker",
            enabled=True,
            passwords=["+look"],
            keys=["*"],
            categories=["+@read", "+@connection", "+@transaction"],
            commands=["+scan", "+dbsize"],
        )
    flush = use(
        within(f"redis://looker:look@127.0.0.1:{redis_store.port}/0"),
        "redis.flush",
        cache="main",
        prefixes="cache:",
    )
    with pytest.raises(PermanentError, match="may not use UNLINK in the cache main"):
        await flush.preview()
    assert count(redis_store, "cache:*") == 3


async def test_a_replica_is_refused(redis_store: RedisServer, within: Within, use: Uses) -> None:
    """What takes no writes is no place to flush."""
    fill(redis_store, cache=3)
    with redis_store.client() as client:
        client.config_set("replica-serve-stale-data", "yes")
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            flush = use(within(), "redis.flush", cache="main", prefixes="cache:")
            with pytest.raises(PermanentError, match="is a replica"):
                await flush.preview()
        finally:
            client.execute_command("REPLICAOF", "NO", "ONE")


async def test_a_cache_that_is_too_large_to_count_is_told_so(
    redis_store: RedisServer, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count that had to end early is a least one, and never taken for none."""
    fill(redis_store, session=3000, cache=1)
    monkeypatch.setattr(keys, "LOOK_SECONDS", -1.0)
    flush = use(within(), "redis.flush", cache="main", prefixes="nothing:")
    assert not (await flush.preview()).in_place
    assert isinstance(await flush.verify(), Refuted)
