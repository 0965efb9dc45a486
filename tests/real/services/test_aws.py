"""AWS as the bench simulates it: as strict as AWS is, and as slow as a test wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.real.aws.balancers import forward, front
from tests.real.services.aws.server import Aws
from tests.real.services.aws.uses import database, refusal, state

pytestmark = pytest.mark.real

Json = Any


@pytest.fixture
def balancer(aws: Aws) -> tuple[Any, str, list[str]]:
    """A load balancer: its client, its listener, and two target groups."""
    made = front(aws, "shop", {"blue": 100, "green": 0}, {})
    return made.elb, made.listener, list(made.groups.values())


def test_weights_are_set_and_read_again(balancer: tuple[Any, str, list[str]]) -> None:
    """A listener splits traffic as it was told to."""
    elb, listener, (blue, green) = balancer
    elb.modify_listener(ListenerArn=listener, DefaultActions=forward({blue: 0, green: 100}))
    (found,) = elb.describe_listeners(ListenerArns=[listener])["Listeners"]
    groups = found["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
    assert {each["TargetGroupArn"]: each["Weight"] for each in groups} == {blue: 0, green: 100}


def test_weights_and_groups_are_checked_as_aws_does(balancer: tuple[Any, str, list[str]]) -> None:
    """Neither a listener nor a rule takes weight 1000, unknown groups, or six of them."""
    elb, listener, (blue, green) = balancer
    conditions = [{"Field": "path-pattern", "Values": ["/api/*"]}]
    ruled = {"ListenerArn": listener, "Conditions": conditions}
    made = elb.create_rule(Priority=1, Actions=forward({blue: 1}), **ruled)["Rules"]
    rule = made[0]["RuleArn"]

    def codes(weights: dict[str, int]) -> list[str]:
        actions = forward(weights)
        return [
            refusal(elb.modify_listener, ListenerArn=listener, DefaultActions=actions),
            refusal(elb.modify_rule, RuleArn=rule, Actions=actions),
            refusal(elb.create_rule, **{**ruled, "Priority": 2, "Actions": actions}),
        ]

    assert codes({blue: 1000, green: 0}) == ["ValidationError"] * 3
    assert codes({blue.replace("blue", "red"): 1}) == ["TargetGroupNotFound"] * 3
    assert codes({f"{blue}{n}": 1 for n in range(6)}) == ["TooManyTargetGroups"] * 3


def test_an_instance_takes_its_time(aws: Aws) -> None:
    """It is creating when it is looked at first, then available, as a waiter wants it."""
    rds = aws.client("rds")
    settings = {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20}
    rds.create_db_instance(DBInstanceIdentifier="orders", **settings)
    assert [state(rds), state(rds), state(rds)] == ["creating", "available", "available"]
    rds.modify_db_instance(DBInstanceIdentifier="orders", AllocatedStorage=40)
    assert [state(rds), state(rds)] == ["modifying", "available"]


def test_an_operation_ends_when_the_test_wants_it(aws: Aws) -> None:
    """It goes on for ever, fails, or is done."""
    rds = database(aws)
    aws.progress.looks = None
    for name in ("good", "bad"):
        rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier="orders",
            TargetDBInstanceIdentifier=name,
            UseLatestRestorableTime=True,
        )
    assert [state(rds, "good") for _ in range(3)] == ["creating"] * 3
    aws.progress.finish("rds:DBInstance", "good")
    aws.progress.fail("rds:DBInstance", "bad")
    assert (state(rds, "good"), state(rds, "bad")) == ("available", "failed")


def test_an_instance_that_is_busy_is_not_touched(aws: Aws) -> None:
    """No snapshot, no change and no restore while it is being made."""
    rds = database(aws)
    rds.modify_db_instance(DBInstanceIdentifier="orders", AllocatedStorage=40)
    name = {"DBInstanceIdentifier": "orders"}
    codes = [
        refusal(rds.create_db_snapshot, DBSnapshotIdentifier="before", **name),
        refusal(rds.modify_db_instance, AllocatedStorage=50, **name),
        refusal(
            rds.restore_db_instance_to_point_in_time,
            SourceDBInstanceIdentifier="orders",
            TargetDBInstanceIdentifier="restored",
            UseLatestRestorableTime=True,
        ),
    ]
    assert codes == ["InvalidDBInstanceState"] * 3


def test_only_times_with_backups_can_be_restored(aws: Aws) -> None:
    """Not 2001, not tomorrow, not both, not without backups; right now it can."""
    rds = database(aws)
    database(aws, "scratch", BackupRetentionPeriod=0)

    def restore(source: str = "orders", **when: Json) -> Any:
        return rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier="restored", **when
        )

    now = datetime.now(UTC)
    for wrong in (datetime(2001, 1, 1, tzinfo=UTC), now + timedelta(days=1)):
        assert refusal(restore, RestoreTime=wrong) == "InvalidParameterValue"
    both: Json = {"RestoreTime": now, "UseLatestRestorableTime": True}
    assert refusal(restore, **both) == "InvalidParameterCombination"
    assert refusal(restore) == "InvalidParameterCombination"
    latest: Json = {"UseLatestRestorableTime": True}
    assert refusal(restore, "scratch", **latest) == "PointInTimeRestoreNotEnabled"
    assert refusal(restore, "nothing", **latest) == "DBInstanceNotFound"
    assert restore(RestoreTime=now)["DBInstance"]["DBInstanceStatus"] == "creating"


def test_a_snapshot_is_restored_once_it_is_there(aws: Aws) -> None:
    """It is creating at first; what is restored from it keeps its engine."""
    rds = database(aws)
    rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="before")

    def restore() -> Any:
        return rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="restored", DBSnapshotIdentifier="before"
        )

    def look() -> tuple[str, int]:
        (found,) = rds.describe_db_snapshots(DBSnapshotIdentifier="before")["DBSnapshots"]
        return found["Status"], found["PercentProgress"]

    assert refusal(restore) == "InvalidDBSnapshotState"
    assert (look(), look()) == (("creating", 0), ("available", 100))
    assert restore()["DBInstance"]["Engine"] == "postgres"
    assert [state(rds, "restored"), state(rds, "restored")] == ["creating", "available"]


def test_a_moved_stage_is_what_is_read(aws: Aws) -> None:
    """After a rollback of a secret who asks for no version gets the old value."""
    secrets = aws.client("secretsmanager")
    first = secrets.create_secret(Name="shop/api", SecretString="old")["VersionId"]
    second = secrets.put_secret_value(SecretId="shop/api", SecretString="new")["VersionId"]
    move = {"SecretId": "shop/api", "VersionStage": "AWSCURRENT"}
    secrets.update_secret_version_stage(MoveToVersionId=first, RemoveFromVersionId=second, **move)
    assert secrets.get_secret_value(SecretId="shop/api")["SecretString"] == "old"
    previous = secrets.get_secret_value(SecretId="shop/api", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "new"


def test_a_record_is_pending_until_it_is_everywhere(aws: Aws) -> None:
    """A change has an id of its own, and nobody knows others."""
    dns = aws.client("route53")
    zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
    record = {"Name": "shop.example.com", "Type": "A", "TTL": 60}
    record["ResourceRecords"] = [{"Value": "192.0.2.1"}]
    changes = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    made = dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)["ChangeInfo"]
    again = dns.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)["ChangeInfo"]
    assert (made["Status"], made["Id"] == again["Id"]) == ("PENDING", False)
    looks = [dns.get_change(Id=made["Id"])["ChangeInfo"]["Status"] for _ in range(2)]
    assert looks == ["PENDING", "INSYNC"]
    assert refusal(dns.get_change, Id="C0NOBODY") == "NoSuchChange"


def test_an_invalidation_completes(aws: Aws) -> None:
    """It is in progress, then completed in the words that the SDK's waiter wants."""
    cdn = aws.client("cloudfront")
    web = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origin = {"Id": "shop", "DomainName": "shop.example.com", "CustomOriginConfig": web}
    distribution = cdn.create_distribution(
        DistributionConfig={
            "CallerReference": "1",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "shop",
                "ViewerProtocolPolicy": "allow-all",
                "MinTTL": 0,
                "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
            },
        }
    )["Distribution"]["Id"]
    batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "INC-7"}
    made = cdn.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
    number = made["Invalidation"]["Id"]
    assert made["Invalidation"]["Status"] == "InProgress"
    looks = [
        cdn.get_invalidation(DistributionId=distribution, Id=number)["Invalidation"]["Status"]
        for _ in range(2)
    ]
    assert looks == ["InProgress", "Completed"]
    listed = cdn.list_invalidations(DistributionId=distribution)["InvalidationList"]["Items"]
    assert [each["Status"] for each in listed] == ["Completed"]
    cdn.get_waiter("invalidation_completed").wait(DistributionId=distribution, Id=number)


def test_patterns_of_logs_are_judged_or_refused(aws: Aws) -> None:
    """Plain words find their lines; what would match everything is refused."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="shop")
    logs.create_log_stream(logGroupName="shop", logStreamName="1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    events = [{"timestamp": now, "message": text} for text in ("GET 200", "ERROR pool exhausted")]
    logs.put_log_events(logGroupName="shop", logStreamName="1", logEvents=events)

    def found(pattern: str) -> list[str]:
        answer = logs.filter_log_events(logGroupName="shop", filterPattern=pattern)
        return [each["message"] for each in answer["events"]]

    assert found("") == ["GET 200", "ERROR pool exhausted"]
    assert found("ERROR pool") == found('"pool exhausted"') == ["ERROR pool exhausted"]
    for odd in ('{ $.level = "error" }', "?ERROR ?WARN", "ERROR -pool", "[ip, user]", "%ERR.*%"):
        assert refusal(found, odd) == "InvalidParameterException"
