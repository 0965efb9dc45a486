"""Signed HTTP delivery to the app's request URL.

`Delivery` uses it once a request URL is set. The signature is Slack's `v0`: HMAC-SHA256 over
`v0:timestamp:body`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from urllib.parse import urlencode

import aiohttp

from sandbox.workspace.delivery import ACK_SECONDS, EVENTS, SLASH, Ack, Envelope
from sandbox.workspace.values import Clock, Json

_REASONS = {"timeout": "http_timeout", "connection": "connection_failed"}


class Requests:
    """Post payloads to one URL; commands and interactions may have their own."""

    def __init__(self, *, clock: Clock, secret: str) -> None:
        self.clock = clock
        self.secret = secret
        self.url = ""
        self._session: aiohttp.ClientSession | None = None

    async def send(self, envelope: Envelope) -> Ack:
        """Deliver once; an answer with status 2xx within 3 s is the acknowledgement."""
        body, content_type = _encode(envelope)
        headers = {"Content-Type": content_type, **self.sign(body)}
        if envelope.attempt:
            headers["X-Slack-Retry-Num"] = str(envelope.attempt)
            headers["X-Slack-Retry-Reason"] = _REASONS.get(envelope.reason, "http_error")
        try:
            async with asyncio.timeout(self.clock.scaled(ACK_SECONDS)):
                return await self._post(body, headers)
        except TimeoutError:
            return Ack(ok=False, error="timeout")
        except aiohttp.ClientError:
            return Ack(ok=False, error="connection")

    def sign(self, body: bytes) -> dict[str, str]:
        """Return the signature headers for a body sent now."""
        timestamp = str(int(self.clock.now()))
        base = b"v0:" + timestamp.encode() + b":" + body
        digest = hmac.new(self.secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def handshake(self) -> bool:
        """Send `url_verification` and say whether the challenge came back."""
        challenge = {"type": "url_verification", "challenge": "sandbox", "token": "sandbox"}
        body = json.dumps(challenge).encode()
        headers = {"Content-Type": "application/json", **self.sign(body)}
        try:
            ack = await self._post(body, headers)
        except aiohttp.ClientError:
            return False
        return "sandbox" in (json.dumps(ack.body) if ack.body else "")

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, body: bytes, headers: dict[str, str]) -> Ack:
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        async with self._session.post(self.url, data=body, headers=headers) as response:
            text = await response.text()
            if response.status // 100 != 2:
                return Ack(ok=False, error=f"status_{response.status}")
            return Ack(ok=True, body=_decode(text))


def _encode(envelope: Envelope) -> tuple[bytes, str]:
    form = "application/x-www-form-urlencoded"
    if envelope.kind == EVENTS:
        return json.dumps(envelope.payload).encode(), "application/json"
    if envelope.kind == SLASH:
        return urlencode(envelope.payload).encode(), form
    return urlencode({"payload": json.dumps(envelope.payload)}).encode(), form


def _decode(text: str) -> Json | str | None:
    if not text.strip():
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    return parsed if isinstance(parsed, dict) else text
