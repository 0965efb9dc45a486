"""Who may do what in the account: its users, their keys and rights, and who is let in.

Called by `part`: to seed IAM, and before each call.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from sandbox.aws.errors import AwsError, denied, unknown_key
from sandbox.aws.front import Call
from sandbox.aws.names import ACCOUNT, REGION

ACTIVE = "Active"
IDENTITY = "sts:GetCallerIdentity"  # nobody can be refused this one


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with one key."""

    name: str
    key_id: str
    rights: tuple[str, ...]
    age: timedelta
    secret: str = "not-a-secret"  # noqa: S105  # opens nothing but this simulation

    @property
    def last4(self) -> str:
        """Return what may be told of the key."""
        return self.key_id[-4:]


BOT = User(
    name="backout",
    key_id="AKIASANDBOXBACKOUT01",
    age=timedelta(days=90),
    rights=(
        "elasticloadbalancing:Describe*",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyRule",
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:UpdateAccessKey",
        "logs:FilterLogEvents",
        "rds:AddTagsToResource",
        "rds:CreateDBSnapshot",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:RestoreDBInstanceToPointInTime",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetBucketVersioning",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutObject",
        "ses:SendEmail",
    ),
)
"""The bot: what AIVO's procedures ask for, and no more."""
THIEF = User(
    name="deploy",
    key_id="AKIASANDBOXDEPLO7Q2A",
    age=timedelta(days=412),
    rights=("s3:Get*", "s3:List*", "s3:PutObject", "logs:*"),
)
"""Whose key leaks."""
OPERATOR = User(
    name="operator", key_id="AKIASANDBOXOPERATOR1", age=timedelta(days=30), rights=("*",)
)
"""For a look, and for breaking more than the buttons do."""
USERS = (BOT, THIEF, OPERATOR)


def seed() -> None:
    """Make the users, each with its key and its policy."""
    backend = _backend()
    for user in USERS:
        backend.create_user(REGION, user.name)
        key = backend.create_access_key(user.name)
        del backend.access_keys[key.access_key_id]
        key.access_key_id, key.secret_access_key = user.key_id, user.secret
        key.create_date = (datetime.now(UTC) - user.age).replace(tzinfo=None)
        backend.access_keys[user.key_id] = key
        statement = {"Effect": "Allow", "Action": list(user.rights), "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        backend.put_user_policy(user.name, "rights", json.dumps(policy))
    note_use(THIEF, "s3", ago=timedelta(hours=7))


def check(call: Call) -> AwsError | None:
    """Refuse keys that nobody has, keys that were deactivated, and what a user may not do."""
    key = key_of(call.key_id)
    if key is None or key.status != ACTIVE:
        return unknown_key(call.service)
    user = next((each for each in USERS if each.name == key.user_name), None)
    rights = (*(user.rights if user else ()), IDENTITY)
    if not any(fnmatchcase(call.right, pattern) for pattern in rights):
        return denied(call.service, call.right, key.user_name)
    return None


def key_of(key_id: str) -> Any:
    """Return a key as IAM has it, or None."""
    return _backend().access_keys.get(key_id)


def status(user: User) -> str:
    """Return Active, Inactive, or nothing where the key is gone."""
    key = key_of(user.key_id)
    return str(key.status) if key else ""


def note_use(user: User, service: str, *, ago: timedelta = timedelta()) -> None:
    """Let IAM know that somebody used its key."""
    from moto.iam.models import AccessKeyLastUsed

    if key := key_of(user.key_id):
        moment = (datetime.now(UTC) - ago).replace(tzinfo=None)
        key.last_used = AccessKeyLastUsed(timestamp=moment, service=service, region=REGION)


def _backend() -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[ACCOUNT]["aws"]
