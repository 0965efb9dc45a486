"""Webhooks v3: tells a subscriber what happened, signed, and again where it did not listen."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from uuid import uuid4

import aiohttp

from sandbox.estate.values import Object
from sandbox.pagerduty.accounts import WEBHOOK_SECRET
from sandbox.pagerduty.incidents import Answer, Incident

SIGNATURE = "X-PagerDuty-Signature"
PAUSES: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0)  # real seconds between tries
ANSWERED_WITHIN = 5.0


class Webhooks:
    """One subscription to everything that happens to incidents.  Without `url` it is silent."""

    def __init__(self, url: str = "", pauses: Sequence[float] = PAUSES) -> None:
        self.url = url
        self._pauses = pauses
        self._sending: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def tell(self, kind: str, incident: Incident, by: Answer) -> None:
        """Send an event, beside everything else."""
        if not self.url:
            return
        body = json.dumps({"event": event_of(kind, incident, by)}).encode()
        task = asyncio.create_task(self._send(body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def stop(self) -> None:
        """Give up what was not delivered."""
        for task in tuple(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, body: bytes) -> None:
        for pause in (*self._pauses, None):
            if await self._is_taken(body) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _is_taken(self, body: bytes) -> bool:
        """Try once; whoever answers 4xx does not want it, and is not asked again."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=ANSWERED_WITHIN)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PagerDuty-Webhook/V3.0",
            SIGNATURE: sign(body),
        }
        try:
            async with self._session.post(self.url, data=body, headers=headers) as answer:
                return answer.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def sign(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """Return the signature of a body."""
    return "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def event_of(kind: str, incident: Incident, by: Answer) -> Object:
    """Return what a webhook says."""
    whole = incident.public()
    data = {name: whole[name] for name in _SAID} | {"number": incident.number}
    return {
        "id": uuid4().hex[:26].upper(),
        "event_type": kind,
        "resource_type": "incident",
        "occurred_at": by.stamp,
        "agent": by.user.reference() if by.user else whole["service"],
        "client": None,
        "data": data,
    }


_SAID = (
    "id", "type", "self", "html_url", "status", "incident_key", "created_at", "title", "service",
    "urgency",
)  # fmt: skip
