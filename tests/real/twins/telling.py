"""Tells a story on one cluster and keeps every request with its answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.actions import Holds
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.faults import Request
from tests.real.bench.gateway import Gateway
from tests.real.bench.progress import progress
from tests.real.kubernetes.stories import Story
from tests.real.twins.normal import Names, without_progress

Json = Any

CALM = 0.6  # seconds without a change
PATIENCE = 90.0
LOOK = 0.1
WORKLOADS = ("deployment", "statefulset", "daemonset", "job")
WATCHED = (*WORKLOADS, "pod", "replicaset", "controllerrevision", "endpointslice")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One cluster, seen through a gateway; `make` makes uses of actions there."""

    cluster: Cluster
    gateway: Gateway
    make: Callable[..., Use]
    names: Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What one verb asked and was answered.

    `asked` is all up to the first write, in no order; `written` are the writes, without what
    controllers add meanwhile, but for the first; `looks` are what was read after that.
    """

    title: str
    asked: list[Json]
    written: list[Json]
    looks: set[str]


async def told(story: Story, world: World, folder: Path) -> list[Chapter]:
    """Go through every verb, and again through those that must be repeatable."""
    await story.before(world.cluster, folder)
    use = story.use(world.make)
    verbs: list[tuple[str, Callable[[], Awaitable[Any]]]] = [("preview", use.preview)]
    if use.action.effect != "reads":
        verbs.append(("apply", use.apply))
    verbs += [("outcome", lambda: _holding(use)), ("outcome again", lambda: _holding(use))]
    if use.action.undoable:
        verbs += [("undo", use.undo), ("undo again", use.undo)]
    kept: list[tuple[str, list[Request]]] = []
    for title, verb in verbs:
        await calm(world)
        world.gateway.requests.clear()
        await verb()
        kept.append((title, list(world.gateway.requests)))
    await calm(world)
    for _, requests in kept:
        world.names.learn([[each.answer, each.body] for each in requests])
    return [_chapter(world.names, title, requests) for title, requests in kept]


async def calm(world: World) -> None:
    """Wait until nothing changes any more, and learn the names that were made up."""
    deadline, seen, since = time.monotonic() + PATIENCE, "", time.monotonic()
    while time.monotonic() < deadline:
        found = {kind: world.cluster.all(kind) for kind in WATCHED}
        world.names.learn(found)
        now = str([each["metadata"]["resourceVersion"] for kind in WATCHED for each in found[kind]])
        if now != seen or not _settled(found):
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > CALM:
            return
        await asyncio.sleep(LOOK)
    raise AssertionError(f"{world.cluster.namespace} did not come to rest")


async def _holding(use: Use) -> None:
    verdict = await use.outcome()
    assert isinstance(verdict, Holds), verdict


def _settled(found: dict[str, list[Json]]) -> bool:
    kinds = dict(
        zip(WORKLOADS, ("Deployment", "StatefulSet", "DaemonSet", "Job"), strict=True)
    )  # items of a list don't name their kind
    lacking = [
        progress({"kind": kinds[kind], **each}) for kind in WORKLOADS for each in found[kind]
    ]
    leaving = [each for each in found["pod"] if "deletionTimestamp" in each["metadata"]]
    return not any(lacking) and not leaving


def _chapter(names: Names, title: str, requests: list[Request]) -> Chapter:
    asked: list[Json] = []
    written: list[Json] = []
    looks: set[str] = set()
    for each in requests:
        line, answer = names.plain(each.line), names.plain(each.answer)
        if written and each.method == "GET":
            looks.add(line)
            continue
        exchange = {"line": line, "sent": names.plain(each.body), "status": each.status}
        exchange["answer"] = without_progress(answer) if written else answer
        (written if written or writes(each) else asked).append(exchange)
    asked.sort(key=lambda each: json.dumps([each["line"], each["sent"]], sort_keys=True))
    return Chapter(title=title, asked=asked, written=written, looks=looks)


def writes(request: Request) -> bool:
    """Say whether a request may have changed something."""
    harmless = "dryRun=" in request.path or "/apis/authorization.k8s.io/" in request.path
    return request.method not in ("GET", "HEAD") and not harmless
