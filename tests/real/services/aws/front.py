"""What stands before moto: it knows each call, checks its rights, and makes it fail on demand."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from threading import Event
from typing import Any
from urllib.parse import parse_qs

from moto.core.utils import get_service_model
from werkzeug.wrappers import Request

from tests.real.services.aws.errors import AwsError, body, denied

SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4")
PLACEHOLDER = re.compile(r"\\{(\w+)(\\\+)?\\}")
# Where IAM's name for a right is not the operation's.
RIGHTS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
}

Answer = Callable[[str, list[tuple[str, str]]], Any]
Environment = dict[str, Any]
Application = Callable[[Environment, Answer], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: `right` is "rds:CreateDBSnapshot"; `status` is 0 when no answer is given."""

    service: str
    operation: str
    region: str
    key_id: str
    status: int

    @property
    def right(self) -> str:
        """Return what IAM calls the right to it."""
        name = f"{self.service}:{self.operation}"
        return RIGHTS.get(name, name)


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to calls whose `service:Operation` matches, so many times.

    `error` answers with it; `loses_answer` lets the call happen and cuts the connection; `hangs`
    says nothing until it is `lifted`.
    """

    pattern: re.Pattern[str]
    times: int
    error: AwsError | Callable[[str], AwsError] | None = None
    loses_answer: bool = False
    hangs: bool = False
    lifted: Event = field(default_factory=Event)


class Front:
    """A WSGI application around moto's."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.users: dict[str, tuple[str, frozenset[str]]] = {}  # key id: name and rights

    def mend(self) -> None:
        """End all faults."""
        for each in self.faults:
            each.lifted.set()
        self.faults.clear()

    def clear(self) -> None:
        """Forget calls, faults and users."""
        self.mend()
        self.calls.clear()
        self.users.clear()

    def __call__(self, environment: Environment, answer: Answer) -> Iterable[bytes]:
        """Handle one request."""
        scope = SCOPE.search(environment.get("HTTP_AUTHORIZATION", ""))
        if not scope:
            return self._inner(environment, answer)
        service = scope["service"]
        operation = operation_of(service, environment)
        fault = self._next_fault(f"{service}:{operation}")
        statuses: list[int] = []

        def noted(status: str, headers: list[tuple[str, str]]) -> Any:
            statuses.append(int(status.split(maxsplit=1)[0]))
            return answer(status, headers)

        call = Call(
            service=service,
            operation=operation,
            region=scope["region"],
            key_id=scope["key"],
            status=0,
        )
        lost = fault is not None and (fault.loses_answer or fault.hangs)
        if lost:  # now, because the client, and the next test, go on as soon as it is cut
            self.calls.append(call)
        try:
            return self._handle(environment, noted, fault, (scope["key"], service, operation))
        finally:
            if not lost:
                self.calls.append(replace(call, status=statuses[-1] if statuses else 0))

    def _handle(
        self,
        environment: Environment,
        answer: Answer,
        fault: Fault | None,
        asked: tuple[str, str, str],
    ) -> Iterable[bytes]:
        key, service, operation = asked
        if fault and fault.hangs:
            fault.lifted.wait()
            return cut(environment)
        if fault and fault.error:
            error = fault.error(service) if callable(fault.error) else fault.error
            return refuse(service, error, answer)
        if lacking := self._lacks(key, f"{service}:{operation}"):
            return refuse(service, denied(service, *lacking), answer)
        if fault and fault.loses_answer:
            for _ in self._inner(environment, lambda *_: io.BytesIO().write):
                pass
            return cut(environment)
        return self._inner(environment, answer)

    def _next_fault(self, name: str) -> Fault | None:
        for each in self.faults:
            if each.times > 0 and each.pattern.fullmatch(name):
                each.times -= 1
                return each
        return None

    def _lacks(self, key: str, name: str) -> tuple[str, str] | None:
        """Return the right that a user of the test lacks, and the user's name."""
        right = RIGHTS.get(name, name)
        user, rights = self.users.get(key, ("", frozenset({right})))
        free = name == "sts:GetCallerIdentity"  # nobody can be refused this one
        return None if free or right in rights else (right, user)


def refuse(service: str, error: AwsError, answer: Answer) -> list[bytes]:
    """Answer with an error."""
    kind, content = body(service, error)
    length = ("Content-Length", str(len(content)))
    answer(f"{error.status} {error.code}", [("Content-Type", kind), length])
    return [content]


def cut(environment: Environment) -> Iterable[bytes]:
    """Close the connection without an answer."""
    connection: socket.socket = environment["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("The bench cut this connection, as a test asked for.")


def operation_of(service: str, environment: Environment) -> str:
    """Return the name of the operation that a request asks for, or ""."""
    if target := environment.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if "form-urlencoded" in environment.get("CONTENT_TYPE", ""):
        length = int(environment.get("CONTENT_LENGTH") or 0)
        content = environment["wsgi.input"].read(length)
        environment["wsgi.input"] = io.BytesIO(content)
        return next(iter(parse_qs(content.decode()).get("Action", [])), "")
    return by_address(service, Request(environment))


def by_address(service: str, request: Request) -> str:
    """Find a REST operation by method, path, query and headers: the one that asks for most."""
    best = ("", -1)
    model = get_service_model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.http["method"] != request.method:
            continue
        path, _, query = operation.http["requestUri"].partition("?")
        asked = {*parse_qs(query, keep_blank_values=True), *required(operation, "querystring")}
        headers = required(operation, "header")
        fits = all(each in request.args for each in asked)
        fits = fits and all(each in request.headers for each in headers)
        if fits and as_pattern(path).fullmatch(request.path.rstrip("/") or "/"):
            best = max(best, (name, 100 * len({*asked, *headers}) + len(path)), key=itemgetter(1))
    return best[0]


def required(operation: Any, location: str) -> list[str]:
    """Return what an operation must have in its query, or in its headers."""
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape else []
    found = (each.serialization for each in members)
    return [str(each["name"]) for each in found if each.get("location") == location]


def as_pattern(path: str) -> re.Pattern[str]:
    """Turn `/{Bucket}/{Key+}` into a pattern."""
    text = re.escape(path.rstrip("/") or "/")
    return re.compile(PLACEHOLDER.sub(lambda each: ".+" if each[2] else "[^/]+", text))
