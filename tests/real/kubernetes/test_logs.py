"""`kubernetes.collect_logs` on a real control plane, whose kubelets are the bench's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kubernetes import clocks
from adapters.kubernetes.collect_logs import CollectLogs
from flows.actions import Holds, NotYet, PermanentError, Refuted, TransientError
from tests.adapters.fakes import Forgetful
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
Make = Callable[..., Use]
COLLECT = "kubernetes.collect_logs"


def speaking(cluster: Cluster, name: str, *lines: str, **rest: Json) -> Json:
    """Return a Deployment whose containers log these lines."""
    return cluster.deployment(name, annotations={"bench/logs": "\n".join(lines)}, **rest)


async def read(use: Use, name: str) -> bytes:
    """Return a piece of evidence."""
    return await use.context.surroundings.evidence.read(name)


async def manifest_of(use: Use, done: Holds) -> Json:
    """Return the manifest."""
    return json.loads(await read(use, done.output["manifest"]))


async def restarted(cluster: Cluster, app: str) -> None:
    """Wait until a pod of the app was restarted."""
    for _ in range(200):
        for pod in cluster.all("pod", labels=f"app={app}"):
            if any(each["lastState"] for each in pod["status"].get("containerStatuses") or ()):
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{app} was not restarted")


async def test_every_log_is_kept_with_hashes(use: Make, cluster: Cluster) -> None:
    """Each container's, and that of before a restart; what it says is in the evidence alone."""
    cluster.apply(
        speaking(cluster, "web", "started", "password=hunter2"),
        cluster.deployment("worker", image="shop/crash-worker:1", replicas=1),
        cluster.deployment("broken", image="shop/bad:1", replicas=1),
    )
    await cluster.settled("web")
    await restarted(cluster, "worker")
    step = use(COLLECT, "logs")
    assert "5 logs, at most 50 MiB" in (await step.preview()).summary
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert "1 not kept: broken-" in done.summary
    kept = await manifest_of(step, done)
    assert [each["previous"] for each in kept["logs"] if "worker" in each["pod"]] == [True, False]
    assert "not found" in kept["unread"][0]["why"] or "waiting" in kept["unread"][0]["why"]
    web = next(each for each in kept["logs"] if each["pod"].startswith("web-"))
    text = await read(step, web["name"])
    assert text.endswith(b" password=hunter2\n")
    datetime.fromisoformat(text.split(b" ")[0].decode())
    assert web["size"] == len(text)
    assert web["image"].startswith("shop/checkout@sha256:")
    assert "hunter2" not in repr(done)


async def test_what_is_kept_stays_and_another_attempt_collects_anew(
    use: Make, cluster: Cluster, tmp_path: Path
) -> None:
    """The same attempt finds its manifest though the pods are gone; a changed log is noticed."""
    cluster.apply(speaking(cluster, "web", "started", replicas=1))
    await cluster.settled("web")
    step = use(COLLECT, "logs")
    first = await step.outcome()
    assert isinstance(first, Holds)
    cluster.apply(speaking(cluster, "web", "started anew", replicas=1))
    await cluster.settled("web")
    assert await step.outcome() == first
    step.context.key = "INC-7/logs/2"
    second = await step.action.verify(step.inputs, {}, step.context)
    assert isinstance(second, Holds)
    assert second.output["manifest"] != first.output["manifest"]
    (log,) = (await manifest_of(step, first))["logs"]
    file = tmp_path / "evidence" / log["name"]
    file.chmod(0o600)
    file.write_bytes(b"another")
    with pytest.raises(PermanentError, match="somebody changed it in the store"):
        await step.verify()


async def test_only_what_is_meant(use: Make, cluster: Cluster) -> None:
    """By workload, container, selector and age."""
    both = cluster.deployment("web", replicas=1)
    both["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "shop/p:1"})
    cluster.apply(both, cluster.stateful_set("db"))
    await cluster.settled("web", "statefulset/db")

    async def logs(step_id: str, **inputs: Json) -> set[tuple[str, str]]:
        step = use(COLLECT, step_id, **inputs)
        done = await step.outcome()
        assert isinstance(done, Holds), done
        kept = (await manifest_of(step, done))["logs"]
        return {(each["pod"].partition("-")[0], each["container"]) for each in kept}

    assert await logs("a", names="web") == {("web", "web"), ("web", "proxy")}
    assert await logs("b", names=["statefulset/db", "web"], containers="proxy") == {
        ("web", "proxy")
    }
    assert await logs("c", selector="app=db", since="1h") == {("db", "db")}
    for inputs in ({"selector": "app=nothing"}, {"containers": ["nothing"]}):
        with pytest.raises(PermanentError, match="has no container that is meant here"):
            await use(COLLECT, "none", **inputs).verify()
    with pytest.raises(PermanentError, match="no workload wep"):
        await use(COLLECT, "none", names="wep").preview()
    with pytest.raises(ValidationError, match="not both"):
        CollectLogs.Inputs.model_validate({"names": ["web"], "selector": "app=db"})


async def test_newest_part_of_a_long_log_is_kept(use: Make, cluster: Cluster) -> None:
    """By lines, by bytes of a log and by bytes of all; what is left out is told."""
    lines = [f"line {number:04}" for number in range(1000)]
    cluster.apply(speaking(cluster, "web", *lines, replicas=2))
    await cluster.settled("web")
    short = use(COLLECT, "short", lines=10)
    done = await short.outcome()
    assert isinstance(done, Holds)
    assert (done.output["logs"], done.output["shortened"]) == (2, 2)
    kept = await manifest_of(short, done)
    assert (await read(short, kept["logs"][0]["name"])).endswith(b"line 0999\n")
    small = use(COLLECT, "small", container_bytes=4096)
    done = await small.outcome()
    assert isinstance(done, Holds)
    kept = await manifest_of(small, done)
    text = await read(small, kept["logs"][0]["name"])
    assert 2048 < len(text) <= 4096
    assert text.endswith(b"line 0999\n")
    assert "without their older lines" in done.summary
    total = use(COLLECT, "total", total_bytes=3000, lines=1000)
    done = await total.outcome()
    assert isinstance(done, Holds)
    assert done.output["bytes"] <= 3000


async def test_look_that_was_cut_off_goes_on(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """What was kept is not read again, and a pod that is gone meanwhile is told, not forgotten."""
    cluster.apply(speaking(cluster, "web", "started", replicas=2))
    await cluster.settled("web")
    first, second = sorted(pod["metadata"]["name"] for pod in cluster.all("pod"))
    step = use_through(COLLECT, "logs")
    gateway.answer(500, path=f"/{second}/log", times=100)
    with pytest.raises(TransientError):
        await step.verify()
    gateway.mend()
    gateway.requests.clear()
    cluster.apply(cluster.deployment("web", replicas=0))
    while cluster.all("pod"):
        await asyncio.sleep(0.05)
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert [each["pod"] for each in (await manifest_of(step, done))["logs"]] == [first]
    assert done.output["unread"][0].startswith(f"{second}/web: There is no pods/log {second}")
    assert [each.path for each in gateway.asked("GET", f"/{first}/log")] == []


async def test_node_that_does_not_answer_is_given_up_in_the_end(
    use_through: Make, cluster: Cluster, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a while it is tried again; then the others are what there is, and it is told."""
    cluster.apply(speaking(cluster, "web", "started", replicas=2))
    await cluster.settled("web")
    dead = sorted(pod["metadata"]["name"] for pod in cluster.all("pod"))[0]
    step = use_through(COLLECT, "logs")
    gateway.answer(500, path=f"/{dead}/log", times=100)
    with pytest.raises(TransientError):
        await step.verify()
    later = clocks.now() + timedelta(minutes=2)
    monkeypatch.setattr(clocks, "now", lambda: later)
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["unread"][0].startswith(f"{dead}/web: The cluster answered 500")
    gateway.mend()
    assert await step.outcome() == done


async def test_many_logs_take_several_looks(
    use: Make, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look ends in time, says how far it is, and the next one goes on."""
    monkeypatch.setattr("adapters.kubernetes.log_collections.A_LOOK", 0.0)
    cluster.apply(speaking(cluster, "web", "started", replicas=6))
    await cluster.settled("web")
    step = use(COLLECT, "logs")
    waiting = await step.verify()
    assert isinstance(waiting, NotYet)
    assert waiting.progress == "4 of 6 logs are through"
    monkeypatch.undo()
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["logs"] == 6


async def test_no_log_at_all_is_a_failure(use: Make, cluster: Cluster) -> None:
    """Nothing was kept: that is refuted, with the reason."""
    cluster.apply(cluster.deployment("broken", image="shop/bad:1", replicas=1))
    while not [p for p in cluster.all("pod") if p["status"].get("containerStatuses")]:
        await asyncio.sleep(0.05)
    refuted = await use(COLLECT, "logs").outcome()
    assert isinstance(refuted, Refuted)
    assert "no log could be kept: broken-" in refuted.why


async def test_failing_api_server(use_through: Make, cluster: Cluster, gateway: Gateway) -> None:
    """What can't be read for the moment ends the look for the moment."""
    cluster.apply(cluster.deployment("web", replicas=1))
    await cluster.settled("web")
    step = use_through(COLLECT, "logs", names="web")
    step.context.surroundings = replace(step.context.surroundings, evidence=Forgetful())
    await faults.check(step, gateway)
