"""The API gateway's events: what users ask for, and what a thief with a key takes.

Called by `part`, to seed them, and while a key is used by somebody who should not have it.
"""

from __future__ import annotations

import json
from random import Random
from time import time
from typing import Any

from sandbox.aws.names import ACCOUNT, GATEWAY, REGION
from sandbox.aws.patches import Patches, arguments
from sandbox.aws.progress import Progress
from sandbox.aws.users import THIEF

STREAM, STOLEN = "access/1", "access/2"
HOURS, USUAL = 6, 360  # so many events of users in the last hours
SUSPECTED = 20 * 60  # seconds before it is noticed, and how often the key was used by then:
UNNOTICED = 120
RATE = 1.5  # requests of the thief in a simulated second
MOST = 60  # of them at once, however fast the clock runs
ADDRESS = "203.0.113.77"  # of nobody: kept for documentation
PATHS = ("/courses", "/grades", "/assessments", "/users/me", "/uploads", "/health")


def seed(random: Random) -> None:
    """Write what users asked for in the last hours."""
    backend, now = _backend(), time()
    backend.create_log_group(GATEWAY, {})
    for stream in (STREAM, STOLEN):
        backend.create_log_stream(GATEWAY, stream)
    times = sorted(now - random.uniform(1, HOURS * 3600) for _ in range(USUAL))
    _write(STREAM, [(at, _usual(random)) for at in times])


def steal(random: Random, number: int, *, over: float) -> None:
    """Write that many requests of the thief, spread over the last seconds."""
    now = time()
    times = sorted(now - random.uniform(0, over) for _ in range(number))
    _write(STOLEN, [(at, _stolen(random)) for at in times])


class Exports:
    """How often the events of a time were read: whoever takes many reads them piece by piece."""

    def __init__(self) -> None:
        self.count = 0
        self._end = 0

    def clear(self) -> None:
        """Count from zero."""
        self.count = self._end = 0

    def tighten(self, patches: Patches, _: Progress) -> None:
        """Note what is read; a piece that begins where the last one ended goes on with it."""
        from moto.logs.models import LogsBackend

        def read(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
            found = original(backend, *values, **named)
            given = arguments(original, backend, values, named)
            begin, end = given.get("start_time"), given.get("end_time")
            if begin and end and not given.get("limit") and not given.get("next_token"):
                self.count += begin != self._end + 1
                self._end = end
            return found

        patches.around(LogsBackend, "filter_log_events", read)


def _usual(random: Random) -> dict[str, object]:
    return {
        "ip": f"198.51.100.{random.randint(1, 250)}",
        "caller": "-",
        "request": f"GET {random.choice(PATHS)}",
        "status": 200 if random.random() > 0.004 else 502,
        "bytes": random.randint(400, 9_000),
    }


def _stolen(random: Random) -> dict[str, object]:
    return {
        "ip": ADDRESS,
        "caller": f"{THIEF.name}/{THIEF.key_id}",
        "request": f"GET /exports/class-{random.randint(1, 400)}.csv",
        "status": 200,
        "bytes": random.randint(40_000, 900_000),
    }


def _write(stream: str, events: list[tuple[float, dict[str, object]]]) -> None:
    told = [{"timestamp": round(at * 1000), "message": json.dumps(each)} for at, each in events]
    _backend().put_log_events(GATEWAY, stream, told)


def _backend() -> Any:
    from moto.logs.models import logs_backends

    return logs_backends[ACCOUNT][REGION]
