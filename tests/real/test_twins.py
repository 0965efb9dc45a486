"""The simulated cluster answers every request of every action as the real one does."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from sandbox.estate.access import Access, Denial
from tests.real.bench.api import Api, RefusedError
from tests.real.bench.certificates import Authority
from tests.real.bench.clusters import Bench, Cluster
from tests.real.bench.gateway import opened
from tests.real.conftest import context_for, uses_in
from tests.real.kubernetes.stories import STORIES, Story
from tests.real.twins.normal import Names, differences
from tests.real.twins.refusals import CHECKOUT, DRY, MERGE, REFUSALS, Refusal
from tests.real.twins.simulated import simulated
from tests.real.twins.telling import Chapter, World, told

Json = Any
Observe: TypeAlias = Callable[[Cluster], AbstractAsyncContextManager[World]]

SPEAKS_THROUGH_HELM = "helm."  # whose simulation is a program of its own
TOLD = [story for story in STORIES if not story.uses.startswith(SPEAKS_THROUGH_HELM)]


@pytest.fixture(scope="session")
def sham(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[tuple[Bench, Access]]:
    """The simulated cluster, and what takes rights away in it."""
    with simulated(tmp_path_factory.mktemp("simulated"), authority) as found:
        yield found


@pytest.fixture
def double(sham: tuple[Bench, Access], tmp_path: Path) -> Iterator[Cluster]:
    """A namespace of the simulated cluster."""
    (folder := tmp_path / "simulated").mkdir()
    with sham[0].cluster(folder) as found:
        yield found


@pytest.fixture
def observe(
    authority: Authority, registry: ActionRegistry, monkeypatch: pytest.MonkeyPatch
) -> Observe:
    """Put a gateway before a cluster, and an action's context behind that.

    What actions would choose by chance is the same every time.
    """
    monkeypatch.setattr(secrets, "token_urlsafe", lambda length: "x" * length)

    @asynccontextmanager
    async def world(cluster: Cluster) -> AsyncIterator[World]:
        pool = ClientPool()
        with opened(cluster, authority) as gateway:
            context = context_for(cluster, pool, cluster.folder, gateway.kubeconfig, gateway.server)
            try:
                yield World(
                    cluster=cluster,
                    gateway=gateway,
                    make=uses_in(registry, context),
                    names=Names(cluster.namespace),
                )
            finally:
                await pool.close()

    return world


@pytest.mark.long
@pytest.mark.parametrize("story", TOLD, ids=lambda story: story.uses)
async def test_both_answer_the_same(
    story: Story, cluster: Cluster, double: Cluster, observe: Observe
) -> None:
    """Told on both, a story asks the same and is answered the same."""
    async with observe(cluster) as world:
        real = await told(story, world, cluster.folder)
    async with observe(double) as world:
        copied = await told(story, world, double.folder)
    assert any(chapter.asked for chapter in real)
    found = [line for pair in zip(real, copied, strict=True) for line in unlike(*pair)]
    assert not found, "\n".join(found)


async def test_both_refuse_the_same(cluster: Cluster, double: Cluster, observe: Observe) -> None:
    """What is wrong with a request is said in the same words, with the same details."""
    answers = []
    for each in (cluster, double):
        await _shop(each)
        async with observe(each) as world:
            for refusal in REFUSALS:
                _send(world, refusal)
            asked = list(world.gateway.requests)
            world.names.learn([request.answer for request in asked])
            answers.append([world.names.plain(request.answer) for request in asked])
            codes = [(one.named, it.status) for one, it in zip(REFUSALS, asked, strict=True)]
            assert codes == [(one.named, one.code) for one in REFUSALS]
    found = [
        f"{refusal.named}{line}"
        for refusal, real, copied in zip(REFUSALS, *answers, strict=True)
        for line in differences(real, copied)
    ]
    assert not found, "\n".join(found)


async def test_both_name_the_missing_right(
    cluster: Cluster, double: Cluster, sham: tuple[Bench, Access], observe: Observe
) -> None:
    """Who may not patch is told so in the same words."""
    refusal = Refusal(
        named="patch", code=403, method="PATCH", path=CHECKOUT + DRY, body={}, kind=MERGE
    )
    nobody = cluster.as_user([])
    tokens = (cluster.token(nobody.name), double.bench.token)
    for each in (cluster, double):
        await _shop(each)
    sham[1].deny(Denial(verb="patch", resource="deployments"))
    answers = []
    for each, token in zip((cluster, double), tokens, strict=True):
        async with observe(each) as world:
            _send(world, refusal, token=token)
            answers.append(world.names.plain(world.gateway.requests[0].answer))
    sham[1].reset()
    real, copied = answers
    assert real["code"] == refusal.code
    assert differences(real, copied) == []


async def _shop(cluster: Cluster) -> None:
    cluster.apply(
        cluster.deployment(), cluster.config_map("settings", MODE="open"), cluster.virtual_service()
    )
    await cluster.settled("checkout")


def _send(world: World, refusal: Refusal, *, token: str = "") -> None:
    cluster, gateway = world.cluster, world.gateway
    api = Api(gateway.server, authority=gateway.authority, token=token or cluster.bench.token)
    path = refusal.path.format(cluster.namespace)
    with suppress(RefusedError):
        api.call(refusal.method, path, refusal.body, content_type=refusal.kind)
    api.close()


def unlike(real: Chapter, copied: Chapter) -> list[str]:
    """Return what differs between two tellings of a chapter."""
    found = _apart(real.asked, copied.asked) + _apart(real.written, copied.written)
    found += [f"only one side read {line}" for line in sorted(real.looks ^ copied.looks)]
    return [f"{real.title}: {line}" for line in found]


def _apart(real: list[Json], copied: list[Json]) -> list[str]:
    here, there = ([each["line"] for each in exchanges] for exchanges in (real, copied))
    if here != there:
        return differences(here, there)
    return [
        f"{one['line']}{line}"
        for one, other in zip(real, copied, strict=True)
        for line in differences(one, other)
    ]
