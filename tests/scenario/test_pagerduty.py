"""PagerDuty beside Slack, in a bot that is wired as `backout serve` wires it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from adapters.pagerduty.signatures import HEADER, sign
from bot import wiring
from bot.web.pagerduty import PATH
from config.settings import Settings
from flows.runs import Run
from sandbox.workspace import Settings as Rules
from sandbox.workspace import Workspace, WorkspaceClient
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN
from tests.adapters.pagerduty_stub import KEY, TOKEN, Stub
from tests.scenario.house import INCIDENTS, MARCUS, PATIENCE, manifest

pytestmark = pytest.mark.scenario
SECRET = "hook-signing-secret"


@pytest.fixture
async def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    """PagerDuty, whose certificate is trusted, and the secrets for it."""
    found = Stub()
    (tmp_path / "tls").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(await found.start(tmp_path / "tls")))
    for name, value in (("KEY", KEY), ("TOKEN", TOKEN), ("HOOK", SECRET)):
        monkeypatch.setenv(f"PAGERDUTY_{name}", value)
    yield found
    await found.stop()


def settings(folder: Path, stub: Stub, slack: str, port: int) -> Settings:
    """Return the settings of a bot on socket mode whose AIVO has a service at PagerDuty."""
    overlay = folder / "overlay.yaml"
    overlay.write_text(
        f"""aivo:
  connections:
    pagerduty:
      routing_key: env:PAGERDUTY_KEY
      token: env:PAGERDUTY_TOKEN
      webhook_secret: env:PAGERDUTY_HOOK
      url: "{stub.url}"
      events_url: "{stub.url}"
""",
        encoding="utf-8",
    )
    return Settings.model_validate(
        {
            "SLACK_API_URL": slack,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "BACKOUT_DATA": str(folder / "data"),
            "BACKOUT_OVERLAY": str(overlay),
            "BACKOUT_PORT": port,
        }
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def serving(
    folder: Path, stub: Stub, port: int
) -> AsyncIterator[tuple[wiring.Bot, WorkspaceClient]]:
    """Run a bot in a workspace."""
    async with (
        Workspace(settings=Rules(manifest=manifest())) as workspace,
        WorkspaceClient(workspace.url) as people,
        wiring.running(settings(folder, stub, workspace.api_url, port)) as bot,
    ):
        await people.wait_sockets(1, within=PATIENCE)
        yield bot, people


async def test_a_declaration_rings_and_an_answer_there_is_shown_here(
    tmp_path: Path, stub: Stub
) -> None:
    """The alert leads into the channel; a webhook in socket mode, too, has a door to knock at."""
    port = free_port()
    async with serving(tmp_path, stub, port) as (bot, people):
        await people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')

        async def rings() -> Run | None:
            run = bot.core.engine.run("INC-1")
            return run if run and run.pages and run.pages[0].reached else None

        run = await people.wait_for(rings, 30.0, what="the alert sent")
        assert {each.via for each in run.pages[0].reached if each.ok} == {"slack", "pagerduty"}
        alert = stub.of(1)
        assert alert.told[0]["links"][0]["href"].endswith(f"channel={run.channel}")
        stub.answer(alert, "PEMILY")
        body = stub.webhook(alert, "PEMILY", "E1")
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"http://127.0.0.1:{port}{PATH}", data=body, headers={HEADER: sign(body, SECRET)}
            ) as answer,
        ):
            assert answer.status == 202

        async def shown() -> bool | None:
            said = await people.messages(run.channel or "")
            return any("Emily Watson acknowledged" in str(each) for each in said) or None

        await people.wait_for(shown, 30.0, what="the answer on the card")
        found = bot.core.engine.run("INC-1")
        assert found is not None
        assert found.acknowledged is not None
        assert found.acknowledged.via == "pagerduty"
