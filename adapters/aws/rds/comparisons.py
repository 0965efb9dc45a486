"""Whether an instance that was restored has become what was recorded of it.  Pure.

Called by `restores`.
"""

from datetime import datetime

from adapters.aws.inputs import moment
from adapters.aws.rds import instances, settings
from adapters.aws.rds.instances import Object
from adapters.values import listed
from flows.actions import Holds, JsonObject


def applying(found: Object) -> str:
    """Say which group is still on its way; what needs a restart is no reason to wait."""
    states = [
        ("parameter group", _states(found, "DBParameterGroups", "ParameterApplyStatus")),
        ("option group", _states(found, "OptionGroupMemberships", "Status")),
        ("security groups", _states(found, "VpcSecurityGroups", "Status")),
    ]
    late = [name for name, seen in states if any(s in seen for s in ("applying", "adding"))]
    return f"its {listed(late)} being applied" if late else ""


def _states(found: Object, several: str, name: str) -> set[str]:
    return {str(each.get(name)) for each in found.get(several) or ()}


def differences(record: JsonObject, found: Object) -> list[str]:
    """Tell what is otherwise than recorded: settings, encryption, tags."""
    other = settings.differences(record["settings"], found)
    if (key := settings.encryption(found)) != record["encryption"]:
        other.append(f"encryption key {key}, not {record['encryption']}")
    tags = instances.tags_of(found)
    if missing := [name for name, value in record["tags"].items() if tags.get(name) != value]:
        other.append(f"without its tags {listed(missing)}")
    return other


def holds(record: JsonObject, found: Object) -> Holds:
    """Tell where the new instance is, and what it has in common with its source."""
    where = found["Endpoint"]
    has = {settings.label(name): settings.told(v) for name, v in record["settings"].items()}
    restart = "pending-reboot" in _states(found, "DBParameterGroups", "ParameterApplyStatus")
    output = {
        "instance": record["target"],
        "host": where["Address"],
        "port": where["Port"],
        "arn": found["DBInstanceArn"],
        "time": record["time"],
        "settings": {**has, "encryption key": record["encryption"]},
    }
    return Holds(
        summary=f"{record['target']} is available at {where['Address']}:{where['Port']}, with "
        f"the data of {moment(datetime.fromisoformat(record['time']))} and the settings of its "
        "source" + ("; its parameters need a restart" if restart else ""),
        output=output,
    )
