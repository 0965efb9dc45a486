"""What stands before moto: it knows each call, checks its rights, and makes it fail on demand."""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Event, RLock
from typing import Any

from sandbox.aws.errors import AwsError, body, denied
from sandbox.aws.operations import Environment, operation_of

KEPT = 20_000
SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4")
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


Guard = Callable[[Call], AwsError | None]
"""Looks at a call before it happens; what it returns is the answer."""


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
    """A WSGI application around moto's, which handles one request after the other."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self.lock = RLock()
        self.guard: Guard | None = None
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
            return self._ask(environment, answer)
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
            self._note(call)
        try:
            return self._handle(environment, noted, fault, call)
        finally:
            if not lost:
                self._note(replace(call, status=statuses[-1] if statuses else 0))

    def _note(self, call: Call) -> None:
        self.calls.append(call)
        del self.calls[:-KEPT]

    def _handle(
        self, environment: Environment, answer: Answer, fault: Fault | None, call: Call
    ) -> Iterable[bytes]:
        if fault and fault.hangs:
            fault.lifted.wait()
            return cut(environment)
        if fault and fault.error:
            error = fault.error(call.service) if callable(fault.error) else fault.error
            return refuse(call.service, error, answer)
        if refused := self._refusal(call):
            return refuse(call.service, refused, answer)
        if fault and fault.loses_answer:
            for _ in self._ask(environment, lambda *_: io.BytesIO().write):
                pass
            return cut(environment)
        return self._ask(environment, answer)

    def _ask(self, environment: Environment, answer: Answer) -> Iterable[bytes]:
        with self.lock:  # moto is not made for several threads
            return self._inner(environment, answer)

    def _next_fault(self, name: str) -> Fault | None:
        for each in self.faults:
            if each.times > 0 and each.pattern.fullmatch(name):
                each.times -= 1
                return each
        return None

    def _refusal(self, call: Call) -> AwsError | None:
        """Return what is said to a user who lacks the right to it."""
        if self.guard is not None and (error := self.guard(call)):
            return error
        user, rights = self.users.get(call.key_id, ("", frozenset({call.right})))
        free = call.right == "sts:GetCallerIdentity"  # nobody can be refused this one
        return None if free or call.right in rights else denied(call.service, call.right, user)


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
    raise ConnectionAbortedError("The simulation cut this connection, as it was asked to.")
