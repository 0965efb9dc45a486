"""The account's ways to break, what users feel of each, and how each is mended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws import users
from sandbox.aws.names import BACKUPS, GATEWAY, NEW, PREFIX, STABLE, UPLOADS
from sandbox.aws.part import BAD_FILES, BREACH, SLOW_VERSION, Aws
from sandbox.estate.clock import Clock
from sandbox.parts import ALL
from tests.sandbox.aws.conftest import HURRIED, Sdk, until, view

Json = Any
MAINTENANCE = '{"status": "maintenance"}'


class Listener:
    """The listener as the SDK changes it."""

    def __init__(self, aws: Aws, sdk: Sdk) -> None:
        self._arn = aws.addresses()["listener_arn"]
        self._sdk = sdk

    async def forward(self, **weights: int) -> None:
        """Give each group its weight."""
        found = await self._sdk("elbv2", "describe_target_groups", user=users.BOT)
        arns = {each["TargetGroupName"]: each["TargetGroupArn"] for each in found["TargetGroups"]}
        named = {"new": arns[NEW], "stable": arns[STABLE]}
        groups = [{"TargetGroupArn": named[n], "Weight": weight} for n, weight in weights.items()]
        await self._set({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}})

    async def shut(self) -> None:
        """Let the load balancer answer by itself."""
        answer = {
            "StatusCode": "503",
            "ContentType": "application/json",
            "MessageBody": MAINTENANCE,
        }
        await self._set({"Type": "fixed-response", "FixedResponseConfig": answer})

    async def _set(self, action: Json) -> None:
        await self._sdk(
            "elbv2",
            "modify_listener",
            user=users.BOT,
            ListenerArn=self._arn,
            DefaultActions=[action],
        )


@pytest.fixture
def listener(aws: Aws, sdk: Sdk) -> Listener:
    """The listener of the public."""
    return Listener(aws, sdk)


def percents(aws: Aws) -> dict[str, int]:
    """Return what each version gets."""
    return {each["group"]: each["percent"] for each in view(aws)["shares"]}


async def test_a_healthy_account_disturbs_nobody(aws: Aws) -> None:
    """All traffic goes to the stable version, all targets are healthy, and nothing is wrong."""
    state = view(aws)
    assert percents(aws) == {NEW: 0, STABLE: 100}
    assert [(e["healthy"], e["targets"]) for e in state["shares"]] == [(12, 12), (12, 12)]
    assert (state["fixed"], state["files"]["wrong"], state["exports"]) == (None, 0, 0)
    assert state["keys"] == [{"user": "deploy", "last4": "7Q2A", "status": "Active", "misuse": 0}]
    assert [each["status"] for each in state["instances"]] == ["available"]
    felt = aws.disturbance()
    assert (dict(felt.errors), felt.latency, felt.shut) == ({}, 0.0, 0.0)
    assert aws.answer() is None
    assert [each.story for each in aws.scenarios] == ["gradual", "security", "files"]


async def test_the_new_version_is_slow_in_proportion(aws: Aws, listener: Listener) -> None:
    """The less of the traffic it gets, the less users feel of it; half is below every limit."""
    await aws.break_it(SLOW_VERSION.id)
    whole = aws.disturbance()
    assert percents(aws) == {NEW: 100, STABLE: 0}
    assert whole.latency > 2.7
    assert 0.03 < whole.errors[ALL] < 0.05
    await listener.forward(new=50, stable=50)
    await until(lambda: percents(aws) == {NEW: 50, STABLE: 50})
    half = aws.disturbance()
    assert half.latency == pytest.approx(whole.latency / 2)
    assert half.errors[ALL] == pytest.approx(whole.errors[ALL] / 2)
    await listener.forward(new=0, stable=100)
    await until(lambda: not aws.disturbance().latency)


async def test_traffic_to_a_group_without_targets_is_lost(
    aws: Aws, sdk: Sdk, listener: Listener, clock: Clock
) -> None:
    """Whoever is sent there gets no answer; targets that come back are tried first."""
    found = await sdk("elbv2", "describe_target_groups", Names=[NEW])
    arn = found["TargetGroups"][0]["TargetGroupArn"]
    health = (await sdk("elbv2", "describe_target_health", TargetGroupArn=arn))[
        "TargetHealthDescriptions"
    ]
    targets = [each["Target"] for each in health]
    await sdk("elbv2", "deregister_targets", TargetGroupArn=arn, Targets=targets)
    await listener.forward(new=25, stable=75)
    await until(lambda: aws.disturbance().shut == 0.25)
    await sdk("elbv2", "register_targets", TargetGroupArn=arn, Targets=targets)
    await until(lambda: view(aws)["shares"][0]["targets"] == 12)
    assert view(aws)["shares"][0]["healthy"] == 0
    clock.set_speed(HURRIED)
    await until(lambda: view(aws)["shares"][0]["healthy"] == 12)
    assert aws.disturbance().shut == 0


async def test_the_balancer_answers_by_itself(aws: Aws, listener: Listener) -> None:
    """Nobody gets through, and everybody is told the same."""
    await listener.shut()
    await until(lambda: aws.answer() is not None)
    answer = aws.answer()
    assert answer is not None
    assert (answer.status, answer.content_type) == (503, "application/json")
    assert answer.body == MAINTENANCE == view(aws)["fixed"]["body"]
    assert aws.disturbance().shut == 1
    await listener.forward(new=0, stable=100)
    await until(lambda: aws.answer() is None)


async def stolen(sdk: Sdk) -> list[str]:
    """Return what the gateway says that the leaked key was used for."""
    found = await sdk("logs", "filter_log_events", logGroupName=GATEWAY, filterPattern="AKIA")
    told = [json.loads(each["message"]) for each in found["events"]]
    assert {each["caller"] for each in told} <= {"deploy/AKIASANDBOXDEPLO7Q2A"}
    return [each["request"] for each in told]


async def test_a_thief_goes_on_until_the_key_is_inactive(aws: Aws, sdk: Sdk, clock: Clock) -> None:
    """It is in the gateway's events and in the key's last use; deactivated, it opens nothing."""
    thief = users.THIEF
    names = await sdk("s3", "list_objects_v2", user=thief, Bucket=UPLOADS)
    assert names["KeyCount"] == 24
    await aws.break_it(BREACH.id)
    first = view(aws)["keys"][0]["misuse"]
    clock.set_speed(20)
    await until(lambda: view(aws)["keys"][0]["misuse"] > first)
    requests = await stolen(sdk)
    assert len(requests) >= first
    assert all(each.startswith("GET /exports/") for each in requests)
    used = await sdk("iam", "get_access_key_last_used", user=users.BOT, AccessKeyId=thief.key_id)
    assert used["AccessKeyLastUsed"]["ServiceName"] == "s3"
    await sdk(
        "iam",
        "update_access_key",
        user=users.BOT,
        UserName=thief.name,
        AccessKeyId=thief.key_id,
        Status="Inactive",
    )
    code = await sdk.refusal("s3", "list_objects_v2", user=thief, Bucket=UPLOADS)
    assert code == "InvalidAccessKeyId"
    assert await sdk.refusal("rds", "describe_db_instances", user=thief) == "InvalidClientTokenId"
    await until(lambda: view(aws)["keys"][0]["status"] == "Inactive")
    misuse = view(aws)["keys"][0]["misuse"]
    begun = clock.now()
    await until(lambda: clock.now() > begun + 40)
    assert view(aws)["keys"][0]["misuse"] == misuse


async def test_a_thief_gets_nothing_while_the_balancer_is_shut(
    aws: Aws, listener: Listener, clock: Clock
) -> None:
    """And goes on when the public is let in again, with a key that is still active."""
    await aws.break_it(BREACH.id)
    await listener.shut()
    await until(lambda: aws.answer() is not None)
    misuse = view(aws)["keys"][0]["misuse"]
    clock.set_speed(20)
    begun = clock.now()
    await until(lambda: clock.now() > begun + 40)
    assert view(aws)["keys"][0]["misuse"] == misuse
    await listener.forward(new=0, stable=100)
    await until(lambda: view(aws)["keys"][0]["misuse"] > misuse)


async def test_spoiled_files_have_good_copies(aws: Aws, sdk: Sdk) -> None:
    """Some uploads are wrong; copied back from yesterday's folder, none is; versions are kept."""
    await aws.break_it(BAD_FILES.id)
    files = view(aws)["files"]
    assert files["wrong"] == 9
    assert aws.disturbance().errors["media-service"] > 0.3
    await aws.break_it(BAD_FILES.id)
    versions = await sdk("s3", "list_object_versions", user=users.BOT, Bucket=UPLOADS)
    assert len(versions["Versions"]) == 24 + 9
    good = await sdk(
        "s3", "list_objects_v2", user=users.BOT, Bucket=BACKUPS, Prefix=files["prefix"]
    )
    assert good["KeyCount"] == 22, "two files are newer than the backup"
    for each in good["Contents"]:
        await sdk(
            "s3",
            "copy_object",
            user=users.BOT,
            Bucket=UPLOADS,
            Key=PREFIX + each["Key"].removeprefix(files["prefix"]),
            CopySource={"Bucket": BACKUPS, "Key": each["Key"]},
        )
    await until(lambda: view(aws)["files"]["wrong"] == 0)
    assert not aws.disturbance().errors


async def test_a_reset_brings_back_all_of_it(aws: Aws, sdk: Sdk, listener: Listener) -> None:
    """Whatever was broken or changed; who asks in the meantime gets good answers."""
    before = aws.addresses()
    for each in aws.scenarios:
        await aws.break_it(each.id)
    await sdk("iam", "delete_access_key", UserName="deploy", AccessKeyId=users.THIEF.key_id)
    await listener.shut()
    await aws.reset()
    assert aws.addresses() == before
    assert percents(aws) == {NEW: 0, STABLE: 100}
    assert view(aws)["files"]["wrong"] == 0
    assert view(aws)["keys"][0] == {
        "user": "deploy",
        "last4": "7Q2A",
        "status": "Active",
        "misuse": 0,
    }
    assert aws.answer() is None
    assert not aws.disturbance().errors
