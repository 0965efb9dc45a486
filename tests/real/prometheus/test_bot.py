"""A real Prometheus scrapes a real bot, and understands what the dashboard and the alerts ask."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.test_observability import FOLDER, panels, rules
from tests.real.presence import missing
from tests.real.processes import answers, free_port, running
from tests.scenario.house import INCIDENTS, MARCUS
from tests.scenario.test_watched import watched

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

PATIENCE = 90.0
VARIABLES = {
    "$__rate_interval": "10s",
    "$__range": "5m",
    "$job": "backout",
    "$system": ".*",
}
BEFORE_ANYTHING = {
    "Open incidents",
    "Approvals waiting",
    "Approvals overdue",
    "Steps in doubt",
    "Unanswered calls",
    "Parts not ready",
    "Open incidents by state",
    "Incidents beyond their recovery time",
    "Calls by result",
    "From a change until it is on show",
    "Lag of the oldest command",
    "Commands",
    "Commits",
    "Who leads",
    "Journal, and room for it",
    "Events",
    "Memory",
    "CPU",
    "Versions",
}
"""Panels that have something to show as soon as an incident was declared."""

Found = list[dict[str, Any]]


def filled(expression: str) -> str:
    """Return a query as the dashboard asks it."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert not re.search(r"\$\w", expression), expression
    return expression


async def ask(session: aiohttp.ClientSession, url: str, expression: str) -> Found:
    """Return what a query yields."""
    asked = session.get(f"{url}/api/v1/query", params={"query": filled(expression)})
    async with asked as answer:
        body = await answer.json()
    assert body["status"] == "success", f"{expression}: {body.get('error')}"
    found: Found = body["data"]["result"]
    return found


async def test_every_query_is_understood_and_shows_what_there_is(tmp_path: Path) -> None:
    """An incident is declared; the panels that can show it do, and nothing alerts."""
    prometheus = shutil.which("prometheus") or missing("prometheus", "Debian: prometheus")
    port, bot = free_port(), free_port()
    scrape = {"job_name": "backout", "static_configs": [{"targets": [f"127.0.0.1:{bot}"]}]}
    written = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(FOLDER / "alerts.yaml")],
        "scrape_configs": [scrape],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(written), encoding="utf-8")
    command = [
        prometheus,
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    async with watched(tmp_path / "data", port=bot) as home:
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        with running(command, log=tmp_path / "prometheus.log", ready=lambda: answers(port)):
            async with aiohttp.ClientSession() as session:
                opened = "sum(max by (system, state) (backout_incidents_open)) == 1"
                async with asyncio.timeout(PATIENCE):
                    while not await ask(session, url, f"count_over_time(({opened})[30s:1s]) > 5"):
                        await asyncio.sleep(0.5)
                shown = {
                    panel["title"]
                    for panel in panels()
                    for target in panel["targets"]
                    if await ask(session, url, target["expr"])
                }
                assert shown >= BEFORE_ANYTHING, BEFORE_ANYTHING - shown
                for rule in rules():
                    await ask(session, url, rule["expr"])
                firing = await ask(session, url, 'ALERTS{alertstate="firing"}')
                assert firing == []
