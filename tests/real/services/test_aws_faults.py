"""AWS as the bench simulates it: calls that are refused, lost, too fast, or never answered."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.real.services.aws.server import Aws
from tests.real.services.aws.uses import database, refusal, state

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("rds", "describe_db_instances", "Throttling", 400),
        ("elbv2", "describe_load_balancers", "Throttling", 400),
        ("route53", "list_hosted_zones", "Throttling", 400),
        ("secretsmanager", "list_secrets", "ThrottlingException", 400),
        ("s3", "list_buckets", "SlowDown", 503),
    ],
)
def test_calls_may_come_too_fast(aws: Aws, service: str, call: str, code: str, status: int) -> None:
    """Each service says so in its own protocol; the SDK asks again where it may."""
    client = aws.client(service)
    aws.throttle()
    with pytest.raises(ClientError) as refused:
        getattr(client, call)()
    answer = refused.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    aws.throttle()
    patient = aws.client(service, retries={"total_max_attempts": 2})
    assert getattr(patient, call)()["ResponseMetadata"]["RetryAttempts"] == 1
    assert [each.status for each in aws.calls] == [status, status, 200]


def test_a_user_is_refused_what_it_may_not_do(aws: Aws) -> None:
    """The right that is missing is named, and nothing happened."""
    database(aws)
    reader = aws.user("rds:DescribeDBInstances", name="reader")
    rds = aws.client("rds", reader)
    assert state(rds) == "available"
    with pytest.raises(ClientError, match=r"user/reader .* perform: rds:CreateDBSnapshot"):
        rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="before")
    assert aws.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    assert refusal(aws.client("s3", reader).list_buckets) == "AccessDenied"
    assert refusal(aws.client("secretsmanager", reader).list_secrets) == "AccessDeniedException"
    assert aws.client("sts", reader).get_caller_identity()["Account"] == "123456789012"


def test_an_answer_may_be_lost(aws: Aws) -> None:
    """The call took effect, and the client does not know."""
    rds = database(aws)
    aws.lose_answer("rds:CreateDBSnapshot")
    with pytest.raises(ConnectionClosedError):
        rds.create_db_snapshot(DBInstanceIdentifier="orders", DBSnapshotIdentifier="before")
    found = rds.describe_db_snapshots(DBSnapshotIdentifier="before")["DBSnapshots"]
    assert [each["DBSnapshotIdentifier"] for each in found] == ["before"]


def test_an_answer_may_never_come(aws: Aws) -> None:
    """The client gives up; nothing happened."""
    rds = database(aws)
    aws.hang("rds:CreateDBSnapshot")
    with pytest.raises(ReadTimeoutError):
        aws.client("rds", read_timeout=0.3).create_db_snapshot(
            DBInstanceIdentifier="orders", DBSnapshotIdentifier="before"
        )
    while not aws.asked("rds:CreateDBSnapshot"):  # a slow server may yet have to read it
        time.sleep(0.02)
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []


def test_errors_of_aws_and_of_the_tests_choice(aws: Aws) -> None:
    """A fault meets the calls that are named, so many times."""
    rds = database(aws)
    aws.fail("rds:.*")
    aws.refuse("rds:Describe.*", "ExpiredToken", "The security token has expired.", status=403)
    codes = [refusal(state, rds) for _ in range(2)]
    assert codes == ["InternalFailure", "ExpiredToken"]
    assert state(rds) == "available"
    assert aws.client("sts").get_caller_identity()
    assert aws.asked("rds:Describe.*") == ["rds:DescribeDBInstances"] * 4


def test_objects_are_told_apart_by_their_addresses(aws: Aws) -> None:
    """A test can name the calls of S3, which stand in no field of their own."""
    store = aws.client("s3", aws.user("s3:PutObject", "s3:CreateBucket", "s3:GetObject"))
    place = {"LocationConstraint": "eu-west-1"}
    store.create_bucket(Bucket="shop", CreateBucketConfiguration=place)
    store.put_object(Bucket="shop", Key="site/index.html", Body=b"old")
    store.copy_object(Bucket="shop", Key="site/kept.html", CopySource="shop/site/index.html")
    assert store.get_object(Bucket="shop", Key="site/kept.html")["Body"].read() == b"old"
    assert refusal(store.list_objects_v2, Bucket="shop") == "AccessDenied"
    assert refusal(store.delete_object, Bucket="shop", Key="a") == "AccessDenied"
    assert aws.asked() == [
        f"s3:{name}"
        for name in (
            "CreateBucket",
            "PutObject",
            "CopyObject",
            "GetObject",
            "ListObjectsV2",
            "DeleteObject",
        )
    ]


def test_another_process_finds_it(aws: Aws) -> None:
    """The variables are those that every SDK and the command line read."""
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **aws.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "123456789012"
    assert aws.asked() == ["sts:GetCallerIdentity"]


def test_every_test_begins_with_an_empty_account(aws: Aws) -> None:
    """Nothing of another test is there."""
    assert aws.client("rds").describe_db_instances()["DBInstances"] == []
    assert aws.asked() == ["rds:DescribeDBInstances"]
