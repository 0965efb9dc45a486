"""What can go wrong between a client and the API server, and what a client asked.

Made by tests through `gateway`, which plays them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Json = Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that came through.

    `path` holds the query. `body` and `answer` are JSON, or text where they are none; `status` and
    `answer` are None when the client got no answer. A long answer (a watch, a log) is not kept.
    """

    method: str
    path: str
    content_type: str
    body: Json
    status: int | None = None
    answer: Json = None

    @property
    def line(self) -> str:
        """Return `PATCH /apis/apps/v1/…?dryRun=All`."""
        return f"{self.method} {self.path}"


class Effect(Enum):
    """What happens to a request."""

    ANSWER = "the gateway answers itself, and forwards nothing"
    HANG = "nothing is forwarded and nothing answered until the client gives up"
    LOSE_ANSWER = "the server acts, and the connection breaks before its answer"
    BEFORE = "something is done just before the request is forwarded"


@dataclass(slots=True, kw_only=True)
class Fault:
    """An effect on requests of a method whose path (with the query) matches; `hits` counts them.

    It ends after `times` hits.
    """

    effect: Effect
    method: str = ""
    path: str = ""
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    act: Callable[[], object] | None = None
    hits: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Say whether the fault is for this request, and still there."""
        wanted = self.method in ("", method) and re.search(self.path, path)
        return bool(wanted) and self.hits < self.times


def refusal(status: int, message: str) -> Json:
    """Return the body that the API server gives with an error."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": REASONS.get(status, ""),
        "code": status,
    }
