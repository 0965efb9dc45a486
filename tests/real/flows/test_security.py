"""AIVO's security rollback on a real control plane, moto's AWS, a mail server and a status page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from flows import events
from flows.commands import About
from flows.runs import Run
from flows.states import State, StepState
from sandbox.estate.statuspage import TOKEN
from tests.real.bench.clusters import Cluster
from tests.real.flows.besieged import INSTANCE, SERVICES, USER, Besieged, besieged
from tests.real.flows.conftest import Open
from tests.real.flows.stage import Stage
from tests.real.services.aws.server import Aws
from tests.real.services.monitoring import Monitoring

STOPPED = dict.fromkeys(SERVICES, 0)
Json = Any


@pytest.fixture
async def estate(
    cluster: Cluster, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Besieged]:
    """Everything that AIVO's security rollback touches."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setenv("AIVO_STATUSPAGE_TOKEN", TOKEN)
    async with besieged(cluster, aws) as found:
        yield found


@pytest.fixture
async def aivo(estate: Besieged, stage: Open, account: Json, monitoring: Monitoring) -> Stage:
    """AIVO there, with a security incident declared by Marcus."""
    monitoring.target.set("aivo:availability", 0.999)
    await monitoring.settled("aivo:availability", lambda value: value > 0.99)
    found = await stage(aws=account, variables=estate.variables(), **estate.connections())
    found.declare("tokens of teachers are sold", security=True)
    return found


async def planned(aivo: Stage, inputs: Mapping[str, str] | None = None) -> Run:
    """Ask for the plan, with what leaked."""
    proposed = await aivo.until(lambda run: run.proposal is not None)
    assert proposed.proposal is not None
    assert proposed.proposal.procedure == "security"
    aivo.feed(events.PlanAsked(procedure="security", inputs=dict(inputs or {})))
    run = await aivo.until(lambda run: run.state is State.APPROVE)
    assert run.plan is not None
    return run


async def done(aivo: Stage, step: str) -> Run:
    """Wait until a step is done; fail at once where the run holds."""
    found = await aivo.until(
        lambda run: run.steps[step].state is StepState.DONE or run.state is State.HOLD
    )
    assert found.steps[step].state is StepState.DONE, found.held
    return found


async def asked(aivo: Stage, step: str) -> Run:
    """Wait until a step's own gate is asked."""
    return await aivo.until(lambda run: run.steps[step].state is StepState.WAITING)


def is_shut(estate: Besieged) -> bool:
    """Say whether the load balancer answers by itself."""
    return bool(estate.actions()[0]["Type"] == "fixed-response")


def is_as_before(estate: Besieged) -> bool:
    """Say whether nobody would see that anything was ever changed."""
    return (estate.replicas(), estate.policies(), estate.actions()) == (
        SERVICES,
        [],
        estate.before,
    )


@pytest.mark.covers("AIVO-FLOW1", "AIVO-FIX5", "AIVO-FIX11", "AIVO-FIX40", "AIVO-Q1", "AIVO-Q4")
async def test_from_the_first_word_to_the_public_again(aivo: Stage, estate: Besieged) -> None:
    """Cut off, evidence, stop, credentials, sign-off, and back; each gate asks its own people."""
    run = await planned(
        aivo, {"user": USER, "key": estate.key[-4:], "secrets": "session-signing/KEY"}
    )
    assert run.plan is not None
    assert run.plan.class_id == "security"
    assert is_as_before(estate)
    aivo.approve("emily-watson")

    await asked(aivo, "status_open")
    aivo.approve("emily-watson", scope="status_open")
    assert aivo.run.steps["status_open"].state is StepState.WAITING
    aivo.approve("alex-thompson", scope="status_open")
    run = await done(aivo, "stop")
    assert estate.replicas() == STOPPED
    assert is_shut(estate)
    assert len(estate.policies()) == 1
    stopped_at = run.steps["stop"].started_at
    for step in ("state", "logs"):
        assert str(run.steps[step].ended_at) <= str(stopped_at), step
    evidence = aivo.folder / "journal" / "evidence" / "INC-1"
    assert (evidence / "state" / "state.json.sealed").is_file()
    assert (run.steps["logs"].output or {})["logs"] == sum(SERVICES.values())

    await asked(aivo, "deactivate")
    await asked(aivo, "revoke")
    aivo.approve("jennifer-liu", scope="deactivate")
    assert aivo.run.steps["deactivate"].state is StepState.WAITING
    assert estate.key_status() == "Active"
    for step in ("deactivate", "revoke"):
        aivo.approve("david-park", scope=step)
        await done(aivo, step)
    assert estate.key_status() == "Inactive"

    await asked(aivo, "inside")
    aivo.approve("jennifer-liu", scope="inside")
    assert aivo.run.steps["inside"].state is StepState.WAITING
    assert estate.replicas() == STOPPED
    aivo.approve("sarah-kim", scope="inside")
    run = await aivo.until_ended()
    assert run.outcome == "restored"
    assert is_as_before(estate)
    order = [s for s in aivo.done() if s in ("start", "ready", "lift", "lift_inside", "reopen")]
    assert order == ["start", "ready", "lift", "lift_inside", "reopen"]

    assert estate.snapshots() == [f"{INSTANCE}-inc-1-snapshot"]
    assert (run.steps["events"].output or {})["events"] == 1
    assert run.steps["shut"].state is StepState.DONE
    assert estate.subjects() == [
        "INC-1: production is being isolated",
        "INC-1: how the isolation of production ended",
    ]
    assert "is open again" in estate.mailed()[-1]
    (incident,) = estate.page.incidents
    assert incident["status"] == "resolved"
    assert "token" not in str(incident)
    said = " ".join(aivo.messages.said.values())
    assert "Production is being isolated" in said
    assert "Production is open again" in said


@pytest.mark.covers("AIVO-FIX11", "AIVO-FIX43")
async def test_evidence_that_fails_is_told_and_stops_no_isolation(
    aivo: Stage, estate: Besieged
) -> None:
    """It cuts off and shuts; it holds only before what can't be kept would be lost; undo opens."""
    await planned(aivo)
    estate.aws.refuse("logs:FilterLogEvents", "AccessDeniedException", "no")
    estate.aws.refuse("rds:CreateDBSnapshot", "SnapshotQuotaExceeded", "too many")
    folder = aivo.folder / "journal" / "evidence" / "INC-1"
    folder.mkdir(parents=True)
    (folder / "logs").write_text("in the way")
    aivo.approve("emily-watson")
    run = await aivo.until(lambda run: run.state is State.HOLD)
    assert run.held is not None
    assert run.held.step == "logs"
    assert is_shut(estate)
    assert len(estate.policies()) == 1
    assert estate.replicas() == SERVICES
    await aivo.until(lambda run: run.steps["snapshot"].state is StepState.FAILED)
    await aivo.until(lambda run: run.steps["events"].state is StepState.FAILED)
    told = {each.subject for each in aivo.announced if each.about is About.NOT_TOLD}
    assert {"events", "snapshot"} <= told
    aivo.feed(events.UndoAsked(reason="a false alarm"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert is_as_before(estate)


@pytest.mark.covers("AIVO-FLOW1", "AIVO-FIX40")
async def test_undo_on_the_way_back_puts_everything_back(aivo: Stage, estate: Besieged) -> None:
    """Lifted and held: what was opened is shut and opened again in turn, and the key is active."""
    await planned(aivo, {"user": USER, "key": estate.key[-4:]})
    assert "revoke" not in aivo.run.steps
    aivo.approve("jennifer-liu")
    await asked(aivo, "deactivate")
    aivo.approve("sarah-kim", scope="deactivate")
    await asked(aivo, "inside")
    aivo.approve("alex-thompson", "david-park", scope="inside")
    await done(aivo, "start")
    aivo.feed(events.HoldAsked(reason="is it really safe?"))
    await aivo.until(lambda run: run.state is State.HOLD)
    assert is_shut(estate)
    aivo.feed(events.UndoAsked(reason="it was a drill of somebody else"))
    run = await aivo.until(lambda run: run.ended or run.state is State.HOLD)
    assert run.outcome == "undone", run.held
    assert is_as_before(estate)
    assert estate.key_status() == "Active"
    assert "was taken back before its end" in estate.mailed()[-1]


@pytest.mark.crash
@pytest.mark.covers("AIVO-FLOW1")
async def test_a_restart_repeats_nothing_that_destroys(aivo: Stage, estate: Besieged) -> None:
    """The bot ends while it is stopping, and again while people sign off."""
    await planned(aivo)
    aivo.approve("emily-watson")
    await aivo.until(lambda run: bool(run.steps["stop"].started))
    await aivo.close()
    aivo.wake()
    await asked(aivo, "inside")
    assert estate.replicas() == STOPPED
    aivo.approve("jennifer-liu", scope="inside")
    await aivo.close()
    aivo.wake()
    assert estate.replicas() == STOPPED
    aivo.approve("sarah-kim", scope="inside")
    run = await aivo.until_ended()
    assert run.outcome == "restored"
    assert is_as_before(estate), "the numbers of pods are those of before, not zeros"
    assert len(estate.aws.asked("elasticloadbalancing:ModifyListener")) == 2
    assert len(estate.aws.asked("rds:CreateDBSnapshot")) == 1
    assert len(estate.subjects()) == 2
