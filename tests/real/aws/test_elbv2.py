"""Load balancers: health, maintenance answers and shares of traffic, on moto's AWS."""

from __future__ import annotations

from typing import Any

import pytest

from flows.actions import Holds, NotYet, PermanentError, Refuted
from tests.adapters.uses import Use
from tests.real.aws import checks
from tests.real.aws.balancers import balancer, forward
from tests.real.aws.conftest import At
from tests.real.services.aws.server import Aws, User

FIXED, WEIGHTS = "aws.elbv2.set_fixed_response", "aws.elbv2.set_forward_weights"
RESTORE = "aws.elbv2.restore_actions"
BODY = "The shop is being repaired. (shop-maintenance)"
MODIFY = "elasticloadbalancing:Modify(Listener|Rule)"
Json = Any


@pytest.mark.covers("AIVO-V1")
async def test_health_is_looked_at_until_all_are_healthy(aws: Aws, at: At) -> None:
    """Targets are tried, one fails, one group is enough: each is told apart."""
    balancer(aws, healthy=False)
    aws.progress.looks = None
    use = at("aws.elbv2.target_health", groups=["blue", "green"])
    seen = await use.verify()
    assert isinstance(seen, NotYet)
    assert seen.output["groups"] == {"blue": "0/2", "green": "0/1"}
    aws.progress.fail("elbv2:Target", "10.0.0.2")
    aws.progress.finish("elbv2:Target")
    seen = await use.verify()
    assert isinstance(seen, NotYet)
    assert "10.0.0.2:80 Target.Timeout" in seen.progress
    enough = at("aws.elbv2.target_health", groups=["blue", "green"], at_least=1)
    assert isinstance(await enough.verify(), Holds)


async def test_health_that_is_not_told_is_unknown(aws: Aws, at: At) -> None:
    """Nobody takes silence for health, nor for the lack of it."""
    balancer(aws)
    use = at("aws.elbv2.target_health", groups="blue")
    aws.throttle("elasticloadbalancing:DescribeTargetHealth", times=9)
    seen = await use.verify()
    assert isinstance(seen, NotYet)
    assert seen.output == {}
    aws.mend()
    await checks.without(
        aws,
        lambda user: at(use.action.uses, credentials=user, groups="blue"),
        "elasticloadbalancing:DescribeTargetHealth",
    )


@pytest.mark.covers("AIVO-I2", "AIVO-FIX6")
async def test_a_maintenance_answer_is_set_and_taken_back(aws: Aws, at: At) -> None:
    """Listener and rule answer by themselves, then forward word for word as before."""
    made = balancer(aws)
    before = [made.actions(arn) for arn in (made.listener, made.rule)]
    use = at(FIXED, listeners=made.listener, body=BODY)
    preview = await use.preview()
    assert [each.after for each in preview.changes] == [f"answer 503 “{BODY}”"] * 2
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    for arn in (made.listener, made.rule):
        (action,) = made.actions(arn)
        assert action["FixedResponseConfig"]["MessageBody"] == BODY
    assert (await use.preview()).in_place
    aws.calls.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert aws.asked(MODIFY) == []
    await use.undo()
    assert [made.actions(arn) for arn in (made.listener, made.rule)] == before
    aws.calls.clear()
    await use.undo()
    assert aws.asked(MODIFY) == []


async def test_what_was_before_is_recorded_once(aws: Aws, at: At) -> None:
    """An attempt that was cut off after the listener does not make its answer the original."""
    made = balancer(aws)
    use = at(FIXED, listeners=made.listener, body=BODY)
    aws.refuse("elasticloadbalancing:ModifyRule", "ValidationError", "no")
    with pytest.raises(PermanentError):
        await use.apply()
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    await use.undo()
    assert made.weights(made.listener) == {made.blue: 100, made.green: 0}
    assert made.weights(made.rule) == {made.green: 1}


async def test_somebody_elses_change_is_drift_and_stays(aws: Aws, at: At) -> None:
    """A concurrent change changes the fingerprint, is not overwritten, and not undone."""
    made = balancer(aws)
    use = at(FIXED, listeners=made.listener, body=BODY)
    first = (await use.preview()).fingerprint
    use.captured = await use.action.capture(use.inputs, use.context)
    made.elb.modify_rule(RuleArn=made.rule, Actions=forward({made.blue: 1}))
    assert (await use.preview()).fingerprint != first
    with pytest.raises(PermanentError, match="was changed since"):
        await use.action.apply(use.inputs, use.captured, use.context)
    assert made.weights(made.rule) == {made.blue: 1}
    with pytest.raises(PermanentError, match="somebody else"):
        await use.undo()
    assert made.weights(made.listener) == {made.blue: 100, made.green: 0}
    assert made.weights(made.rule) == {made.blue: 1}


@pytest.mark.covers("AIVO-R10", "AIVO-FIX26")
async def test_weights_are_shared_in_steps(aws: Aws, at: At) -> None:
    """Traffic moves from blue to green; each step is absolute and can be taken back."""
    made = balancer(aws)
    for blue in (50, 25, 0):
        weights = {"blue": blue, made.green: 100 - blue}
        use = at(WEIGHTS, listener=made.listener, weights=weights)
        assert not (await use.preview()).in_place
        await use.apply()
        seen = await use.outcome()
        assert isinstance(seen, Holds)
        assert seen.output["percent"] == {"blue": blue, "green": 100 - blue}
        assert made.weights(made.listener) == {made.blue: blue, made.green: 100 - blue}
    assert (await use.preview()).in_place
    await use.undo()
    assert made.weights(made.listener) == {made.blue: 25, made.green: 75}
    assert isinstance(await use.verify(), Refuted)


async def test_no_traffic_goes_where_nobody_is_healthy(aws: Aws, at: At) -> None:
    """A group whose targets are down gets no more than it has."""
    made = balancer(aws, healthy=False)
    aws.progress.fail("elbv2:Target", "10.0.1.1")
    aws.progress.finish("elbv2:Target")
    use = at(WEIGHTS, listener=made.listener, weights={"blue": 50, "green": 50})
    with pytest.raises(PermanentError, match="without a healthy target"):
        await use.preview()


@pytest.mark.parametrize("uses", [FIXED, WEIGHTS])
async def test_rights_are_the_least(aws: Aws, at: At, uses: str) -> None:
    """The rights that are named are enough, and a missing one is named."""
    made = balancer(aws)
    several: dict[str, Json] = {
        FIXED: {"listeners": made.listener, "body": BODY},
        WEIGHTS: {"listener": made.listener, "weights": {"blue": 1, "green": 1}},
    }
    inputs = several[uses]

    def make(user: User) -> Use:
        return at(uses, credentials=user, **inputs)

    await checks.with_the_least_rights(aws, make)
    await checks.without(aws, make, "elasticloadbalancing:ModifyListener")
    await checks.without(aws, make, "elasticloadbalancing:DescribeListeners")


async def test_answers_that_fail(aws: Aws, at: At) -> None:
    """Too fast, failed inside and lost: each is what it is, and a look tells the truth."""
    made = balancer(aws)
    use = at(WEIGHTS, listener=made.listener, weights={"blue": 1, "green": 1})
    await checks.when_answers_fail(aws, use, "elasticloadbalancing:ModifyListener")


async def test_only_the_pinned_account_is_touched(aws: Aws, at: At) -> None:
    """Credentials of another account, and a listener in one, are refused before any look."""
    made = balancer(aws)
    inputs: Json = {"listeners": made.listener, "body": BODY}
    other = at(FIXED, connection={"account": "999999999999"}, **inputs)
    for verb in (other.preview, other.apply, other.verify):
        with pytest.raises(PermanentError, match=r"123456789012.*pins 999999999999"):
            await verb()
    elsewhere = made.listener.replace("123456789012", "999999999999")
    with pytest.raises(PermanentError, match="nothing is done elsewhere"):
        await at(FIXED, listeners=elsewhere, body=BODY).preview()
    assert aws.asked(MODIFY) == []


async def test_a_role_is_assumed_in_a_session_of_the_incident(aws: Aws, at: At) -> None:
    """Calls are made as the role, in a session that is named after the incident."""
    made = balancer(aws)
    role = "arn:aws:iam::123456789012:role/backout"
    use = at(FIXED, connection={"role": role}, listeners=made.listener, body=BODY)
    aws.calls.clear()
    await use.preview()
    assert aws.asked("sts:AssumeRole") == ["sts:AssumeRole"]
    keys = {each.key_id for each in aws.calls if each.operation != "AssumeRole"}
    assert all(key.startswith("ASIA") for key in keys)
    await use.apply()
    assert aws.asked("sts:AssumeRole") == ["sts:AssumeRole"]


async def answering(at: At, listener: str) -> Json:
    """Let the load balancer answer by itself; return what that recorded, by step."""
    use = at(FIXED, step="answer", listeners=listener, body=BODY)
    await use.apply()
    return {"answer": use.captured}


@pytest.mark.covers("AIVO-FIX40", "AIVO-I2")
async def test_a_later_step_puts_the_actions_back(aws: Aws, at: At) -> None:
    """Listener and rule forward as before the answer, and undo lets it answer again."""
    made = balancer(aws)
    before = [made.actions(arn) for arn in (made.listener, made.rule)]
    early = await at(RESTORE, from_step="answer").preview()
    assert early.changes == ()
    use = at(RESTORE, from_step="answer")
    use.context.captures = await answering(at, made.listener)
    preview = await use.preview()
    assert preview.fingerprint == early.fingerprint
    assert [each.before for each in preview.changes] == [f"answer 503 “{BODY}”"] * 2
    assert isinstance(await use.verify(), Refuted)
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    assert [made.actions(arn) for arn in (made.listener, made.rule)] == before
    assert (await use.preview()).in_place
    aws.calls.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert aws.asked(MODIFY) == []
    for _ in range(2):
        await use.undo()
        for arn in (made.listener, made.rule):
            assert made.actions(arn)[0]["FixedResponseConfig"]["MessageBody"] == BODY


async def test_weights_are_put_back_by_a_later_step(aws: Aws, at: At) -> None:
    """What a step set that shares traffic is recorded in the same way."""
    made = balancer(aws)
    half = at(WEIGHTS, listener=made.listener, weights={"blue": 50, "green": 50})
    await half.apply()
    use = at(RESTORE, step="back", from_step="half")
    use.context.captures = {"half": half.captured}
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    assert made.weights(made.listener) == {made.blue: 100, made.green: 0}


async def test_what_somebody_set_since_is_not_put_back(aws: Aws, at: At) -> None:
    """Nothing is changed, neither there nor elsewhere, and the place is named."""
    made = balancer(aws)
    use = at(RESTORE, step="back", from_step="answer")
    use.context.captures = await answering(at, made.listener)
    made.elb.modify_rule(RuleArn=made.rule, Actions=forward({made.blue: 1}))
    for verb in (use.preview, use.apply):
        with pytest.raises(PermanentError, match=r"Somebody else changed it since: shop rule 10"):
            await verb()
    assert made.actions(made.listener)[0]["Type"] == "fixed-response"
    assert made.weights(made.rule) == {made.blue: 1}


async def test_a_step_without_a_record_is_named(aws: Aws, at: At) -> None:
    """Nobody guesses where requests went."""
    use = at(RESTORE, step="back", from_step="answer")
    with pytest.raises(PermanentError, match="answer recorded nothing in this run"):
        await use.apply()
    use.context.captures = {"answer": {"policy": "inc-7"}}
    with pytest.raises(PermanentError, match="holds no actions"):
        await use.preview()


async def test_rights_to_put_actions_back_are_the_least(aws: Aws, at: At) -> None:
    """The rights that are named are enough, and a missing one is named."""
    made = balancer(aws)
    captures = await answering(at, made.listener)

    def make(user: User) -> Use:
        use = at(RESTORE, step="back", credentials=user, from_step="answer")
        use.context.captures = captures
        return use

    await checks.with_the_least_rights(aws, make)
    await checks.without(aws, make, "elasticloadbalancing:ModifyListener")
    await checks.without(aws, make, "elasticloadbalancing:DescribeRules")
