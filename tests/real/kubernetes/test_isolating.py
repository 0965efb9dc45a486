"""Isolating and lifting it on a real control plane; nothing here enforces a policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kubernetes.isolate_network import IsolateNetwork
from flows.actions import Holds, NotYet, PermanentError, Refuted, TransientError
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
Make = Callable[..., Use]
ISOLATE = "kubernetes.isolate_network"
LIFT = "kubernetes.lift_isolation"
PROBE = {"pods": "app=shop", "command": ["nc", "-zw2", "checkout", "80"]}
POLICIES = r"/networkpolicies(?!.*dryRun)"
THROUGH, REFUSED = [0, "open\n", ""], [1, "", "nc: timed out\n"]


async def shop(cluster: Cluster, **answers: Json) -> None:
    """Run checkout, and a shop from whose pods one can try to reach it."""
    script = json.dumps({"nc -zw2 checkout 80": THROUGH} | answers)
    cluster.apply(
        cluster.deployment(),
        cluster.deployment("shop", replicas=1, annotations={"bench/exec": script}),
    )
    await cluster.settled("checkout", "shop")


def answer_now(cluster: Cluster, answer: Json) -> None:
    """Have the command in the shop's pod answer otherwise, as a network that enforces would.

    Until the stand-in has seen it, the old answer comes.
    """
    script = json.dumps({"nc -zw2 checkout 80": answer})
    for pod in cluster.all("pod", labels="app=shop"):
        body = {"metadata": {"annotations": {"bench/exec": script}}}
        cluster.patch("pod", pod["metadata"]["name"], body)


def policy(cluster: Cluster) -> Json:
    """Return the one policy of the namespace."""
    (found,) = cluster.all("networkpolicy")
    return found


async def test_pods_are_cut_off_and_let_in_again(use: Make, cluster: Cluster) -> None:
    """The policy says what was asked, as the server keeps it; undo ends it."""
    await shop(cluster)
    step = use(
        ISOLATE,
        "isolate",
        pods="app in (checkout, nothing)",
        allow_from=[{"namespaces": ["forensics"], "pods": "app=probe"}],
        allow_to=[{"cidr": "10.20.0.0/16", "ports": ["5432", "8000-8080", "53/UDP"]}],
        dns=True,
    )
    preview = await step.preview()
    assert cluster.all("networkpolicy") == []
    assert (preview.in_place, preview.touches) == (False, 2)
    assert any("nobody sees whether" in each for each in preview.warnings)
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.summary.endswith("takes 2 pods; no probe shows whether the network enforces it")
    assert done.output["enforced"] is None
    spec = policy(cluster)["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [each["port"] for each in spec["egress"][0]["ports"]] == [5432, 8000, 53]
    assert spec["egress"][0]["ports"][1]["endPort"] == 8080
    assert (await step.preview()).in_place
    assert await step.undo() == await step.undo()
    assert cluster.all("networkpolicy") == []
    assert isinstance(await step.verify(), Refuted)


async def test_probe_that_is_refused_shows_that_it_is_enforced(use: Make, cluster: Cluster) -> None:
    """It got through before, goes on doing so for a while, then is refused: only that is proof."""
    await shop(cluster)
    step = use(ISOLATE, pods="app=checkout", directions=["ingress"], probes=[PROBE])
    await step.preview()
    await step.apply()
    waiting = await step.verify()
    assert isinstance(waiting, NotYet)
    assert "nc in shop-" in waiting.progress
    assert waiting.progress.endswith("got through")
    answer_now(cluster, REFUSED)
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["enforced"] is True
    assert done.summary.endswith("1 probe refused, which got through before")


async def test_probe_that_was_refused_before_shows_nothing(use: Make, cluster: Cluster) -> None:
    """It holds, as the policy is there, but is no proof; nor is a command that is missing."""
    await shop(cluster, **{"nc -zw2 checkout 80": REFUSED})
    step = use(ISOLATE, pods="app=checkout", probes=[PROBE])
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["enforced"] is None
    assert "nothing shows that the network enforces it" in done.summary
    absent = use(ISOLATE, "absent", pods="app=checkout", probes=[{**PROBE, "command": ["gone"]}])
    await absent.apply()
    waiting = await absent.verify()
    assert isinstance(waiting, NotYet)
    assert "can't be run (exit code 127)" in waiting.progress


async def test_probe_that_must_get_through(use: Make, cluster: Cluster) -> None:
    """What is let through is tried, too."""
    await shop(cluster, **{"nc -zw2 checkout 80": REFUSED})
    step = use(ISOLATE, probes=[{**PROBE, "refused": False}], allow_from=[{"pods": "app=shop"}])
    await step.apply()
    waiting = await step.verify()
    assert isinstance(waiting, NotYet)
    assert "was refused (exit code 1: nc: timed out)" in waiting.progress
    answer_now(cluster, THROUGH)
    assert isinstance(await step.outcome(), Holds)


async def test_command_that_does_not_end_counts_as_refused(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """A probe's time is over; one that the cluster does not begin is no answer at all."""
    await shop(cluster, **{"nc -zw2 checkout 80": None})
    probe = {**PROBE, "timeout": "1s"}
    step = use_through(ISOLATE, pods="app=checkout", probes=[probe])
    await step.apply()
    assert isinstance(await step.outcome(), Holds)
    gateway.answer(500, method="GET", path="/exec[?]")
    with pytest.raises(TransientError):
        await step.verify()


async def test_what_others_allow_is_named_and_is_drift(use: Make, cluster: Cluster) -> None:
    """Policies add up; one that appears changes the fingerprint, other changes do not."""
    await shop(cluster)
    rule = [{"ports": [{"port": 9090}]}]
    cluster.apply(
        cluster.network_policy("monitoring", ingress=rule), cluster.network_policy("deny")
    )
    step = use(ISOLATE, pods="app=checkout")
    first = await step.preview()
    assert "what monitoring allows to these pods stays allowed" in " ".join(first.warnings)
    cluster.apply(
        cluster.network_policy("elsewhere", app="shop", ingress=rule),
        cluster.deployment(replicas=3),
    )
    await cluster.settled("checkout")
    other = use(ISOLATE, "other", pods="app=checkout", dns=True)
    await other.apply()
    again = await step.preview()
    assert again.fingerprint == first.fingerprint
    assert "what inc-7-other-" in " ".join(again.warnings)
    cluster.apply(cluster.network_policy("late", ingress=[{}]))
    assert (await step.preview()).fingerprint != first.fingerprint
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["others"][1:] == ["late", "monitoring"]


async def test_policy_of_somebody_else_is_left_alone(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """Made in between under the same name, or changed later: it is not overwritten or deleted."""
    await shop(cluster)
    step = use_through(ISOLATE, pods="app=checkout")
    await step.apply()
    made = policy(cluster)
    await step.undo()
    name = made["metadata"]["name"]
    theirs = cluster.network_policy(name)
    gateway.before(lambda: cluster.apply(theirs), method="POST", path=POLICIES)
    with pytest.raises(PermanentError, match="is not Backout's"):
        await step.apply()
    for asked in (step.preview, step.undo):
        with pytest.raises(PermanentError, match="is not Backout's"):
            await asked()
    assert policy(cluster)["spec"]["policyTypes"] == ["Ingress"]
    cluster.delete("networkpolicy", name)
    await step.apply()
    cluster.patch("networkpolicy", name, {"spec": {"ingress": [{}]}})
    refuted = await step.verify()
    assert isinstance(refuted, Refuted)
    assert refuted.why.endswith("does not say what this step wrote")
    with pytest.raises(PermanentError, match="Somebody changed NetworkPolicy"):
        await step.undo()
    assert policy(cluster)["spec"]["ingress"] == [{}]


async def test_policy_made_anew_while_it_is_undone_stays(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """The one that was looked at is deleted, or none."""
    await shop(cluster)
    step = use_through(ISOLATE, pods="app=checkout")
    await step.apply()
    name = policy(cluster)["metadata"]["name"]

    def anew() -> None:
        cluster.delete("networkpolicy", name)
        cluster.apply(cluster.network_policy(name))

    gateway.before(anew, method="DELETE", path=name)
    with pytest.raises(PermanentError, match="is not Backout's"):
        await step.undo()
    assert len(cluster.all("networkpolicy")) == 1


async def test_another_attempt_finds_it_and_another_plan_leaves_it(
    use: Make, cluster: Cluster
) -> None:
    """What was there before a step is not undone by it."""
    await shop(cluster)
    step = use(ISOLATE, pods="app=checkout")
    await step.apply()
    uid = policy(cluster)["metadata"]["uid"]
    again = use(ISOLATE, pods="app=checkout")
    await again.apply()
    assert policy(cluster)["metadata"]["uid"] == uid
    assert (await again.undo()).endswith("was there before this step, and is left")
    await step.undo()
    assert cluster.all("networkpolicy") == []


async def test_selector_without_pods_is_refused(use: Make, cluster: Cluster) -> None:
    """Cutting nobody off must not look like success."""
    with pytest.raises(PermanentError, match="has app=chekout, so nothing would be cut off"):
        await use(ISOLATE, pods="app=chekout").preview()


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"allow_from": [{}]}, "either cidr, or pods or namespaces"),
        ({"allow_from": [{"cidr": "10.0.0.1/8"}]}, "no network such as"),
        ({"allow_to": [{"pods": "a=b", "ports": ["70000"]}]}, "from 1 to 65535"),
        ({"allow_to": [{"pods": "a=b", "ports": ["http"]}]}, "is no port"),
        ({"directions": ["ingress"], "dns": True}, "about egress"),
        ({"directions": ["egress"], "allow_from": [{"pods": "a=b"}]}, "about ingress"),
        ({"directions": []}, "at least 1"),
        ({"probes": [{"pods": "", "command": ["true"]}]}, "at least 1"),
        ({"probes": [{"pods": "a=b", "command": ["true"], "timeout": "1m"}]}, "less than or equal"),
    ],
)
def test_what_makes_no_sense_is_refused(inputs: Json, said: str) -> None:
    """Before anything is asked of the cluster."""
    with pytest.raises(ValidationError, match=said):
        IsolateNetwork.Inputs.model_validate(inputs)


async def test_failing_api_server(use_through: Make, cluster: Cluster, gateway: Gateway) -> None:
    """Refusals, lost answers and repeats: the list of checks that holds for every action."""
    await shop(cluster, **{"nc -zw2 checkout 80": REFUSED})
    await faults.check(use_through(ISOLATE, pods="app=checkout", probes=[PROBE]), gateway)


@pytest.mark.covers("AIVO-FIX5", "AIVO-FIX40")
async def test_isolation_is_lifted_by_a_step_of_its_own(use: Make, cluster: Cluster) -> None:
    """That step's policy goes and no other; undo makes it again, and the first undo ends it."""
    await shop(cluster)
    cluster.apply(cluster.network_policy("deny"))
    cut = use(ISOLATE, "isolate", pods="app=checkout", allow_to=[{"cidr": "10.0.0.0/8"}], dns=True)
    lift = use(LIFT, "lift", from_step="isolate")
    early = await lift.preview()
    assert (early.in_place, early.changes) == (False, ())
    with pytest.raises(PermanentError, match="recorded nothing in this run"):
        await lift.apply()
    await cut.apply()
    (made,) = [e for e in cluster.all("networkpolicy") if e["metadata"]["name"] != "deny"]
    preview = await lift.preview()
    assert preview.fingerprint == early.fingerprint
    assert preview.touches == 1
    assert isinstance(await lift.verify(), Refuted)
    await lift.apply()
    done = await lift.outcome()
    assert isinstance(done, Holds)
    assert [each["metadata"]["name"] for each in cluster.all("networkpolicy")] == ["deny"]
    assert (await lift.preview()).in_place
    await lift.action.apply(lift.inputs, lift.captured, lift.context)
    assert await lift.undo() == await lift.undo()
    again = cluster.get("networkpolicy", done.output["policy"])
    assert again["spec"] == made["spec"]
    assert isinstance(await cut.outcome(), Holds)
    await cut.undo()
    assert [each["metadata"]["name"] for each in cluster.all("networkpolicy")] == ["deny"]


async def test_what_somebody_changed_is_not_lifted(use: Make, cluster: Cluster) -> None:
    """Neither a policy that says something else now, nor another one of its name."""
    await shop(cluster)
    cut = use(ISOLATE, "isolate", pods="app=checkout")
    lift = use(LIFT, "lift", from_step="isolate")
    await cut.apply()
    name = policy(cluster)["metadata"]["name"]
    cluster.patch("networkpolicy", name, {"spec": {"ingress": [{}]}})
    for asked in (lift.preview, lift.apply):
        with pytest.raises(PermanentError, match="Somebody changed NetworkPolicy"):
            await asked()
    cluster.delete("networkpolicy", name)
    cluster.apply(cluster.network_policy(name))
    for asked in (lift.preview, lift.apply):
        with pytest.raises(PermanentError, match="is not Backout's"):
            await asked()
    assert policy(cluster)["metadata"]["name"] == name


async def test_policy_that_is_not_recreated_over_another_one(use: Make, cluster: Cluster) -> None:
    """Undoing the lift does not touch what somebody put in its place meanwhile."""
    await shop(cluster)
    cut = use(ISOLATE, "isolate", pods="app=checkout")
    lift = use(LIFT, "lift", from_step="isolate")
    await cut.apply()
    name = policy(cluster)["metadata"]["name"]
    await lift.apply()
    cluster.apply(cluster.network_policy(name))
    with pytest.raises(PermanentError, match="is not Backout's"):
        await lift.undo()
    assert policy(cluster)["spec"]["policyTypes"] == ["Ingress"]


async def test_only_a_step_that_isolated_is_lifted(use: Make, cluster: Cluster) -> None:
    """Another kind of record names no policy."""
    lift = use(LIFT, "lift", from_step="stop")
    lift.context.captures = {"stop": {"settings": []}}
    with pytest.raises(PermanentError, match=r"isolate_network in `from_step`"):
        await lift.preview()


async def test_failing_api_server_while_lifting(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """The list of checks that holds for every action."""
    await shop(cluster)
    await use_through(ISOLATE, "isolate", pods="app=checkout").apply()
    await faults.check(use_through(LIFT, "lift", from_step="isolate"), gateway)
