"""AWS for golden cases: the real SDK, whose calls end before the network and are answered here.

What is asked is checked by the SDK against AWS's own description of the operation, and so is each
answer that a case gives.
"""

import io
import json
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody
from botocore.validate import validate_parameters

from config.models.connections import AwsConnection
from config.models.systems import System

Json = Any
ACCOUNT = "123456789012"
OWN_KEY = "AKIABACKOUTOWNKEY001"
IDENTITY = "sts:GetCallerIdentity"
WHO = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/backout", "UserId": "AIDABACKOUT"}
READS = ("Describe", "List", "Get", "Head", "Filter")


def pinned(system: System) -> System:
    """Return the system with the account that answers here."""
    connection = AwsConnection(account=ACCOUNT, region="us-east-1")
    connections = system.connections.model_copy(update={"aws": connection})
    return system.model_copy(update={"connections": connections})


class AwsAnswers:
    """Answers `rds:DescribeDBInstances` (or `… NAME`, where NAME is one of its values).

    An answer is what the SDK would return, `{"error": code, "message": …, "status": …}`, or `cut`;
    a list of them is answered one after the other, the last one for ever.
    """

    def __init__(self, observed: dict[str, Json]) -> None:
        self.observed = {IDENTITY: WHO, **observed}
        self._asked: list[dict[str, Json]] = []

    @property
    def asked(self) -> list[Json]:
        """Return what is sent side by side (reads, and all of S3) sorted, then changes in order."""
        aside = [each for each in self._asked if _is_aside(each["call"])]
        rest = [each for each in self._asked if not _is_aside(each["call"])]
        return [*sorted(aside, key=lambda each: json.dumps(each, sort_keys=True)), *rest]

    def new_session(self, connection: AwsConnection) -> Any:
        """Return a session of the SDK that asks here."""
        session = botocore.session.Session()
        session.register_component("data_loader", loader())
        session.set_credentials(OWN_KEY, "own-secret")
        session.register("provide-client-params", self._note)
        session.register("before-call", self._answer)
        return session

    def _note(self, params: Json, model: Any, context: Json, **_: Json) -> None:
        context["asked"] = json.loads(json.dumps(params, default=_plain))

    def _answer(self, model: Any, context: Json, **_: Json) -> tuple[Json, Json]:
        name = f"{model.service_model.service_name}:{model.name}"
        asked = context["asked"]
        if name != IDENTITY:
            self._asked.append({"call": name, **asked})
        found = self._find(name, asked)
        if found == "cut":
            raise ReadTimeoutError(endpoint_url="https://aws.invalid")
        if "error" in found:
            status = found.get("status", 400)
            error = {"Code": found["error"], "Message": found.get("message", "")}
            metadata = {"HTTPStatusCode": status}
            return _Http(status), {"Error": error, "ResponseMetadata": metadata}
        answer = {} if model.output_shape is None else _typed(found, model.output_shape)
        if model.output_shape is not None:
            validate_parameters(answer, model.output_shape)
        return _Http(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def _find(self, name: str, asked: Json) -> Json:
        keys = [f"{name} {value}" for value in _texts(asked)]
        key = next((each for each in keys if each in self.observed), name)
        assert key in self.observed, f"the case answers neither {name} nor one of {keys}"
        found = self.observed[key]
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


class _Http:
    """What the SDK looks at of a response, besides what was parsed from it."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        self.headers: dict[str, str] = {}


@cache
def loader() -> Any:
    """Return what reads the services' descriptions, each once for all tests."""
    return botocore.session.Session().get_component("data_loader")


def _is_aside(name: str) -> bool:
    service, _, operation = name.partition(":")
    return service == "s3" or operation.startswith(READS)


def _plain(value: Json) -> Json:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _texts(value: Json) -> list[str]:
    match value:
        case dict():
            return [text for each in value.values() for text in _texts(each)]
        case list():
            return [text for each in value for text in _texts(each)]
        case _:
            return [str(value)]


def _typed(value: Json, shape: Any) -> Json:
    """Give an answer the types of the operation's shape: times, bodies."""
    match shape.type_name:
        case "structure":
            assert value.keys() <= shape.members.keys(), value.keys() - shape.members.keys()
            return {name: _typed(each, shape.members[name]) for name, each in value.items()}
        case "list":
            return [_typed(each, shape.member) for each in value]
        case "map":
            return {name: _typed(each, shape.value) for name, each in value.items()}
        case "timestamp":
            return datetime.fromisoformat(value)
        case "blob" if shape.serialization.get("streaming"):
            return StreamingBody(io.BytesIO(value.encode()), len(value.encode()))
        case _:
            return value
