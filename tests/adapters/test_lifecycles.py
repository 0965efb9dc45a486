"""Each action against the simulated estate: preview, capture, apply, verify, undo."""

import asyncio
import contextlib
import shutil
from dataclasses import replace
from typing import Any

import pytest

from adapters.registry import ActionRegistry
from flows.actions import (
    Holds,
    InterruptedByHoldError,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from sandbox.estate import Estate
from sandbox.estate.access import Denial
from sandbox.estate.faults import Effect, Fault, Target
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use

Json = Any
REAL_HELM = shutil.which("helm")


@pytest.fixture
def use(registry: ActionRegistry, live: FakeContext) -> Any:
    """Make uses of actions in the estate."""

    def make(uses: str, step: str = "step", **inputs: Json) -> Use:
        return Use(registry, live, uses, step, **inputs)

    return make


async def test_bad_release_is_rolled_back_and_the_rollback_undone(use: Any, estate: Estate) -> None:
    """History names 41, the rollback brings it as 43, a repeat adds nothing, undo brings 42."""
    estate.break_release()
    seen = await use("helm.history", release="aivo-platform").verify()
    assert isinstance(seen, Holds)
    assert (seen.output["current"], seen.output["last_good"]) == (42, 41)
    rollback = use("helm.rollback", release="aivo-platform", revision=seen.output["last_good"])
    before = await rollback.preview()
    assert (before.in_place, before.touches, before.losses) == (False, 18, "")
    assert any(change.after.endswith("checkout:2.14.2") for change in before.changes)
    await rollback.apply()
    done = await rollback.outcome()
    assert isinstance(done, Holds)
    assert (done.output["revision"], done.output["version"]) == (43, "2.14.2")
    assert (await rollback.preview()).in_place
    await rollback.action.apply(rollback.inputs, rollback.captured, rollback.context)
    again = await use("helm.history", release="aivo-platform").verify()
    assert isinstance(again, Holds)
    assert (again.output["current"], again.output["last_good"]) == (43, 39)
    assert await rollback.undo() == "revision 44 carries revision 42 (2.15.0) again"
    assert await rollback.undo() == "revision 44 carries revision 42 (2.15.0) again"


@pytest.mark.real
@pytest.mark.skipif(not REAL_HELM, reason="the machine has no helm")
async def test_real_helm_rolls_back_and_speaks_as_expected(use: Any, estate: Estate) -> None:
    """Helm itself: the good rollback, the repeat, the one that times out, the gone revision."""
    estate.break_release()
    good = use("helm.rollback", release="aivo-platform", revision=41)
    assert REAL_HELM is not None
    good.context.surroundings = replace(good.context.surroundings, helm=REAL_HELM)
    assert (await good.preview()).touches == 18
    await good.apply()
    done = await good.outcome()
    assert isinstance(done, Holds)
    assert (done.output["revision"], done.output["description"]) == (43, "Rollback to 41")
    await good.apply()
    bad = use("helm.rollback", "bad", release="aivo-platform", revision=42, timeout="1s")
    with pytest.raises(PermanentError, match="revision 44 failed"):
        await bad.apply()
    refuted = await bad.outcome()
    assert isinstance(refuted, Refuted)
    assert "revision 44 failed" in refuted.why
    with pytest.raises(PermanentError, match="Revision 7 of aivo-platform is gone"):
        await use("helm.rollback", release="aivo-platform", revision=7).preview()
    with pytest.raises(PermanentError, match='no Helm release "nothing"'):
        await use("helm.history", release="nothing").verify()
    estate.access.deny(Denial(verb="list", resource="secrets"))
    with pytest.raises(PermanentError, match="let Helm list secrets in namespace production"):
        await use("helm.history", release="aivo-platform").verify()
    await estate.stop()
    with pytest.raises(TransientError, match="not there for Helm"):
        await use("helm.history", release="aivo-platform").verify()


async def test_rollback_held_while_helm_waits_is_found_later(use: Any, estate: Estate) -> None:
    """A hold ends the waiting only: Helm goes on, and a look finds the rollback deployed."""
    estate.set_speed(5)
    estate.break_release()
    rollback = use("helm.rollback", release="aivo-platform", revision=41)
    rollback.context.holds_after = 3
    with pytest.raises(InterruptedByHoldError):
        await rollback.apply()
    rollback.context.holds_after = None
    estate.set_speed(40)
    seen = {type(await rollback.verify())}
    if seen == {NotYet}:
        # It may be deployed by now; what it must not do is to start a second Helm.
        with contextlib.suppress(UnknownOutcomeError):
            await rollback.action.apply(rollback.inputs, rollback.captured, rollback.context)
    # Helm may not have written its record when the hold came: that reads as not begun.
    while isinstance(verdict := await rollback.verify(), NotYet | Refuted):
        await asyncio.sleep(0.02)
    assert isinstance(verdict, Holds)
    assert verdict.output["revision"] == 43


async def test_rollback_that_never_becomes_ready_is_refuted(use: Any, estate: Estate) -> None:
    """A rollback to a release that does not run fails for good, in Helm's and the pods' words."""
    estate.break_release()
    forward = use("helm.rollback", release="aivo-platform", revision=41)
    await forward.apply()
    bad = use("helm.rollback", "bad", release="aivo-platform", revision=42, timeout="1s")
    with pytest.raises(PermanentError, match="revision 44 failed"):
        await bad.apply()
    verdict = await bad.outcome()
    assert isinstance(verdict, Refuted)
    assert "revision 44 failed" in verdict.why


async def test_unready_pods_are_listed_and_waited_for(use: Any, estate: Estate) -> None:
    """Healthy: everything ready.  A bad release: the failing workload is named."""
    healthy = await use("kubernetes.list_unready").outcome()
    assert isinstance(healthy, Holds)
    assert healthy.output["ready"] == healthy.output["desired"] > 0
    assert isinstance(await use("kubernetes.rollout_wait").outcome(), Holds)
    estate.break_release()
    while isinstance(verdict := await use("kubernetes.list_unready").verify(), Holds):
        if verdict.output["failing"]:
            break
        await asyncio.sleep(0.02)
    waiting = await use("kubernetes.rollout_wait").verify()
    assert isinstance(waiting, NotYet | Refuted)


async def test_writers_are_stopped_and_put_back(use: Any) -> None:
    """Scaled to 0 until the last pod is gone; restore_scale and undo bring the recorded counts."""
    names = ["user-service", "payment-service"]
    stop = use("kubernetes.scale", "stop", names=names, replicas=0)
    put_back = use("kubernetes.restore_scale", "start", from_step="stop")
    early = await put_back.preview()
    assert (await stop.preview()).changes[0].before == "2 pods"
    await stop.apply()
    assert await stop.outcome() == Holds(
        summary="scaled user-service to 0 pods, payment-service to 0 pods, no pod left",
        output={
            "replicas": {"user-service": 0, "payment-service": 0},
            "suspended": [],
            "paused": [],
        },
    )
    assert (await stop.preview()).in_place
    late = await put_back.preview()
    assert late.fingerprint == early.fingerprint
    await put_back.apply()
    done = await put_back.outcome()
    assert isinstance(done, Holds)
    assert done.output["replicas"] == {"user-service": 2, "payment-service": 2}
    assert "user-service to 0 pods" in await put_back.undo()
    assert "user-service to 2 pods" in await stop.undo()


async def test_restart_replaces_every_pod_once(use: Any, estate: Estate) -> None:
    """All pods are new afterwards; the same step again replaces nothing."""
    restart = use("kubernetes.rollout_restart", names=["checkout"])
    await restart.preview()
    await restart.apply()
    done = await restart.outcome()
    assert isinstance(done, Holds)
    assert done.output == {"restarted": ["checkout"], "ready": 3, "desired": 3}
    mark = len(estate.requests.since(0))
    await restart.action.apply(restart.inputs, restart.captured, restart.context)
    assert all(each["method"] == "GET" for each in estate.requests.since(0)[mark:])
    assert "nothing to put back" in await restart.undo()


async def test_previews_change_nothing(use: Any, estate: Estate) -> None:
    """Objects and releases are the same after every preview."""
    before = estate.cluster.store.version
    await use("kubernetes.scale", names=["checkout"], replicas=0).preview()
    await use("kubernetes.rollout_restart", names=["checkout"]).preview()
    await use("helm.rollback", release="aivo-platform", revision=39).preview()
    await use("statuspage.create_incident", name="x", body="y").preview()
    assert estate.cluster.store.version == before
    assert estate.statuspage.incidents == []


async def test_public_health_and_figures(use: Any, estate: Estate) -> None:
    """The health endpoint and Prometheus answer as the estate is."""
    url = estate.health_url
    well = await use("http.check", url=url, field="status", equals="ok").outcome()
    assert isinstance(well, Holds)
    ratio = await use("prometheus.query", query="aivo:error_ratio", expect="value < 0.01").verify()
    assert isinstance(ratio, Holds)
    nothing = await use("prometheus.query", query="no_such_metric", expect="value < 1").verify()
    assert isinstance(nothing, NotYet)
    assert nothing.output == {}


async def test_customers_are_told_once_and_told_the_end(use: Any, estate: Estate) -> None:
    """Opened once however often it is applied, then resolved once."""
    opened = use("statuspage.create_incident", name="Slow pages", message="customers.md")
    await opened.apply()
    await opened.apply()
    seen = await opened.outcome()
    assert isinstance(seen, Holds)
    assert len(estate.statuspage.incidents) == 1
    assert (await opened.preview()).in_place
    resolved = use(
        "statuspage.update_incident", incident=seen.output["id"], status="resolved", body="Over."
    )
    await resolved.apply()
    await resolved.apply()
    assert isinstance(await resolved.outcome(), Holds)
    assert len(estate.statuspage.incidents[0]["incident_updates"]) == 2


async def test_lost_answer_of_the_status_page_is_found_by_its_mark(
    use: Any, estate: Estate
) -> None:
    """The page opened the incident and the answer was lost: unknown, then found."""
    lost = Fault(target=Target.STATUSPAGE, effect=Effect.LOST_REPLY, method="POST", times=1)
    estate.faults.add(lost)
    opened = use("statuspage.create_incident", name="Slow pages", body="We look.")
    with pytest.raises(UnknownOutcomeError):
        await opened.apply()
    assert isinstance(await opened.verify(), Holds)


async def test_message_is_posted_once(use: Any) -> None:
    """A second attempt of the same step finds the first one's message."""
    post = use("slack.post", channel="incident-response", message="customers.md")
    await post.apply()
    await post.apply()
    assert isinstance(await post.outcome(), Holds)
    assert [each["text"] for each in post.context.messenger.posted] == [
        "checkout 5xx is being looked at."
    ]


@pytest.mark.parametrize(
    ("uses", "inputs", "verb", "resource"),
    [
        ("kubernetes.scale", {"names": "checkout", "replicas": 0}, "patch", "deployments/scale"),
        ("kubernetes.rollout_restart", {"names": "checkout"}, "patch", "deployments"),
        ("helm.rollback", {"release": "aivo-platform", "revision": 39}, "create", "secrets"),
        ("helm.rollback", {"release": "aivo-platform", "revision": 39}, "patch", "deployments"),
    ],
)
async def test_missing_right_is_named_before_anything_changed(
    use: Any, estate: Estate, uses: str, inputs: Json, verb: str, resource: str
) -> None:
    """The preview fails with the rule that is missing in the Role."""
    estate.access.deny(Denial(verb=verb, resource=resource))
    version = estate.cluster.store.version
    with pytest.raises(PermanentError, match="does not let Backout") as caught:
        await use(uses, **inputs).preview()
    assert f'verbs: ["{verb}"]' in str(caught.value)
    assert f'resources: ["{resource}"]' in str(caught.value)
    assert estate.cluster.store.version == version


async def test_right_that_is_lost_later_is_named_too(use: Any, estate: Estate) -> None:
    """A 403 on the call itself names verb, resource and namespace."""
    estate.access.deny(Denial(verb="list", resource="pods"))
    with pytest.raises(PermanentError, match="list pods in namespace production"):
        await use("kubernetes.list_unready").verify()


async def test_lost_answer_to_a_scaling_is_an_unknown_outcome(use: Any, estate: Estate) -> None:
    """The cluster scaled and the answer was lost: unknown, then found by a look."""
    stop = use("kubernetes.scale", names=["checkout"], replicas=0)
    await stop.preview()
    estate.faults.add(
        Fault(target=Target.KUBERNETES, effect=Effect.LOST_REPLY, method="PATCH", times=1)
    )
    restart = use("kubernetes.rollout_restart", names=["checkout"])
    with pytest.raises(UnknownOutcomeError):
        await restart.apply()
    assert isinstance(await restart.outcome(), Holds)


async def test_cluster_that_is_away_is_transient(use: Any, estate: Estate) -> None:
    """Nothing listens: transient, and said so."""
    await estate.stop()
    with pytest.raises(TransientError, match="is not there"):
        await use("kubernetes.list_unready").verify()
    with pytest.raises(TransientError, match="not there for Helm"):
        await use("helm.history", release="aivo-platform").verify()
