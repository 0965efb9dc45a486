"""IAM actions and the ARNs that they are needed on.  Pure: asked offline, too.

Called by every AWS action, for its permissions and for each call (an error names its right).
"""

from config.models.systems import System
from flows.actions import ANY, Permission

PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "us-iso": "aws-iso", "us-isob": "aws-iso-b"}


def right(system: System, verb: str, resource: str = ANY) -> Permission:
    """Name one right: an IAM action such as `rds:CreateDBSnapshot`, and the ARN it is about."""
    connection = system.connections.aws
    account = connection.account if connection else ""
    return Permission(kind="iam", verb=verb, resource=resource, scope=account)


def arn(system: System, service: str, resource: str, *, regional: bool = True) -> str:
    """Write an ARN of the system's account and region; IAM's and S3's have no region."""
    connection = system.connections.aws
    region = connection.region if connection else ANY
    account = connection.account if connection else ANY
    return ":".join(
        ("arn", partition(region), service, region if regional else "", account, resource)
    )


def bucket_arn(system: System, bucket: str, path: str = "") -> str:
    """Write the ARN of a bucket, or of objects in it (`path` may end in `*`)."""
    connection = system.connections.aws
    name = f"{bucket}/{path}" if path else bucket
    return f"arn:{partition(connection.region if connection else ANY)}:s3:::{name}"


def partition(region: str) -> str:
    """Return the part of AWS that a region belongs to."""
    return PARTITIONS.get(region.rsplit("-", 2)[0], "aws")


def service_of(permission: Permission) -> str:
    """Return the service's name in IAM: `rds` of `rds:CreateDBSnapshot`."""
    return permission.verb.partition(":")[0]
