"""A PagerDuty on the loopback, spoken to over TLS."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.pagerduty import PagerDuty
from sandbox.pagerduty.accounts import REST_TOKEN, ROUTING_KEY
from sandbox.pagerduty.rest import VERSION

Json = dict[str, Any]


class Client:
    """Somebody who trusts the sandbox's authority and holds its keys."""

    def __init__(self, duty: PagerDuty, session: aiohttp.ClientSession) -> None:
        self.duty = duty
        self._session = session
        self._tls = ssl.create_default_context(cafile=str(duty.authority))

    async def send(self, body: Any, **headers: str) -> tuple[int, Json]:
        """Send an event as it is."""
        url = f"{self.duty.url}/v2/enqueue"
        async with self._session.post(url, json=body, ssl=self._tls, headers=headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str, **headers: str) -> tuple[int, Json]:
        """Ask the REST API."""
        known = {"Authorization": f"Token token={REST_TOKEN}", "Accept": VERSION} | headers
        async with self._session.get(f"{self.duty.url}{path}", ssl=self._tls, headers=known) as got:
            return got.status, await got.json()


def event(action: str = "trigger", key: str = "INC-1:level:1", **changes: Any) -> Json:
    """Return an event as Backout sends it, with changes; None takes a field away."""
    body: Json = {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": key}
    if action == "trigger":
        body["payload"] = {
            "summary": "INC-1: checkout 5xx",
            "source": "aivo",
            "severity": "critical",
            "custom_details": {"people": "Emily Watson", "called as": "SRE On-Call"},
        }
    body |= changes
    return {name: value for name, value in body.items() if value is not None}


def payload(**changes: Any) -> Json:
    """Return an event whose payload is changed."""
    body = event()
    body["payload"] |= changes
    body["payload"] = {name: value for name, value in body["payload"].items() if value is not None}
    return body


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A PagerDuty, and somebody who calls it."""
    async with PagerDuty(data=tmp_path) as duty, aiohttp.ClientSession() as session:
        yield Client(duty, session)
