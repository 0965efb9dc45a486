"""The weights of an Istio VirtualService, stored and validated by the real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import Holds, PermanentError, Refuted
from tests.adapters.uses import Use
from tests.real.bench import manifests
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults
from tests.real.kubernetes.colours import REAL_PATCH

Json = Any
Uses = Callable[..., Use]
UNSERVED = "404 page not found\n"
STABLE = {"host": "shop", "subset": "stable"}
CANARY = {"host": "shop", "subset": "canary"}
OTHER = {"host": "docs.other.svc.cluster.local"}


def routed(*parts: tuple[Json, Json], **more: Json) -> Json:
    """Return a rule that splits traffic between destinations."""
    weighed = [
        {"destination": to} | ({} if weight is None else {"weight": weight}) for to, weight in parts
    ]
    return {"route": weighed, **more}


API = routed(
    (CANARY, 20),
    (STABLE, 80),
    name="api",
    match=[{"uri": {"prefix": "/api"}}],
    timeout="5s",
    headers={"request": {"set": {"x-token": "hunter2"}}},
)
DOCS = routed((OTHER, None), name="docs", match=[{"uri": {"prefix": "/docs"}}])
REST = routed((STABLE, 90), (CANARY, 10), name="rest")
PINNED = routed((CANARY, None), name="testers", match=[{"headers": {"x-canary": {"exact": "1"}}}])
TCP = routed((STABLE, 70), (CANARY, 30), match=[{"port": 9000}])


def virtual_service(*http: Json, **more: Json) -> Json:
    """Return a VirtualService with these rules."""
    return manifests.virtual_service("shop", http=list(http), **more)


@pytest.fixture
def shop(cluster: Cluster) -> Cluster:
    """Three http rules, one of another host, and a tcp rule."""
    cluster.apply(virtual_service(API, DOCS, REST, tcp=[TCP]))
    return cluster


def to_stable(make: Uses, **more: Json) -> Use:
    """Return the split that gives the canary nothing."""
    weights = {"shop/stable": 100, "shop/canary": 0}
    inputs = {"virtual_service": "shop", "weights": weights, **more}
    return make("istio.set_route_weights", **inputs)


def spec(cluster: Cluster) -> Json:
    """Return what is stored."""
    return cluster.get("virtualservice", "shop")["spec"]


def weights(cluster: Cluster) -> list[list[int | None]]:
    """Return the weights of every rule."""
    found = spec(cluster)
    rules = [*found["http"], *found.get("tcp", ())]
    return [[each.get("weight") for each in rule["route"]] for rule in rules]


BEFORE = [[20, 80], [None], [90, 10], [70, 30]]
AFTER = [[0, 100], [None], [100, 0], [100, 0]]


async def test_weights_change_in_every_rule_and_nothing_else_does(shop: Cluster, use: Uses) -> None:
    """By destination, in whatever order; matches, timeouts and other destinations stay."""
    split = to_stable(use)
    stored = spec(shop)
    preview = await split.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes] == [
        ("http rule 1 “api”", "shop/canary 20, shop/stable 80", "shop/canary 0, shop/stable 100"),
        ("http rule 3 “rest”", "shop/stable 90, shop/canary 10", "shop/stable 100, shop/canary 0"),
        ("tcp rule 1", "shop/stable 70, shop/canary 30", "shop/stable 100, shop/canary 0"),
    ]
    assert preview.warnings == ()
    assert weights(shop) == BEFORE
    await split.apply()
    assert "hunter2" not in str(split.captured)
    assert split.captured["spec"]["http"][0]["route"][0]["weight"] == 20
    done = await split.outcome()
    assert isinstance(done, Holds)
    assert done.output == {
        "weights": {"shop/stable": 100, "shop/canary": 0},
        "rules": 3,
        "kept": [],
    }
    assert weights(shop) == AFTER
    assert (await split.preview()).in_place
    assert "http rule 1 “api” has shop/canary 20, shop/stable 80" in await split.undo()
    assert spec(shop) == stored
    await split.undo()
    assert spec(shop) == stored


@pytest.mark.usefixtures("shop")
async def test_splitting_against_a_failing_api_server(gateway: Gateway, use_through: Uses) -> None:
    """Refusals, missing and lost answers become what they are."""
    await faults.check(to_stable(use_through), gateway)


async def test_a_rule_without_weights_gets_them_and_loses_them_again(
    cluster: Cluster, use: Uses
) -> None:
    """A weight that is not written counts as 0, and is not written after an undo."""
    rule = routed((STABLE, None), (CANARY, 100))
    cluster.apply(virtual_service(rule))
    split = to_stable(use)
    await split.apply()
    assert weights(cluster) == [[100, 0]]
    await split.undo()
    assert spec(cluster)["http"] == [rule]


async def test_names_are_the_same_however_they_are_written(shop: Cluster, use: Uses) -> None:
    """A bare host is a Service of the namespace; a name that is not there is misspelt."""
    whole = f"shop.{shop.namespace}.svc.cluster.local"
    split = to_stable(use, weights={f"{whole}/stable": 100, "shop/canary": 0})
    assert len((await split.preview()).changes) == 3
    twice = to_stable(use, weights={f"{whole}/stable": 50, "shop/stable": 50})
    with pytest.raises(PermanentError, match="are the same destination"):
        await twice.preview()
    with pytest.raises(PermanentError, match=r"No rule routes to shop\..*/canry\. The dest"):
        await to_stable(use, weights={"shop/stable": 100, "shop/canry": 0}).preview()


async def test_a_lone_canary_can_not_be_given_nothing(shop: Cluster, use: Uses) -> None:
    """It would keep all of that rule's traffic: refused, or kept with a warning."""
    shop.apply(virtual_service(PINNED, REST))
    with pytest.raises(PermanentError, match=r"testers” \(header x-canary\) \(to shop/canary\)"):
        await to_stable(use).preview()
    split = to_stable(use, lone="keep")
    (told,) = (await split.preview()).warnings
    assert told.startswith("http rule 1 “testers” (header x-canary) stays as it is")
    await split.apply()
    done = await split.outcome()
    assert isinstance(done, Holds)
    assert done.output["kept"] == ["http rule 1 “testers” (header x-canary)"]
    assert weights(shop) == [[None], [100, 0]]
    assert isinstance(await to_stable(use).verify(), Refuted)


async def test_nobody_loses_traffic_without_being_named(shop: Cluster, use: Uses) -> None:
    """A third destination with a share, and a rule that lacks one of the named."""
    three = routed((STABLE, 60), (CANARY, 30), (OTHER, 10), name="three")
    shop.apply(virtual_service(three))
    with pytest.raises(PermanentError, match=r"110, not 100; it also routes to docs\.\S+ \(10\)"):
        await to_stable(use).preview()
    named = {"shop/stable": 90, "shop/canary": 0, OTHER["host"]: 10}
    assert (await to_stable(use, weights=named).preview()).changes
    shop.apply(virtual_service(three, routed((STABLE, 50), (CANARY, 50), name="two")))
    with pytest.raises(PermanentError, match="“two” would be shop/stable 90, shop/canary 0: 90"):
        await to_stable(use, weights=named).preview()
    twice = routed((STABLE | {"port": {"number": 1}}, 50), (STABLE | {"port": {"number": 2}}, 50))
    shop.apply(virtual_service(twice, REST))
    with pytest.raises(PermanentError, match="http rule 1 names a destination twice"):
        await to_stable(use).preview()


async def test_what_is_drift_and_what_is_not(shop: Cluster, use: Uses) -> None:
    """Another weight, or another rule with the canary, is drift; another host's rule is none."""
    split = to_stable(use)
    before = (await split.preview()).fingerprint
    shop.apply(virtual_service(DOCS, API | {"timeout": "9s"}, REST, tcp=[TCP]))
    assert (await split.preview()).fingerprint == before
    changed = routed((STABLE, 50), (CANARY, 50), name="rest")
    shop.apply(virtual_service(API, DOCS, changed, tcp=[TCP]))
    other = (await split.preview()).fingerprint
    shop.apply(virtual_service(API, DOCS, REST, changed, tcp=[TCP]))
    assert len({before, other, (await split.preview()).fingerprint}) == 3


async def test_a_change_right_before_the_request_is_not_overwritten(
    shop: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """The list of destinations grew: the test in the patch fails, and nothing is changed."""
    grown = routed((STABLE, 80), (CANARY, 10), (OTHER, 10), name="rest")
    gateway.before(
        lambda: shop.apply(virtual_service(API, DOCS, grown, tcp=[TCP])),
        method="PATCH",
        path=REAL_PATCH,
    )
    split = to_stable(use_through)
    with pytest.raises(PermanentError, match="no longer what it was"):
        await split.apply()
    assert weights(shop) == [[20, 80], [None], [80, 10, 10], [70, 30]]
    refuted = await split.verify()
    assert isinstance(refuted, Refuted)
    assert "http rule 1 “api” has shop/canary 20" in refuted.why


async def test_rules_are_found_wherever_they_stand(shop: Cluster, use: Uses) -> None:
    """A rule came first after the capture: the right ones are changed, and put back."""
    split = to_stable(use)
    split.captured = await split.action.capture(split.inputs, split.context)
    shop.apply(virtual_service(DOCS, REST, API, tcp=[TCP]))
    await split.action.apply(split.inputs, split.captured, split.context)
    assert weights(shop) == [[None], [100, 0], [0, 100], [100, 0]]
    await split.undo()
    assert weights(shop) == [[None], [90, 10], [20, 80], [70, 30]]


async def test_undo_keeps_what_somebody_did_since(shop: Cluster, use: Uses) -> None:
    """Other parts of a rule stay as they are; other weights are not overwritten."""
    split = to_stable(use)
    await split.apply()
    now = spec(shop)["http"]
    now[0]["timeout"] = "1s"
    shop.apply(virtual_service(*now, tcp=spec(shop)["tcp"]))
    await split.undo()
    assert spec(shop)["http"][0]["timeout"] == "1s"
    assert weights(shop) == BEFORE
    await split.apply()
    now[2]["route"][0]["weight"], now[2]["route"][1]["weight"] = 60, 40
    shop.apply(virtual_service(*now, tcp=spec(shop)["tcp"]))
    with pytest.raises(PermanentError, match=r"http rule 3 .*is shop/stable 60, shop/canary 40"):
        await split.undo()
    assert weights(shop) == [[0, 100], [None], [60, 40], [100, 0]]
    shop.apply(virtual_service(DOCS))
    with pytest.raises(PermanentError, match="it is gone"):
        await split.undo()


async def test_who_else_sets_weights_is_told(shop: Cluster, use: Uses) -> None:
    """A mirror to the canary, Flagger, and Argo Rollouts."""
    mirrored = REST | {"mirror": CANARY}
    shop.apply(virtual_service(mirrored))
    steered = {"metadata": {"ownerReferences": [owner(shop)]}}
    path = shop.api.path(shop.namespace, "virtualservice", "shop")
    shop.api.call(
        "PATCH",
        f"{path}?fieldManager=rollouts-controller",
        steered,
        content_type="application/merge-patch+json",
    )
    told = (await to_stable(use).preview()).warnings
    assert (
        told[0] == "http rule 1 “rest” still sends copies of its traffic to shop/canary (mirror)."
    )
    assert told[1] == "Argo Rollouts sets these weights itself: pause or abort it first."
    assert told[2].startswith("Canary shop manages shop and would put it back")


def owner(cluster: Cluster) -> Json:
    """Return a reference to a controller of another kind."""
    uid = cluster.get("virtualservice", "shop")["metadata"]["uid"]
    reference = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "shop"}
    return {**reference, "uid": uid, "controller": True}


@pytest.mark.usefixtures("shop")
async def test_the_version_that_the_cluster_serves_is_spoken(
    gateway: Gateway, use_through: Uses
) -> None:
    """An older Istio has v1beta1 only; a cluster without Istio is told."""
    api = r"^/apis/networking\.istio\.io"
    gateway.answer(404, path=rf"{api}/v1(/|$|\?)", times=faults.EVERY, body=UNSERVED)
    split = to_stable(use_through)
    await split.preview()
    await split.apply()
    assert isinstance(await split.outcome(), Holds)
    await split.undo()
    assert {each.path.split("/")[3] for each in gateway.writes()} == {"v1beta1"}
    gateway.answer(404, path=api, times=faults.EVERY, body=UNSERVED)
    with pytest.raises(PermanentError, match=r"serves no VirtualServices .* is Istio there"):
        await split.preview()


async def test_a_virtual_service_that_is_gone_is_told(shop: Cluster, use: Uses) -> None:
    """Misspelt before, or deleted after."""
    with pytest.raises(PermanentError, match=r"virtualservices\.networking.istio.io missing"):
        await to_stable(use, virtual_service="missing").preview()
    shop.delete("virtualservice", "shop")
    assert await to_stable(use).verify() == Refuted(why="there is no VirtualService shop any more")
