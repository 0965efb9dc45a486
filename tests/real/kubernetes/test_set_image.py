"""`kubernetes.set_image` on the real API server, with its real controllers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import Holds, JsonObject, PermanentError, Refuted, TransientError
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults, stuck

Uses = Callable[..., Use]
SET = "kubernetes.set_image"
BAD, TAGGED = "shop/checkout:2.0.0", "shop/checkout:1.0.0"
DIGEST = "sha256:" + "0123456789abcdef" * 4
GOOD = f"shop/checkout@{DIGEST}"
ON_REQUEST = r"/deployments/checkout\?fieldManager"


async def running(cluster: Cluster, image: str = BAD, **spec: Any) -> None:
    """Run a Deployment with a sidecar before, and one init container."""
    template = {
        "metadata": {"labels": {"app": "checkout"}},
        "spec": {
            "initContainers": [{"name": "migrate", "image": "shop/migrate:2.0.0"}],
            "containers": [
                {"name": "proxy", "image": "mesh/proxy:1", "args": ["--quiet"]},
                {"name": "checkout", "image": image, "env": [{"name": "MODE", "value": "fast"}]},
            ],
            "terminationGracePeriodSeconds": 1,
        },
    }
    cluster.apply(cluster.deployment(template=template, **spec))
    await cluster.settled("checkout")


def template_of(cluster: Cluster, kind: str = "deployment", name: str = "checkout") -> Any:
    """Return the pod template's spec."""
    return cluster.get(kind, name)["spec"]["template"]["spec"]


def image_of(cluster: Cluster, container: str = "checkout") -> str:
    """Return the image of a container of the Deployment."""
    spec = template_of(cluster)
    every = {each["name"]: each["image"] for each in spec["containers"] + spec["initContainers"]}
    return str(every[container])


def deploy(cluster: Cluster, image: str) -> None:
    """Set the image as somebody else would."""
    cluster.kubectl("set", "image", "deployment/checkout", f"checkout={image}")


async def test_image_changes_alone_and_back(cluster: Cluster, use: Uses) -> None:
    """What stands beside the image survives: sidecar, environment, order, number of pods."""
    await running(cluster, replicas=3)
    before = template_of(cluster)
    made = use(SET, name="checkout", container="checkout", image=GOOD)
    seen = await made.preview()
    assert (seen.in_place, seen.touches, seen.warnings) == (False, 1, ())
    assert [(c.before, c.after) for c in seen.changes] == [(BAD, f"shop/checkout@{DIGEST[:19]}")]
    assert template_of(cluster) == before, "a preview changes nothing"
    await made.apply()
    done = await made.outcome()
    assert isinstance(done, Holds)
    assert done.output["digests"] == [DIGEST]
    assert (done.output["ready"], done.output["desired"]) == (3, 3)
    after = template_of(cluster)
    assert after["containers"][1].pop("image") == GOOD
    assert before["containers"][1].pop("image") == BAD
    assert after == before
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 3
    assert (await made.preview()).in_place
    assert (await made.undo()).startswith(f"the container checkout of checkout has {BAD} again")
    assert await made.undo()
    assert image_of(cluster) == BAD


async def test_tag_is_taken_with_a_warning(cluster: Cluster, use: Uses) -> None:
    """A tag may be moved: people are warned, and told the digest that came of it."""
    await running(cluster)
    made = use(SET, name="checkout", container="checkout", image=TAGGED)
    assert any("is a tag" in each for each in (await made.preview()).warnings)
    await made.apply()
    done = await made.outcome()
    assert isinstance(done, Holds)
    assert [each[:7] for each in done.output["digests"]] == ["sha256:"]


@pytest.mark.parametrize(
    "image", ["shop/checkout", "shop/checkout:latest", "no image", "x@sha256:1"]
)
def test_image_must_say_which_one(use: Uses, image: str) -> None:
    """What may be another image tomorrow, or is none, is no input."""
    with pytest.raises(ValueError, match=r"may be any image tomorrow|is no image"):
        use(SET, name="checkout", container="checkout", image=image)


async def test_init_container_is_found_by_its_name(cluster: Cluster, use: Uses) -> None:
    """An init container gets its image in its own list."""
    await running(cluster)
    image = f"shop/migrate@{DIGEST}"
    made = use(SET, name="checkout", container="migrate", image=image)
    await made.apply()
    done = await made.outcome()
    assert isinstance(done, Holds)
    assert done.output["digests"] == [DIGEST]
    assert image_of(cluster, "migrate") == image
    assert len(template_of(cluster)["containers"]) == 2
    await made.undo()
    assert image_of(cluster, "migrate") == "shop/migrate:2.0.0"


@pytest.mark.parametrize("kind", ["statefulset", "daemonset"])
async def test_other_kinds(cluster: Cluster, use: Uses, kind: str) -> None:
    """StatefulSets and DaemonSets are judged by their own revisions."""
    make = {"statefulset": cluster.stateful_set, "daemonset": cluster.daemon_set}[kind]
    cluster.apply(make("agent", "shop/agent:2.0.0"))
    await cluster.settled(f"{kind}/agent")
    image = f"shop/agent@{DIGEST}"
    made = use(SET, name=f"{kind}/agent", container="agent", image=image)
    await made.preview()
    await made.apply()
    done = await made.outcome()
    assert isinstance(done, Holds)
    assert done.output["digests"] == [DIGEST]
    await made.undo()
    assert template_of(cluster, kind, "agent")["containers"][0]["image"] == "shop/agent:2.0.0"


async def test_image_that_never_comes_is_refuted(cluster: Cluster, use: Uses) -> None:
    """Old pods that serve on prove nothing: the new template's deadline decides."""
    await running(cluster)
    made = use(SET, name="checkout", container="checkout", image="shop/checkout:bad")
    await made.apply()
    await stuck.given_up(cluster, "checkout", because="ImagePullBackOff")
    refuted = await made.outcome()
    assert isinstance(refuted, Refuted)
    assert "exceeded its progress deadline" in refuted.why
    assert "image can't be pulled" in refuted.why
    await made.undo()
    await cluster.settled("checkout")
    assert image_of(cluster) == BAD


async def test_somebody_elses_image_is_neither_overwritten_nor_undone(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """A change since the look is drift, one during the request is refused, one after it stays."""
    await running(cluster)
    made = use_through(SET, name="checkout", container="checkout", image=GOOD)
    planned = (await made.preview()).fingerprint
    cluster.patch("deployment", "checkout", {"spec": {"replicas": 1}})
    cluster.kubectl("set", "env", "deployment/checkout", "--containers=checkout", "MODE=slow")
    await cluster.settled("checkout")
    assert (await made.preview()).fingerprint == planned
    deploy(cluster, "shop/checkout:3.0.0")
    await cluster.settled("checkout")
    assert (await made.preview()).fingerprint != planned
    gateway.before(lambda: deploy(cluster, "shop/checkout:4.0.0"), method="PATCH", path=ON_REQUEST)
    with pytest.raises(TransientError, match="was changed by someone else just now"):
        await faults.attempt(made)
    assert image_of(cluster) == "shop/checkout:4.0.0"
    with pytest.raises(PermanentError, match="somebody changed it"):
        await made.action.apply(made.inputs, made.captured, made.context)
    await cluster.settled("checkout")
    await made.apply()
    assert image_of(cluster) == GOOD
    deploy(cluster, "shop/checkout:5.0.0")
    with pytest.raises(PermanentError, match="which is neither"):
        await made.undo()
    assert image_of(cluster) == "shop/checkout:5.0.0"


async def test_write_of_something_else_meanwhile_is_only_a_retry(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """Somebody scales at the same moment: the version does not fit, the next attempt does."""
    await running(cluster)
    made = use_through(SET, name="checkout", container="checkout", image=GOOD)
    scale = {"spec": {"replicas": 1}}
    gateway.before(
        lambda: cluster.patch("deployment", "checkout", scale), method="PATCH", path=ON_REQUEST
    )
    await made.apply()
    assert isinstance(await made.outcome(), Holds)
    assert image_of(cluster) == GOOD
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("inputs", "spec", "said"),
    [
        ({}, {"paused": True}, "is paused"),
        ({"container": "web"}, {}, "has no container web. It has: proxy, checkout, migrate"),
        ({"name": "gone"}, {}, "There is no workload gone"),
    ],
)
async def test_refusals(
    cluster: Cluster, use: Uses, inputs: JsonObject, spec: JsonObject, said: str
) -> None:
    """What can't be done is refused in the preview."""
    await running(cluster)
    if spec:
        cluster.patch("deployment", "checkout", {"spec": spec})
    given = {"name": "checkout", "container": "checkout", "image": GOOD} | dict(inputs)
    with pytest.raises(PermanentError, match=said):
        await use(SET, **given).preview()


async def test_stuck_ordered_pods_are_named(cluster: Cluster, use: Uses) -> None:
    """A StatefulSet that starts in order waits for a broken pod for ever: which one is told."""
    given = cluster.stateful_set("db", "shop/db:1", replicas=2)
    given["spec"]["podManagementPolicy"] = "OrderedReady"
    cluster.apply(given)
    await cluster.settled("statefulset/db")
    broken = use(SET, "break", name="statefulset/db", container="db", image="shop/db:bad")
    await broken.apply()
    await stuck.broken(cluster, "db", because="ImagePullBackOff")
    mend = use(SET, name="statefulset/db", container="db", image="shop/db:2")
    assert any("delete db-1 by hand" in each for each in (await mend.preview()).warnings)


async def test_failing_server(cluster: Cluster, gateway: Gateway, use_through: Uses) -> None:
    """Every refusal, lost and missing answer is told apart, and nothing is sent twice."""
    await running(cluster)
    made = use_through(SET, name="checkout", container="checkout", image=GOOD)
    await faults.check(made, gateway)
