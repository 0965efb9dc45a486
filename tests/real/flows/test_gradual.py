"""AIVO's gradual rollbacks: one flag, and traffic in steps, on LaunchDarkly's stand-in and moto."""

from __future__ import annotations

from typing import Any

import pytest

from flows import events
from flows.states import State, StepState
from sandbox.flags.launchdarkly import LaunchDarkly
from tests.real.aws.balancers import addresses, front
from tests.real.flows.conftest import Open
from tests.real.services.aws.server import Aws
from tests.real.services.monitoring import Monitoring

NEW, STABLE = "aivo-prod-new", "aivo-prod-tg"
Json = Any


class Traffic:
    """A listener whose traffic goes to the new version, with twelve targets on either side."""

    def __init__(self, aws: Aws) -> None:
        targets = {NEW: addresses(0), STABLE: addresses(1)}
        made = front(aws, "aivo-prod", {NEW: 100, STABLE: 0}, targets)
        aws.progress.finish("elbv2:Target")
        self._elb, self.listener, self.groups = made.elb, made.listener, made.groups

    def share(self) -> int:
        """Return the share of the new version, in percent."""
        found = self._elb.describe_listeners(ListenerArns=[self.listener])["Listeners"][0]
        groups = found["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        weights = {each["TargetGroupArn"]: each["Weight"] for each in groups}
        return int(100 * weights.get(self.groups[NEW], 0) // sum(weights.values()))

    def deregister(self) -> None:
        """Take the stable version's targets away, as somebody's scale-down would."""
        targets = [{"Id": each} for each in addresses(1)]
        self._elb.deregister_targets(TargetGroupArn=self.groups[STABLE], Targets=targets)


@pytest.mark.covers("AIVO-FLOW5", "AIVO-R11", "AIVO-R12", "AIVO-D4", "AIVO-FIX28")
async def test_the_feature_is_switched_off_and_watched(
    stage: Open, darkly: LaunchDarkly, flags: Json
) -> None:
    """People choose it, a lead approves, and the flag serves its off variation."""
    aivo = await stage(launchdarkly=flags)
    aivo.declare("the new gradebook is slow")
    run = await aivo.until(lambda run: bool(run.blocked))
    assert "!incident plan flag" in run.advice
    plan = await aivo.plan("flag")
    assert plan.class_id == "gradual"
    assert darkly.config()["on"] is True
    aivo.approve("marcus-rodriguez", "emily-watson")
    assert aivo.run.state is State.APPROVE, "on-call is not enough for a gradual rollback"
    aivo.approve("jennifer-liu")
    await aivo.until_ended()
    assert darkly.config()["on"] is False
    assert "INC-1" in darkly.comments[0]
    assert {"watch_errors", "watch_latency", "errors", "latency"} <= set(aivo.done())
    assert any("The feature is off" in said for said in aivo.messages.said.values())


@pytest.mark.covers("AIVO-FLOW5", "AIVO-R12")
async def test_a_flag_that_did_not_help_is_put_back(
    stage: Open, darkly: LaunchDarkly, flags: Json, monitoring: Monitoring
) -> None:
    """The figures stay bad: a person holds and undoes it, and the flag is as it was."""
    aivo = await stage(launchdarkly=flags)
    aivo.declare()
    await aivo.plan("flag")
    monitoring.target.set("aivo:error_ratio", 0.2)
    await monitoring.settled("aivo:error_ratio", lambda value: value > 0.1)
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: run.steps["off"].state is StepState.DONE)
    aivo.feed(events.HoldAsked(reason="it is not the feature"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="it is not the feature"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert darkly.config()["on"] is True


@pytest.mark.covers("AIVO-FLOW4", "AIVO-R10", "AIVO-FIX26", "AIVO-FIX27")
async def test_traffic_goes_back_in_steps(stage: Open, aws: Aws, account: Json) -> None:
    """50, 25 and 0 % of the new version, each watched, and the whole list sent each time."""
    traffic = Traffic(aws)
    aivo = await stage(aws=account, variables={"listener": traffic.listener})
    aivo.declare("the new version answers slowly")
    await aivo.plan("gradual")
    assert traffic.share() == 100
    aivo.approve("alex-thompson")
    for step, share in (("half", 50), ("quarter", 25), ("none", 0)):
        await aivo.until(lambda run, step=step: run.steps[step].state is StepState.DONE)
        assert traffic.share() == share
    await aivo.until_ended()
    order = [step for step in aivo.done() if step in ("half", "quarter", "none")]
    assert order == ["half", "quarter", "none"]


@pytest.mark.covers("AIVO-FIX27")
async def test_figures_that_stay_bad_do_not_stop_the_way_back(
    stage: Open, aws: Aws, account: Json, monitoring: Monitoring
) -> None:
    """Watching fails and is told; the next, smaller share follows; the end is judged strictly."""
    traffic = Traffic(aws)
    aivo = await stage(aws=account, variables={"listener": traffic.listener})
    aivo.declare()
    await aivo.plan("gradual")
    monitoring.target.set("aivo:error_ratio", 0.2)
    await monitoring.settled("aivo:error_ratio", lambda value: value > 0.1)
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: run.state is State.VALIDATE)
    assert traffic.share() == 0
    await aivo.until(lambda run: run.steps["half_errors"].state is StepState.FAILED)
    assert aivo.run.state is State.VALIDATE
    monitoring.target.set("aivo:error_ratio", 0.0004)
    await aivo.until_ended()


@pytest.mark.covers("AIVO-FIX27")
async def test_a_stable_version_that_fails_holds_it_and_undo_restores_the_shares(
    stage: Open, aws: Aws, account: Json
) -> None:
    """Nobody sends more traffic to targets that are gone; the shares go back as they were."""
    traffic = Traffic(aws)
    aivo = await stage(aws=account, variables={"listener": traffic.listener})
    aivo.declare()
    await aivo.plan("gradual")
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: run.steps["half"].state is StepState.DONE)
    traffic.deregister()
    run = await aivo.until(lambda run: run.state is State.HOLD)
    assert run.held is not None
    # Watching the targets finds it, or else the next step: it gives nothing to such a group.
    assert run.held.step in ("half_targets", "quarter", "quarter_targets", "none")
    assert 0 < traffic.share() < 100
    aivo.feed(events.UndoAsked(reason="the stable version is gone"))
    run = await aivo.until(lambda run: run.ended)
    assert (run.outcome, traffic.share()) == ("undone", 100)


@pytest.mark.crash
@pytest.mark.covers("AIVO-FLOW4")
async def test_a_restart_in_the_middle_goes_on_where_it_stood(
    stage: Open, aws: Aws, account: Json
) -> None:
    """The bot ends while the quarter is watched; the next one repeats no step and finishes."""
    traffic = Traffic(aws)
    aivo = await stage(aws=account, variables={"listener": traffic.listener})
    aivo.declare()
    await aivo.plan("gradual")
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: run.steps["quarter"].state is StepState.DONE)
    await aivo.close()
    aivo.wake()
    await aivo.until_ended()
    assert traffic.share() == 0
    assert len(aws.asked("elasticloadbalancing:ModifyListener")) == 3, "each share is set once"
