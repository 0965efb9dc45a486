"""Looking at workloads, pods, Jobs and selectors on a real control plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import Holds, NotYet, PermanentError, Refuted, Verdict
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.bench.pods import image_id
from tests.real.kubernetes import faults
from tests.real.kubernetes.colours import KEY, coloured, pointing, until

Json = Any
Make = Callable[..., Use]
SERVICES = ("business", "core")


async def shown(use: Use) -> Json:
    """Return the output of a look that holds."""
    verdict = await use.verify()
    assert isinstance(verdict, Holds), verdict
    return verdict.output


async def seen(use: Use, holds: Callable[[Json], bool]) -> Json:
    """Look until the output is as the test waits for."""
    while not holds(output := await shown(use)):
        pass
    return output


def digest_of(image: str) -> str:
    """Return what the bench's nodes say that they run for an image."""
    return image_id(image).rpartition("@")[2]


async def test_healthy_workloads_of_every_kind(use: Make, cluster: Cluster) -> None:
    """All pods ready: nothing is named, each workload with what it runs."""
    cluster.apply(cluster.deployment("web"), cluster.stateful_set(), cluster.daemon_set())
    await cluster.settled("web", "statefulset/postgres", "daemonset/agent")
    output = await shown(use("kubernetes.list_unready"))
    assert (output["unready"], output["failing"], output["failed_jobs"]) == ([], [], [])
    assert output["ready"] == output["desired"] > 3
    by_name = {each["name"]: each for each in output["workloads"]}
    assert by_name.keys() == {"web", "statefulset/postgres", "daemonset/agent"}
    assert by_name["web"]["images"] == ["shop/checkout:1.0.0"]
    assert by_name["web"]["digests"] == [digest_of("shop/checkout:1.0.0")]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("shop/web:bad", "image can't be pulled (ImagePullBackOff)"),
        ("shop/web:crash", "crashing again and again (CrashLoopBackOff)"),
        ("shop/web:unready", "running but not ready"),
    ],
)
async def test_each_way_to_be_unwell_is_told(
    use: Make, cluster: Cluster, image: str, reason: str
) -> None:
    """Pods that run, and are not ready, are not taken for healthy ones."""
    cluster.apply(cluster.deployment("web", image, replicas=1), cluster.deployment("api"))
    await cluster.settled("api")
    look = use("kubernetes.list_unready")
    output = await seen(look, lambda o: [e["reason"] for e in o["unready"]] == [reason])
    assert output["failing"] == ["web"]
    assert output["workloads"][0]["name"] == "web"
    assert (output["ready"], output["desired"]) == (2, 3)


async def test_pod_that_finds_no_node_is_told(use: Make, cluster: Cluster) -> None:
    """Pending is named with its reason."""
    cluster.apply(cluster.deployment("web", replicas=1))
    template = cluster.get("deployment", "web")["spec"]["template"]
    template["spec"]["nodeSelector"] = {"disk": "none-has-this"}
    cluster.patch("deployment", "web", {"spec": {"template": template}})
    look = use("kubernetes.list_unready")
    await seen(look, lambda o: "no node to run on" in [e["reason"] for e in o["unready"]])


async def test_failed_jobs_are_told_until_the_next_one_ends_well(
    use: Make, cluster: Cluster
) -> None:
    """A Job of people stays told; one of a CronJob until a later one ends well."""
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
    cluster.apply(
        cluster.deployment("web"), cluster.cron_job("mails"), cluster.job("import", exit_code=3)
    )
    owner |= {"name": "mails", "uid": cluster.get("cronjob", "mails")["metadata"]["uid"]}
    first, second = cluster.job("mails-1", exit_code=1), cluster.job("mails-2")
    for each in (first, second):
        each["metadata"]["ownerReferences"] = [owner]
    cluster.apply(first)
    await cluster.settled("web", "job/import", "job/mails-1")
    output = await shown(use("kubernetes.list_unready"))
    assert {(e["job"], e["cronjob"], e["reason"]) for e in output["failed_jobs"]} == {
        ("import", "", "BackoffLimitExceeded"),
        ("mails-1", "mails", "BackoffLimitExceeded"),
    }
    assert output["unready"] == []
    await later_than(cluster, "mails-1")
    cluster.apply(second)
    await cluster.settled("job/mails-2")
    output = await shown(use("kubernetes.list_unready"))
    assert [each["job"] for each in output["failed_jobs"]] == ["import"]


async def later_than(cluster: Cluster, job: str) -> None:
    """Wait until the API server's clock, which counts seconds, is past a Job's creation."""
    born = cluster.get("job", job)["metadata"]["creationTimestamp"]

    def passed() -> bool:
        probe = cluster.config_map("clock")
        cluster.apply(probe)
        now = cluster.get("configmap", "clock")["metadata"]["creationTimestamp"]
        cluster.delete("configmap", "clock")
        return bool(now > born)

    await until(passed)


async def test_other_colour_can_take_traffic_or_not(use: Make, cluster: Cluster) -> None:
    """What is scaled to 0 lacks nothing, and is not enough; nothing at all is not known."""
    cluster.apply(coloured("business", "blue"), coloured("core", "blue", replicas=0))
    await cluster.settled("business-blue", "core-blue")
    inputs = {"selector": f"{KEY}=blue"}
    output = await shown(use("kubernetes.list_unready", **inputs))
    assert [(e["name"], e["ready"], e["desired"]) for e in output["workloads"]] == [
        ("business-blue", 2, 2),
        ("core-blue", 0, 0),
    ]
    assert output["workloads"][0]["digests"] == [digest_of("shop/business:blue")]
    enough = use("kubernetes.list_unready", **inputs, at_least=1)
    refused = await enough.verify()
    assert isinstance(refused, NotYet)
    assert refused.progress.endswith("core-blue has 0 of 0 ready, and each needs 1")
    cluster.patch("deployment", "core-blue", {"spec": {"replicas": 1}})
    assert isinstance(await enough.outcome(), Holds)
    with pytest.raises(PermanentError, match="has no workloads with deployment-color=red"):
        await use("kubernetes.list_unready", selector=f"{KEY}=red", at_least=1).verify()


async def test_empty_namespace_is_not_healthy(use: Make, cluster: Cluster) -> None:
    """Nothing there says nothing."""
    assert cluster.all("pod") == []
    with pytest.raises(PermanentError, match="nothing can be said about their health"):
        await use("kubernetes.list_unready").verify()


@pytest.fixture
async def shop(cluster: Cluster) -> Cluster:
    """Two Services on green with pods of both colours, and one without any colour."""
    cluster.apply(
        *(pointing(name, "green") for name in SERVICES),
        *(coloured(name, "green") for name in SERVICES),
        coloured("business", "blue", replicas=3),
        {
            **cluster.service("gateway"),
            "metadata": {"name": "gateway", "labels": {"part-of": "shop"}},
        },
    )
    await cluster.settled("business-green", "core-green", "business-blue")
    return cluster


def colour(make: Make, **more: Json) -> Use:
    """Return a look at the colour of both Services."""
    inputs = {"services": SERVICES, "key": KEY, "values": ["blue", "green"], **more}
    return make("kubernetes.get_selector", **inputs)


@pytest.mark.usefixtures("shop")
async def test_colour_is_derived_from_every_service(use: Make) -> None:
    """The live one, the other one, and the pods that are ready for each."""
    expected = {
        "values": {"business": "green", "core": "green"},
        "value": "green",
        "other": "blue",
        "unanimous": True,
        "ready": {"green": {"business": 2, "core": 2}, "blue": {"business": 3, "core": 0}},
    }
    assert await shown(colour(use)) == expected
    labelled = await colour(use, services=(), selector="part-of=shop").verify()
    assert isinstance(labelled, Holds)
    assert labelled.output == expected
    assert labelled.summary == (
        "green: business, core; ready: green 4 of 4 pods, blue 3 of 3 pods (none for core); "
        f"gateway without {KEY} left out"
    )
    derived = await shown(colour(use, values=()))
    assert (derived["other"], derived["ready"]) == ("", expected["ready"])


async def test_services_that_disagree_are_named(use: Make, shop: Cluster) -> None:
    """Half a switch is refuted, unless it is asked for; so is a colour that is none."""
    pods = {"app": "core", KEY: "blue"}
    shop.patch("service", "core", {"spec": {"selector": pods}})
    refuted: Verdict = Refuted(
        why=f"the Services don't agree on {KEY}: green: business; blue: core"
    )
    assert await colour(use).verify() == refuted
    apart = await shown(colour(use, unanimous=False))
    assert (apart["value"], apart["other"], apart["unanimous"]) == ("", "", False)
    shop.patch("service", "core", {"spec": {"selector": {**pods, KEY: "red"}}})
    assert await colour(use, unanimous=False).verify() == Refuted(
        why="core has red, not blue or green"
    )


@pytest.mark.usefixtures("shop")
async def test_services_without_a_colour_are_refused(use: Make) -> None:
    """A missing Service and one without the key are named, not skipped."""
    with pytest.raises(PermanentError, match=r"gateway [(]app=gateway[)] does not select pods by"):
        await colour(use, services=["business", "gateway"]).verify()
    with pytest.raises(PermanentError, match="There is no Service api, web in namespace"):
        await colour(use, services=["api", "business", "web"]).verify()
    with pytest.raises(PermanentError, match="has no Service with the labels tier=web"):
        await colour(use, services=(), selector="tier=web").verify()


LOOKS: tuple[tuple[str, Json], ...] = (
    ("kubernetes.list_unready", {"at_least": 1}),
    ("kubernetes.get_selector", {"services": SERVICES, "key": KEY}),
    ("kubernetes.get_selector", {"selector": "part-of=shop", "key": KEY}),
)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_failures_of_a_look(
    use_through: Make, gateway: Gateway, look: tuple[str, Json]
) -> None:
    """A look that fails for the moment says so, and takes nothing for healthy."""
    uses, inputs = look
    await faults.check(use_through(uses, **inputs), gateway)
