"""`redis.flush`: delete keys by their beginning, or a whole database where that is asked for."""

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from adapters.redis import caches, keys
from adapters.redis.caches import Cache
from adapters.redis.keys import Count
from adapters.values import Names, fingerprint_of, listed
from config.models.base import Identifier, Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

EVERYTHING = "every key"


class RedisFlushInputs(Model):
    """Which cache, and which of its keys."""

    cache: Identifier = Field(description="Name in connections.caches.")
    prefixes: Names = Field(
        default=(), description="How the keys begin, e.g. `cache:`; nothing else is touched."
    )
    whole_database: bool = Field(
        default=False,
        description="Instead of prefixes: every key of the database, whoever wrote it.",
    )
    database: Annotated[int, Field(ge=0, le=1023)] | None = Field(
        default=None,
        description="Number of the database; left out: that of the cache's address. "
        "With `whole_database` it has to be said.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.whole_database and self.prefixes:
            raise ValueError("give either prefixes or whole_database: true, not both")
        if not self.whole_database and not self.prefixes:
            raise ValueError(
                "nothing is named, so nothing would be done: give prefixes, or whole_database: true"
            )
        if self.whole_database and self.database is None:
            raise ValueError("whole_database: true needs the database's number, said aloud")
        if any(each.endswith("*") for each in self.prefixes):
            raise ValueError("a prefix is taken as it stands: leave the * at its end out")
        if bare := [each for each in self.prefixes if not each.strip("*?[]: ")]:
            raise ValueError(f"{bare[0]!r} names no keys: write how they begin, e.g. cache:")
        return self


class RedisFlushOutput(Model):
    """What was deleted, and what is there now."""

    deleted: dict[str, int] = Field(description="Prefix to the keys that were deleted.")
    left: dict[str, int] = Field(
        description="Prefix to keys that are there now: written since, by the applications."
    )


class RedisFlush(Action):
    """Delete the keys that begin so, a batch at a time, without holding the server up.

    SCAN finds them and UNLINK takes them out; counts are shown before, and while it goes.  Nothing
    but these prefixes is touched: no sessions, queues or locks of other names.  `whole_database`
    empties one numbered database (FLUSHDB ASYNC), never all of them.

    Done when the whole database was walked through once: every key that was there then is gone.
    Applications may write new ones at once, which are counted and left.  A repeat under the same
    key deletes nothing more.

    Effect: destroys.  Units: keys.  Errors: permanent for a replica, a missing right and a wrong
    password; transient where the cache is away or loads its data; unknown outcome when an answer is
    lost.  Not undoable: back the cache up first where its content can't be made again.
    """

    uses: ClassVar[str] = "redis.flush"
    effect: ClassVar[Effect] = Effect.DESTROYS
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = RedisFlushInputs
    Output: ClassVar[type[Model]] = RedisFlushOutput
    example: ClassVar[JsonObject] = {"cache": "main", "prefixes": ["cache:", "view:"]}

    def permissions(self, inputs: RedisFlushInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the cache."""
        return ()

    async def preview(self, inputs: RedisFlushInputs, context: Context) -> Preview:
        """Count, and let the server judge the command without running it."""
        async with caches.opened(context, inputs.cache, inputs.database) as cache:
            doubts = await _try_out(cache, inputs)
            counts = await _counts(cache, inputs)
            kinds = await keys.families(cache) if inputs.whole_database else []
        total = sum(each.number for each in counts.values())
        whole = all(each.whole for each in counts.values())
        where = f"{inputs.cache}, database {cache.number}"
        changes = tuple(
            Change(subject=f"{where}: {name}", before=str(each), after="no key")
            for name, each in counts.items()
            if each.number
        )
        if kinds:
            doubts.append(f"A sample of database {cache.number} holds: {listed(kinds, 8)}.")
        return Preview(
            summary=f"Delete {_named(inputs)} from {where} ({total:,} keys now)",
            fingerprint=fingerprint_of(
                [inputs.cache, cache.number, inputs.prefixes, inputs.whole_database]
            ),
            changes=changes,
            in_place=total == 0 and whole,
            touches=len(changes),
            losses=_losses(inputs, total, cache.number),
            warnings=tuple(doubts),
        )

    async def capture(self, inputs: RedisFlushInputs, context: Context) -> JsonObject:
        """Record how many keys there are: what they hold is not kept."""
        async with caches.opened(context, inputs.cache, inputs.database) as cache:
            counts = await _counts(cache, inputs)
        return {
            "database": cache.number,
            "counts": {name: each.number for name, each in counts.items()},
        }

    async def apply(self, inputs: RedisFlushInputs, captured: JsonObject, context: Context) -> None:
        """Delete, unless this attempt has done so."""
        evidence = context.surroundings.evidence
        if await evidence.find(_record(context)) is not None:
            return
        deleted: dict[str, int] = {}
        async with caches.opened(context, inputs.cache, inputs.database) as cache:
            if cache.number != captured["database"]:
                raise PermanentError(
                    f"The address of the cache {inputs.cache} leads to database {cache.number} "
                    f"now, and to {captured['database']} before: nothing was deleted."
                )
            if inputs.whole_database:
                deleted[EVERYTHING] = int(await cache.read("DBSIZE"))
                await cache.change("FLUSHDB", "ASYNC")
            for prefix in inputs.prefixes:
                expected = captured["counts"][f"{prefix}*"]
                deleted[f"{prefix}*"] = await keys.delete(cache, prefix, expected, context)
        await evidence.put(_record(context), json.dumps(deleted, sort_keys=True).encode())

    async def verify(
        self, inputs: RedisFlushInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Count afresh, and see whether this attempt came to its end."""
        async with caches.opened(context, inputs.cache, inputs.database) as cache:
            counts = await _counts(cache, inputs)
        left = {name: each.number for name, each in counts.items() if each.number}
        evidence = context.surroundings.evidence
        done = await evidence.find(_record(context))
        if done is None and (left or not all(each.whole for each in counts.values())):
            told = listed(f"{name}: {counts[name]}" for name in left) or "not all was looked at"
            return Refuted(why=f"there are keys left in {inputs.cache}: {told}")
        deleted = json.loads(await evidence.read(_record(context))) if done else {}
        return Holds(
            summary=_told(inputs, deleted, left), output={"deleted": deleted, "left": left}
        )


def _record(context: Context) -> str:
    return f"{context.mark}/{context.key.rpartition('/')[2]}/flush.json"


async def _counts(cache: Cache, inputs: RedisFlushInputs) -> dict[str, Count]:
    if inputs.whole_database:
        return {EVERYTHING: Count(number=int(await cache.read("DBSIZE")))}
    return {f"{each}*": await keys.counted(cache, each) for each in inputs.prefixes}


async def _try_out(cache: Cache, inputs: RedisFlushInputs) -> list[str]:
    """Queue the command and throw it away: rights and role are judged when it is queued."""
    try:
        await cache.read("MULTI")
    except PermanentError:
        return ["Whether Backout's user may delete here is seen only when it does."]
    words = [("UNLINK", f"{each}backout") for each in inputs.prefixes]
    for command in words or [("FLUSHDB", "ASYNC")]:
        await cache.read(*command)
    await cache.read("DISCARD")
    return []


def _named(inputs: RedisFlushInputs) -> str:
    if inputs.whole_database:
        return EVERYTHING
    return listed(f"{each}*" for each in inputs.prefixes)


def _losses(inputs: RedisFlushInputs, total: int, number: int) -> str:
    if not total:
        return ""
    if inputs.whole_database:
        return (
            f"all {total:,} keys of database {number}, also sessions, queues and locks that "
            "are kept in it; nothing brings them back"
        )
    return f"{total:,} keys, which the applications have to make again; nothing brings them back"


def _told(inputs: RedisFlushInputs, deleted: Mapping[str, int], left: Mapping[str, int]) -> str:
    gone = sum(deleted.values())
    told = f"{gone:,} keys deleted" if deleted else f"no key of {_named(inputs)} is there"
    new = sum(left.values())
    return f"{told}, {new:,} new ones since" if new else told
