"""Whoever watches the bot: what it tells at its doors, wired as `backout serve` wires it."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot import wiring
from bot.web.site import ListenError
from bot.wiring import Bot
from config.settings import Settings
from sandbox.workspace import Settings as WorkspaceSettings
from sandbox.workspace import Workspace, WorkspaceClient
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.scenario.house import INCIDENTS, MARCUS, PATIENCE, manifest

pytestmark = pytest.mark.scenario

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Watched:
    """A bot, the people of its workspace, and what its doors answer."""

    bot: Bot
    people: WorkspaceClient
    url: str
    given: dict[str, Any]

    async def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of a door."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return answer.status, await answer.json()

    async def metrics(self) -> Series:
        """Return every series, as Prometheus reads it."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as found:
            assert found.status == 200
            text = await found.text()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def until(self, wanted: Callable[[Series], bool]) -> Series:
        """Scrape until the metrics are as wanted."""

        async def look() -> Series | None:
            series = await self.metrics()
            return series if wanted(series) else None

        return await self.people.wait_for(look, PATIENCE, what="metrics as wanted")


def series(name: str, **labels: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the key of a series."""
    return name, tuple(sorted(labels.items()))


@asynccontextmanager
async def watched(
    data: Path, *, mode: str = "socket", port: int | None = None, database: str | None = None
) -> AsyncIterator[Watched]:
    """Run a bot as `backout serve` does, against a workspace of the sandbox."""
    granted = WorkspaceSettings(manifest=manifest(), retry_seconds=(0.0, 0.1, 0.2))
    async with Workspace(settings=granted) as workspace, WorkspaceClient(workspace.url) as people:
        given: dict[str, Any] = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": workspace.api_url,
            "BACKOUT_DATA": data,
            "BACKOUT_MODE": mode,
            "BACKOUT_HOST": "127.0.0.1",
        }
        if port is not None:
            given["BACKOUT_PORT"] = port
        if database is not None:
            given["BACKOUT_DATABASE_URL"] = database
        async with wiring.running(Settings(**given)) as bot:
            yield Watched(bot, people, f"http://127.0.0.1:{port}", given)


async def test_metrics_are_there_in_socket_mode_where_a_port_is_set(tmp_path: Path) -> None:
    """An incident that is declared is counted, and shown as open."""
    async with watched(tmp_path, port=free_port()) as home:
        status, body = await home.ask("/readyz")
        assert (status, body["ready"], body["why"]) == (200, True, "")
        assert set(body["parts"]) == {"journal", "slack", "driver", "lease"}
        before = await home.metrics()
        assert before[series("backout_incidents_open", system="aivo", state="assess")] == 0
        assert before[series("backout_leader")] == 1
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        declared = series("backout_incidents_declared_total", system="aivo", by="person")
        after = await home.until(lambda found: found.get(declared) == 1)
        opened = [v for (n, _), v in after.items() if n == "backout_incidents_open"]
        assert sum(opened) == 1
        assert after[series("backout_commit_seconds_count")] >= 1
        assert any(
            name == "backout_slack_calls_total" and dict(labels)["result"] == "ok"
            for name, labels in after
        )
        assert not any("INC-" in str(labels) for _, labels in after), "incidents are no labels"


async def test_anchors_that_can_not_be_written_are_counted(tmp_path: Path) -> None:
    """As the part that writes them counts; 0 before the first, so that an alert sees it come."""
    async with watched(tmp_path, port=free_port()) as home:
        failures = series("backout_anchor_failures_total")
        assert (await home.metrics())[failures] == 0
        assert home.bot.observing.anchoring is not None
        home.bot.observing.anchoring.failed += 1
        assert (await home.metrics())[failures] == 1


async def test_http_mode_serves_it_on_the_port_of_slacks_events(tmp_path: Path) -> None:
    """One port for all; before Slack has let us in, `/readyz` says what is missing."""
    async with watched(tmp_path, mode="http", port=free_port()) as home:
        await home.until(lambda found: found[series("backout_ready", part="slack")] == 1)
        home.bot.slack.calls.turned_away = "token_revoked"
        await home.until(lambda found: found[series("backout_ready", part="slack")] == 0)
        status, body = await home.ask("/readyz")
        assert (status, body["ready"]) == (503, False)
        assert body["why"] == "slack: Slack refuses the token (token_revoked): see SLACK_BOT_TOKEN."
        status, body = await home.ask("/healthz")
        assert (status, body["alive"]) == (200, True), "a new start would not mend that"
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{home.url}/slack/events", json={}) as answer,
        ):
            assert answer.status == 401


async def test_nothing_listens_in_socket_mode_unless_asked(tmp_path: Path) -> None:
    """Without a port the bot opens no door on the network."""
    async with watched(tmp_path) as home:
        assert home.bot.observing.address is None


async def test_while_it_drains_it_says_so(tmp_path: Path) -> None:
    """From SIGTERM to the end `/readyz` answers 503, and what counts is still counted."""
    async with watched(tmp_path, port=free_port()) as home:
        answers: list[tuple[int, dict[str, Any]]] = []
        stop = home.bot.core.driver.stop

        async def slowly(grace: float = 1.0) -> None:
            answers.append(await home.ask("/readyz"))
            await stop(grace)

        home.bot.core.driver.stop = slowly  # type: ignore[method-assign]  # looks while it drains
    assert [(status, body["parts"]["draining"]["ok"]) for status, body in answers] == [(503, False)]


async def test_a_driver_that_ended_is_a_reason_to_start_again(tmp_path: Path) -> None:
    """`/healthz` fails, and says why."""
    async with watched(tmp_path, port=free_port()) as home:
        await home.bot.core.driver.stop(0.0)

        async def ended() -> bool:
            return not home.bot.core.driving

        await home.people.wait_for(ended, PATIENCE, what="the end of the driver")
        status, body = await home.ask("/healthz")
        assert (status, body["alive"]) == (503, False)
        assert "nothing that was approved goes on" in body["why"]


async def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    """The address, and what to set."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{port} can't be listened on"):
            async with watched(tmp_path, port=port):
                raise AssertionError("it started")
