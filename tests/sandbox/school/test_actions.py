"""The bot's own actions on the estate's database and cache, with the rights that they get there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from flows.actions import Holds
from sandbox.school import seeds
from sandbox.school.cache import Cache
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.sandbox.school.conftest import School, query, until

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

Json = Any
REGISTRY = ActionRegistry()


@pytest_asyncio.fixture(loop_scope="module")
async def context(school: School, tmp_path: Path) -> AsyncIterator[FakeContext]:
    """What an action gets: both databases and the cache."""
    cache = Cache(school.estate, data=tmp_path)
    await cache.start()
    known = {**school.database.addresses(), **cache.addresses()}
    where = {name.upper(): value for name, value in known.items()}
    databases: Json = {
        "primary": {"dsn": "env:PRIMARY_DSN"},
        "recovered": {"dsn": "env:RECOVERED_DSN", "hosts": ["127.0.0.1"]},
    }
    pool = ClientPool()
    try:
        yield FakeContext(
            system=system_for(databases=databases, caches={"main": {"url": "env:CACHE_URL"}}),
            surroundings=surroundings_for(tmp_path, kubeconfig=None, helm="helm", **where),
            clients=pool,
            waits=True,
        )
    finally:
        await pool.close()
        await cache.stop()


async def play(context: FakeContext, uses: str, **inputs: Json) -> Use:
    """Preview and apply an action, and see that it holds."""
    use = Use(REGISTRY, context, uses, uses.rpartition(".")[2], **inputs)
    await use.preview()
    await use.apply()
    verdict = await use.outcome()
    assert isinstance(verdict, Holds), verdict
    return use


@pytest.mark.covers("AIVO-FIX12")
async def test_applications_only_read_until_that_is_undone(
    school: School, context: FakeContext
) -> None:
    """Writes of the services are refused by the database, and done again after the undo."""
    use = await play(
        context,
        "postgres.set_read_only",
        database="primary",
        roles=[seeds.APPLICATION],
        exempt=[seeds.MIGRATOR],
    )
    refused = school.writes["refused"]
    await until(lambda: school.writes["refused"] > refused + 10)
    await until(lambda: school.instance()["read_only"])
    await use.undo()
    done = school.writes["done"]
    await until(lambda: school.writes["done"] > done + 10)


@pytest.mark.covers("AIVO-FIX32")
async def test_damaged_rows_are_copied_from_a_restored_instance(
    school: School, context: FakeContext
) -> None:
    """What the panel names as damaged is right again, copied from the moment before."""
    moment = school.estate.wall.now()
    await school.database.break_it("some_rows")
    await school.restored("beside", moment)
    damaged = school.state["damaged"]
    _, port = school.database.endpoint("beside") or ("", 0)
    await play(
        context,
        "postgres.copy_rows",
        source="recovered",
        source_host=f"127.0.0.1:{port}",
        target="primary",
        tables=[
            {"table": f"public.{name}", "keys": damaged[name]} for name in ("assessments", "grades")
        ],
    )
    await until(lambda: school.state["damaged"] == {"grades": [], "assessments": []})
    assert query(school.dsn, "SELECT count(*) FROM backout.copied_rows") == [(1,)]


async def test_the_primary_is_dumped_by_the_programs_that_fit_it(
    school: School, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot may read every table, also those that the services write besides."""
    folder = school.database.addresses()["postgres_programs"]
    monkeypatch.setenv("PATH", folder, prepend=":")
    await play(context, "postgres.dump", database="primary")


@pytest.mark.covers("AIVO-FIX24")
async def test_courses_are_flushed_by_their_prefix(context: FakeContext) -> None:
    """Sessions and queues stay when the courses go."""
    use = await play(context, "redis.flush", cache="main", prefixes=["cache:"])
    verdict = await use.verify()
    assert isinstance(verdict, Holds)
    assert verdict.output["deleted"] == {"cache:*": 120}
