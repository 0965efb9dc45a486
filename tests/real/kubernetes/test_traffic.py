"""Services' selectors move from colour to colour on the real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import (
    Holds,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.uses import Use
from tests.real.bench import manifests
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.bench.pods import image_id
from tests.real.kubernetes import faults
from tests.real.kubernetes.colours import (
    KEY,
    REAL_PATCH,
    coloured,
    pods_ready,
    pointing,
    serving,
    until,
)

Json = Any
Uses = Callable[..., Use]
SERVICES = ("business", "core")


@pytest.fixture
async def shop(cluster: Cluster) -> Cluster:
    """Two services whose traffic goes to green, with blue beside it."""
    for name in SERVICES:
        cluster.apply(
            pointing(name, "green"), coloured(name, "green"), coloured(name, "blue", replicas=3)
        )
    await cluster.settled(*(f"{name}-{c}" for name in SERVICES for c in ("green", "blue")))
    await until(lambda: [serving(cluster, name) for name in SERVICES] == [2, 2])
    return cluster


def colours(cluster: Cluster) -> list[str]:
    """Return the colours that the services select."""
    return [cluster.get("service", name)["spec"]["selector"].get(KEY) for name in SERVICES]


def behind(cluster: Cluster, service: str) -> set[str]:
    """Return the colours of the pods that a Service's traffic reaches."""
    labels = {p["metadata"]["name"]: p["metadata"]["labels"] for p in cluster.all("pod")}
    slices = cluster.all("endpointslice", labels=f"kubernetes.io/service-name={service}")
    return {
        labels[endpoint["targetRef"]["name"]][KEY]
        for part in slices
        for endpoint in part.get("endpoints") or ()
    }


def to_blue(make: Uses, **more: Json) -> Use:
    """Return the switch of both services to blue."""
    inputs = {"services": SERVICES, "key": KEY, "value": "blue", **more}
    return make("kubernetes.switch_selector", **inputs)


async def test_all_services_are_switched_and_switched_back(shop: Cluster, use: Uses) -> None:
    """Traffic reaches blue pods and no others, then, after an undo, green ones as before."""
    switch = to_blue(use)
    preview = await switch.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes] == [
        (
            f"service/{name}",
            f"green, 2 of 2 endpoints ready (shop/{name}:green)",
            f"blue, 3 of 3 pods ready (shop/{name}:blue)",
        )
        for name in SERVICES
    ]
    assert (preview.touches, preview.in_place, preview.warnings) == (2, False, ())
    assert colours(shop) == ["green", "green"]
    await switch.apply()
    done = await switch.outcome()
    assert isinstance(done, Holds)
    assert done.output == {
        "values": {"business": "blue", "core": "blue"},
        "ready": {"business": 3, "core": 3},
    }
    assert behind(shop, "business") == behind(shop, "core") == {"blue"}
    assert (await switch.preview()).in_place
    assert "2 of 2 Services had to be switched back" in await switch.undo()
    assert colours(shop) == ["green", "green"]
    assert "0 of 2 Services" in await switch.undo()


async def test_services_are_found_by_their_labels(shop: Cluster, use: Uses) -> None:
    """Those without the key stay as they are, and people are told."""
    other = manifests.service("postgres")
    other["metadata"]["labels"] = {"part-of": "shop"}
    shop.apply(other)
    switch = to_blue(use, services=(), selector="part-of=shop")
    preview = await switch.preview()
    assert preview.warnings == (f"postgres does not select pods by {KEY} and stays as it is.",)
    await switch.apply()
    assert isinstance(await switch.outcome(), Holds)
    assert colours(shop) == ["blue", "blue"]
    again = to_blue(use, services=(), selector="part-of=shop")
    assert (await again.preview()).in_place
    assert isinstance(await again.verify(), Holds)  # as the engine looks where nothing is to do


@pytest.mark.usefixtures("shop")
async def test_switching_against_a_failing_api_server(gateway: Gateway, use_through: Uses) -> None:
    """Refusals, missing and lost answers of either Service leave no half switch unnoticed."""
    await faults.check(to_blue(use_through), gateway)


async def test_services_that_disagree_are_not_switched(shop: Cluster, use: Uses) -> None:
    """What is live is not clear then; `mixed: true` says that it does not matter."""
    shop.patch("service", "core", {"spec": {"selector": {KEY: "blue"}}})
    with pytest.raises(PermanentError, match=r"\(green: business; blue: core\).*mixed: true"):
        await to_blue(use).preview()
    mixed = to_blue(use, mixed=True)
    await mixed.preview()
    await mixed.apply()
    assert isinstance(await mixed.outcome(), Holds)
    assert "1 of 2 Services" in await mixed.undo()
    assert colours(shop) == ["green", "blue"]


@pytest.mark.parametrize("image", ["shop/core:unready", "shop/core:blue"])
async def test_too_few_ready_pods_are_refused(shop: Cluster, use: Uses, image: str) -> None:
    """Pods that are not ready, or not there, take no traffic over."""
    shop.delete("deployment", "core-blue")
    replicas = 3 if "unready" in image else 1
    shop.apply(coloured("core", "blue", image=image, replicas=replicas))
    ready = 0 if "unready" in image else 1
    await until(lambda: pods_ready(shop, "core", "blue") == (replicas, ready))
    with pytest.raises(
        PermanentError, match=rf"core has {ready} of {replicas} pods ready.*needs 2"
    ):
        await to_blue(use).preview()
    if ready:
        preview = await to_blue(use, at_least=1).preview()
        assert preview.warnings == (
            "core: its traffic goes from 2 pods to 1, which may be too few.",
        )


async def test_another_image_than_expected_is_refused(shop: Cluster, use: Uses) -> None:
    """The colour may have been overwritten by a newer build: its digest says so."""
    good = image_id("shop/core:blue")
    await to_blue(use, images={"core": good}).preview()
    await to_blue(use, images={"core": good.partition("@")[2]}).preview()
    with pytest.raises(PermanentError, match="core would get sha256:"):
        await to_blue(use, images={"core": image_id("shop/core:other")}).preview()
    with pytest.raises(PermanentError, match="images names website"):
        await to_blue(use, images={"website": good}).preview()


async def test_what_is_drift_and_what_is_not(shop: Cluster, use: Uses) -> None:
    """A selector or an image that changed is drift; more pods, or other labels, are none."""
    switch = to_blue(use)
    before = (await switch.preview()).fingerprint
    shop.patch("deployment", "core-blue", {"spec": {"replicas": 4}})
    shop.patch("service", "core", {"metadata": {"labels": {"team": "core"}}})
    await shop.settled("core-blue")
    assert (await switch.preview()).fingerprint == before
    shop.apply(coloured("core", "blue", image="shop/core:blue-2", replicas=3))
    await shop.settled("core-blue")
    await until(lambda: pods_ready(shop, "core", "blue") == (3, 3))
    other_image = (await switch.preview()).fingerprint
    assert other_image != before
    shop.patch("service", "core", {"spec": {"selector": {"tier": None, "app": "core"}}})
    for name in SERVICES:
        shop.patch("service", name, {"spec": {"selector": {KEY: "red"}}})
    assert (await switch.preview()).fingerprint not in (before, other_image)


async def test_a_change_right_before_the_request_is_not_overwritten(
    shop: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """The test in the patch fails: nothing is changed, and the first Service goes back."""
    gateway.before(
        lambda: shop.patch("service", "core", {"spec": {"selector": {"tier": "new"}}}),
        method="PATCH",
        path=rf"{REAL_PATCH}.*/services/core",
    )
    switch = to_blue(use_through)
    await switch.preview()
    with pytest.raises(PermanentError, match=r"so these went back: business.*no longer what"):
        await switch.apply()
    assert colours(shop) == ["green", "green"]
    assert shop.get("service", "core")["spec"]["selector"]["tier"] == "new"
    refuted = await switch.verify()
    assert isinstance(refuted, Refuted)
    assert "business on green, core on green" in refuted.why


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, PermanentError), (429, TransientError), (500, UnknownOutcomeError)],
)
async def test_what_was_switched_goes_back_where_the_next_one_fails(
    shop: Cluster, gateway: Gateway, use_through: Uses, status: int, kind: type[Exception]
) -> None:
    """No mixed colours: the first Service is on green again, and the error says so."""
    gateway.answer(status, method="PATCH", path=rf"{REAL_PATCH}.*/services/core")
    switch = to_blue(use_through)
    with pytest.raises(kind, match="so these went back: business"):
        await faults.attempt(switch)
    assert colours(shop) == ["green", "green"]
    assert [each.path.partition("?")[0].rpartition("/")[2] for each in gateway.writes()] == [
        "business",
        "core",
        "business",
    ]


@pytest.mark.parametrize(("status", "kind"), [(403, PermanentError), (500, UnknownOutcomeError)])
async def test_the_error_says_where_each_service_is_where_going_back_fails_too(
    shop: Cluster, gateway: Gateway, use_through: Uses, status: int, kind: type[Exception]
) -> None:
    """Mixed colours are told service by service; a retry then finishes the switch."""
    gateway.answer(403, method="PATCH", path=rf"{REAL_PATCH}.*/services/core")
    switch = to_blue(use_through)
    gateway.before(
        lambda: gateway.answer(status, method="PATCH", path=r"/services/business"),
        method="PATCH",
        path=rf"{REAL_PATCH}.*/services/business",
    )
    with pytest.raises(kind, match=r"are apart: business on blue, core on green"):
        await faults.attempt(switch)
    assert colours(shop) == ["blue", "green"]
    gateway.mend()
    assert not (await switch.preview()).in_place  # what it switched itself is no disagreement
    await switch.action.apply(switch.inputs, switch.captured, switch.context)
    assert isinstance(await switch.outcome(), Holds)
    await switch.undo()
    assert colours(shop) == ["green", "green"]


async def test_undo_does_not_overwrite_what_somebody_chose_since(shop: Cluster, use: Uses) -> None:
    """A third colour stays, and neither Service is touched."""
    switch = to_blue(use)
    await switch.apply()
    shop.patch("service", "business", {"spec": {"selector": {KEY: "red"}}})
    with pytest.raises(PermanentError, match=f"business has {KEY}=red now, neither blue"):
        await switch.undo()
    assert colours(shop) == ["red", "blue"]


async def test_undo_waits_until_the_old_pods_can_take_the_traffic(shop: Cluster, use: Uses) -> None:
    """Green was scaled to 0 meanwhile: traffic stays on blue until green is ready again."""
    switch = to_blue(use)
    await switch.apply()
    assert isinstance(await switch.outcome(), Holds)
    shop.patch("deployment", "core-green", {"spec": {"replicas": 0}})
    await until(lambda: pods_ready(shop, "core", "green") == (0, 0))
    with pytest.raises(TransientError, match=f"of core \\({KEY}=green\\)"):
        await switch.action.undo(switch.inputs, switch.captured, switch.context)
    assert colours(shop) == ["blue", "blue"]
    shop.patch("deployment", "core-green", {"spec": {"replicas": 1}})
    await shop.settled("core-green")
    await switch.undo()
    assert colours(shop) == ["green", "green"]


async def test_it_holds_only_once_enough_blue_pods_are_ready(shop: Cluster, use: Uses) -> None:
    """A pod that fails right after the switch is waited for."""
    switch = to_blue(use)
    await switch.apply()
    assert isinstance(await switch.outcome(), Holds)
    shop.patch("deployment", "core-blue", {"spec": {"replicas": 1}})
    await until(lambda: pods_ready(shop, "core", "blue") == (1, 1))
    while isinstance(verdict := await switch.verify(), Holds):
        await asyncio.sleep(0.05)
    assert isinstance(verdict, NotYet)
    assert verdict.progress == "core: ready 1/2"


async def test_services_that_can_not_be_switched_are_named(shop: Cluster, use: Uses) -> None:
    """A misspelt name, and a Service that does not select by the key."""
    with pytest.raises(PermanentError, match="no Service bussiness in namespace"):
        await to_blue(use, services=["bussiness", "core"]).preview()
    shop.apply(manifests.service("postgres"))
    with pytest.raises(PermanentError, match=r"postgres \(app=postgres\) does not select"):
        await to_blue(use, services=["core", "postgres"]).preview()
    with pytest.raises(PermanentError, match="no Service with the labels part-of=nothing"):
        await to_blue(use, services=(), selector="part-of=nothing").preview()
