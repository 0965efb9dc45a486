"""Webhooks v3: signed, told again where nobody listened, and silent where nobody subscribed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.pagerduty import PagerDuty
from sandbox.pagerduty.accounts import WEBHOOK_SECRET
from tests.sandbox.pagerduty.conftest import event
from tests.servers import served

PATIENCE = 30


class Ear:
    """A subscriber that answers with these codes, then with 202."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.heard: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        """Take a webhook."""
        body = await request.read()
        await self.heard.put((body, request.headers["X-PagerDuty-Signature"]))
        return web.Response(status=self.codes.pop(0) if self.codes else 202)

    async def next(self) -> tuple[bytes, str]:
        """Wait for the next one."""
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


@asynccontextmanager
async def subscribed(folder: Path, ear: Ear) -> AsyncIterator[PagerDuty]:
    """A PagerDuty that tells an ear."""
    site = web.Application()
    site.router.add_post("/hook", ear.take)
    async with (
        served(site) as url,
        PagerDuty(data=folder, webhook=f"{url}/hook", pauses=(0.01, 0.01)) as duty,
    ):
        yield duty


async def test_who_acknowledges_is_told_and_signed(tmp_path: Path) -> None:
    """The body names the person and the key; the signature is of this very body."""
    ear = Ear()
    async with subscribed(tmp_path, ear) as duty:
        duty.desk.take(event())
        await ear.next()
        (incident,) = duty.desk.incidents
        duty.desk.acknowledge(incident, incident.calls["PEMILY"].user)
        body, signature = await ear.next()
    right = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert signature == f"v1={right}"
    happened: dict[str, Any] = json.loads(body)["event"]
    assert happened["event_type"] == "incident.acknowledged"
    assert happened["agent"]["summary"] == "Emily Watson"
    assert happened["agent"]["type"] == "user_reference"
    assert happened["data"]["incident_key"] == "INC-1:level:1"


async def test_the_integration_is_no_person(tmp_path: Path) -> None:
    """What the bot itself did is told as the service's."""
    ear = Ear()
    async with subscribed(tmp_path, ear) as duty:
        duty.desk.take(event())
        await ear.next()
        duty.desk.take(event("resolve"))
        body, _ = await ear.next()
    assert json.loads(body)["event"]["agent"]["type"] == "service_reference"


async def test_it_is_told_again_and_not_for_ever(tmp_path: Path) -> None:
    """A server's error is tried again with the same event; a refusal is not."""
    ear = Ear(503, 202, 401)
    async with subscribed(tmp_path, ear) as duty:
        duty.desk.take(event())
        first, second = await ear.next(), await ear.next()
        assert first == second
        duty.desk.take(event("acknowledge"))
        await ear.next()
        duty.desk.take(event("resolve"))
        body, _ = await ear.next()
    assert json.loads(body)["event"]["event_type"] == "incident.resolved"


async def test_nobody_subscribed(tmp_path: Path) -> None:
    """Nothing is sent, and nothing fails."""
    async with PagerDuty(data=tmp_path) as duty:
        duty.desk.take(event())
        assert duty.webhooks._sending == set()
