"""What the tests of AWS's services do again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.real.services.aws.server import Aws

Json = Any


def refusal(act: Callable[..., object], *values: Json, **named: Json) -> str:
    """Return the code with which AWS refuses a call."""
    with pytest.raises(ClientError) as refused:
        act(*values, **named)
    return str(refused.value.response["Error"]["Code"])


def database(aws: Aws, name: str = "orders", **more: Json) -> Any:
    """Make an instance that is available; return the client."""
    rds = aws.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="shop",
        MasterUserPassword="secret-of-the-bench",
        **more,
    )
    aws.progress.finish("rds:DBInstance", name)
    state(rds, name)
    return rds


def state(rds: Any, name: str = "orders") -> str:
    """Return an instance's status."""
    (found,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    return str(found["DBInstanceStatus"])
