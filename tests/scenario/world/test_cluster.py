"""Days on which the cluster or Helm is not as it should be."""

from pathlib import Path

import pytest

from flows.runs import Run
from flows.states import Outcome, State, StepState
from sandbox.estate import releases
from tests.scenario.world.whole import JENNIFER, MARCUS, SOON_KNOWN, Whole, whole

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]  # the machine may be busy
NO_PATCH = {"kind": "forbid", "verb": "patch", "resource": "deployments", "namespace": "production"}


def untouched(here: Whole) -> bool:
    """Say whether nothing of the release was changed."""
    return here.rollbacks() == 0 and "2.14.2" not in here.running()


async def test_a_missing_right_is_named_before_anybody_is_asked(tmp_path: Path) -> None:
    """No plan is made without the right to perform it, and the right is named."""
    async with whole(tmp_path) as here:
        await here.broken()
        await here.estate("fault", **NO_PATCH)
        await here.declare()
        run = await here.until(lambda run: run.advice == "plan_again", what="no plan")
        for word in ("patch", "deployments.apps", "production"):
            assert word in run.blocked
        await here.hears("No plan.")
        assert untouched(here)
        here.mend()
        await here.say(MARCUS, "plan")
        await here.state("approve")


async def test_a_right_taken_away_after_the_approval_holds_the_run(tmp_path: Path) -> None:
    """The step names the missing right, nothing is changed, and a retry works once it is given."""
    async with whole(tmp_path) as here:
        await here.planned()
        await here.estate("fault", **NO_PATCH)
        await here.approve()
        run = await here.state("hold")
        assert run.held is not None
        assert run.held.step == "rollback"
        for word in ("patch", "deployments.apps", "production"):
            assert word in run.held.why
        assert untouched(here)
        here.mend()
        await here.say(MARCUS, "retry")
        await here.state("closed")
        assert here.running() == {"2.14.2"}
        assert here.rollbacks() == 1


async def test_without_a_cluster_no_plan_is_made(tmp_path: Path) -> None:
    """What can't be seen is unknown, and the plan's refusal says that the cluster is not there."""
    async with whole(tmp_path) as here:
        await here.broken()
        await here.fault("kubernetes", "down")
        await here.declare()
        run = await here.until(lambda run: run.advice == "plan_again", what="no plan")
        assert run.facts["pods"].value is None
        assert run.facts["availability"].value is not None
        assert "could not look: The cluster at" in run.blocked
        await here.card_shows("unknown")
        here.mend()
        await here.press(MARCUS, "replan")
        run = await here.state("approve")
        assert run.facts["pods"].value is not None


async def test_a_cluster_that_goes_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """The rollback is tried again within its budget, and happens once the cluster is back."""
    async with whole(tmp_path) as here:
        await here.planned()
        await here.fault("kubernetes", "down")
        await here.approve()
        run = await here.until(
            lambda run: "rollback" in run.steps and run.steps["rollback"].tries > 2,
            what="three tries",
        )
        assert run.state is State.RESTORE
        assert untouched(here)
        await here.card_shows("RESTORE")
        here.mend()
        await here.state("closed")
        assert here.rollbacks() == 1
        assert here.running() == {"2.14.2"}


async def test_a_slow_cluster_only_takes_longer(tmp_path: Path) -> None:
    """Every answer of the cluster comes late, and the rollback still goes through."""
    async with whole(tmp_path) as here:
        await here.fault("kubernetes", "delay", delay=0.1)
        await here.planned()
        await here.approve()
        run = await here.state("closed")
        assert here.rollbacks() == 1
        assert not [step for step in run.steps.values() if step.state is StepState.FAILED]


async def test_without_helm_the_plan_says_what_to_install(tmp_path: Path) -> None:
    """The sentence names the command that was looked for and the variable that leads to it."""
    async with whole(tmp_path, start=False) as here:
        here.changes["BACKOUT_HELM"] = "/nonexistent/helm"
        await here.start()
        await here.broken()
        await here.declare()
        await here.until(lambda run: run.advice == "plan_again", what="no plan")
        words = await here.card_shows("helm is not installed or not on PATH")
        assert "/nonexistent/helm" in words
        assert "BACKOUT_HELM" in words


async def test_a_revision_that_is_gone_by_the_approval_holds_the_run(tmp_path: Path) -> None:
    """Nothing is rolled back to another one unasked; a new plan takes the next good revision."""
    async with whole(tmp_path) as here:
        await here.planned()
        releases.forget(here.world.estate.cluster, 41)
        await here.approve()
        run = await here.state("hold")
        assert run.held is not None
        assert "Revision 41 of aivo-platform is gone" in run.held.why
        assert untouched(here)
        await here.quiet()
        await here.say(MARCUS, "plan again")
        run = await here.state("approve")
        assert run.plan is not None
        assert "to 39 (2.14.0)" in run.plan.step("rollback").summary
        assert run.decisions == ()


async def test_without_a_good_revision_there_is_no_plan(tmp_path: Path) -> None:
    """Where Helm keeps nothing to return to, people are told so and what is left to do."""
    async with whole(tmp_path) as here:
        await here.broken()
        for revision in (38, 39, 40, 41):
            releases.forget(here.world.estate.cluster, revision)
        await here.declare()
        run = await here.until(lambda run: run.advice == "plan_again", what="no plan")
        assert "has no earlier revision that is known to be good" in run.blocked
        assert "fix forward" in run.blocked


NEVER_READY = {
    "procedures/service.yaml": {"timeout: 300s": "timeout: 3s", "budget: 6m": "budget: 30s"},
}


async def never_ready(here: Whole) -> None:
    """Let the rollback fail because of an image that can't be pulled."""
    await here.planned()
    rule = {"service": "payment-service", "tag": "2.14.2", "behaviour": "ImagePullBackOff"}
    await here.estate("fault", kind="image", **rule)
    await here.approve()
    run = await here.state("hold")
    assert run.held is not None
    assert run.held.step == "rollback"
    assert "payment-service: 1 pod, image can't be pulled (ImagePullBackOff)" in run.held.why
    await here.hears("image can't be pulled")
    await here.card_shows("HOLD")


async def test_pods_that_never_start_hold_the_run_until_a_retry(tmp_path: Path) -> None:
    """The hold says which service can't pull its image; once it can, a retry brings it back."""
    async with whole(tmp_path, edits=NEVER_READY) as here:
        await never_ready(here)
        here.mend()
        await here.say(MARCUS, "retry")
        await here.state("closed")
        assert here.history()[-1] == (44, "2.14.2", "deployed")
        assert here.running() == {"2.14.2"}


async def test_undo_brings_back_what_ran_before_a_rollback_that_failed(tmp_path: Path) -> None:
    """Helm gave up half-way; undone, the cluster runs what it ran, and the status page says so."""
    async with whole(tmp_path, edits=NEVER_READY) as here:
        await never_ready(here)
        await here.say(MARCUS, "undo")
        run = await here.state("closed")
        assert run.outcome is Outcome.UNDONE
        assert here.running() == {"2.15.0"}
        assert here.history()[-1] == (44, "2.15.0", "deployed")


async def drifted(here: Whole) -> Run:
    """Ship another release between the plan and its approval, and ask for a new plan."""
    await here.planned()
    releases.ship(here.world.estate.cluster, chart="1.10.1", version="2.15.1")
    await here.approve()
    run = await here.state("hold")
    assert run.held is not None
    assert run.held.drifted
    changes = run.steps["rollback"].drift
    assert any("revision 43 (2.15.1)" in str(change.before) for change in changes)
    assert "2.15.1" in await here.card_shows("HOLD")
    assert here.rollbacks() == 0
    await here.say(MARCUS, "resume")
    await here.told(MARCUS, "the estate changed after the plan was approved")
    await here.quiet()
    await here.say(MARCUS, "plan service")
    return await here.state("approve")


async def test_a_release_shipped_in_between_voids_the_plan(tmp_path: Path) -> None:
    """Drift holds the run with a diff, and the approvals of the old plan count for nothing."""
    async with whole(tmp_path, edits=SOON_KNOWN) as here:
        run = await drifted(here)
        assert run.decisions == ()
        assert run.plan is not None
        assert "from revision 43 (2.15.1)" in run.plan.step("rollback").summary
        await here.press(JENNIFER, "approve")
        await here.until(lambda run: run.decisions, what="the first approval")
        assert here.rollbacks() == 0


async def test_the_release_that_broke_the_service_is_never_the_last_good_one(
    tmp_path: Path,
) -> None:
    """After a hotfix on top of the bad release, the plan still returns to the one before both."""
    async with whole(tmp_path, edits=SOON_KNOWN) as here:
        run = await drifted(here)
        assert run.plan is not None
        assert "to 41 (2.14.2)" in run.plan.step("rollback").summary
