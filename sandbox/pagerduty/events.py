"""Events v2: what an event may look like, and how often it may come.

Asked by `server` before anything is done.  Limits are PagerDuty's: 120 events a minute and key.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sandbox.estate.values import Object
from sandbox.pagerduty.accounts import ROUTING_KEY

MOST_BYTES = 512 * 1024
LONGEST_SUMMARY = 1024
LONGEST_KEY = 255
KEY_LENGTH = 32
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
_FIELDS = {
    "routing_key", "event_action", "dedup_key", "payload", "images", "links", "client",
    "client_url",
}  # fmt: skip
_PAYLOAD = {
    "summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details",
}  # fmt: skip


def problems(event: Any) -> list[str]:
    """Return what is wrong with an event, in PagerDuty's manner; nothing where it is right."""
    if not isinstance(event, dict):
        return ["the event is no JSON object"]
    return list(_problems(event))


def _problems(event: Object) -> Iterator[str]:
    yield from (f"unknown field '{name}'" for name in sorted(event.keys() - _FIELDS))
    yield from _key_problems(event.get("routing_key"))
    action = event.get("event_action")
    if action not in ACTIONS:
        yield f"'event_action' must be one of {', '.join(ACTIONS)}"
    key = event.get("dedup_key")
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_KEY):
        yield f"'dedup_key' must be a string of 1 to {LONGEST_KEY} characters"
    if action == "trigger":
        yield from _payload_problems(event.get("payload"))
        yield from _link_problems(event.get("links", []))
    elif key is None:
        yield "'dedup_key' is missing or blank"


def _key_problems(key: Any) -> Iterator[str]:
    if not key:
        yield "'routing_key' is missing or blank"
    elif not isinstance(key, str) or len(key) != KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {KEY_LENGTH} characters)"
    elif key != ROUTING_KEY:
        yield "Invalid routing key"


def _payload_problems(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    yield from (f"unknown field 'payload.{name}'" for name in sorted(payload.keys() - _PAYLOAD))
    for name in ("summary", "source", "severity"):
        if not (isinstance(payload.get(name), str) and payload[name].strip()):
            yield f"'payload.{name}' is missing or blank"
    if len(str(payload.get("summary", ""))) > LONGEST_SUMMARY:
        yield f"'payload.summary' is longer than {LONGEST_SUMMARY} characters"
    if payload.get("severity") and payload["severity"] not in SEVERITIES:
        yield f"'payload.severity' must be one of {', '.join(SEVERITIES)}"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' must be an object"
    if "timestamp" in payload and not _is_time(payload["timestamp"]):
        yield "'payload.timestamp' must be ISO 8601, with a zone"


def _link_problems(links: Any) -> Iterator[str]:
    known = isinstance(links, list) and all(isinstance(each, dict) for each in links)
    if not known or not all(each.get("href") for each in links):
        yield "each of 'links' must be an object with 'href'"


def _is_time(given: Any) -> bool:
    try:
        return datetime.fromisoformat(str(given)).tzinfo is not None
    except ValueError:
        return False


class Allowance:
    """So many calls in any minute."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._now = now
        self._calls: deque[float] = deque()

    def wait(self) -> float:
        """Count a call; return 0, or the seconds after which it is welcome where it is not now."""
        now = self._now()
        while self._calls and self._calls[0] <= now - 60.0:
            self._calls.popleft()
        if len(self._calls) >= self.most:
            return self._calls[0] + 60.0 - now
        self._calls.append(now)
        return 0.0
