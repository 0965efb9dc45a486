"""The demo's parts; tests/scenario/test_demo.py plays all of it."""

import asyncio
import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from bot import demo, demo_texts
from bot.cli.failures import CommandError, ExitCode
from bot.demo_estate import Addresses, bot_environment, read_addresses, write_overlay
from bot.demo_marks import marks_of
from config.loader import load_systems
from config.settings import PACKAGED
from tests.bot import story

ADDRESSES = Addresses(
    slack_api_url="http://127.0.0.1:1/api/",
    workspace_page="http://127.0.0.1:1/",
    estate_url="http://127.0.0.1:2",
    kubeconfig="/data/kubeconfig",
    helm_dir="/data/helm",
    prometheus_url="http://127.0.0.1:2/prometheus",
    health_url="http://127.0.0.1:2/health",
    statuspage_url="http://127.0.0.1:2",
    statuspage_page="xyz",
    statuspage_token="sandbox-statuspage",
    pagerduty_url="https://127.0.0.1:3",
    pagerduty_authority="/data/authority.crt",
    pagerduty_routing_key="r" * 32,
    pagerduty_token="sandbox-rest",
    pagerduty_webhook_secret="sandbox-hook",
    bot_token="xoxb-sandbox",
    app_token="xapp-sandbox",
    signing_secret="sandbox",
)


def test_a_port_that_is_taken_is_replaced() -> None:
    """Somebody else's server on 8400 is no reason not to have a demo."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        wanted = other.getsockname()[1]

        port, taken = demo.free_port(wanted)

    assert taken
    assert port != wanted


def test_the_last_port_has_no_next_one() -> None:
    """The estate's port is the next one, and 65536 is none."""
    port, taken = demo.free_port(65_536)

    assert taken
    assert 0 < port < 65_536


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """--data never removes what the demo did not make."""
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")

    with pytest.raises(CommandError, match="not empty and no demo's") as caught:
        demo._folder(tmp_path)

    assert caught.value.code is ExitCode.USAGE
    assert (tmp_path / "thesis.txt").exists()


def test_an_earlier_demos_folder_is_used_again_from_the_start(tmp_path: Path) -> None:
    """Its incidents point at channels that are gone with the workspace."""
    folder = demo._folder(tmp_path / "demo")
    (folder / "journal").mkdir()

    assert demo._folder(tmp_path / "demo") == folder
    assert not (folder / "journal").exists()


def test_without_a_folder_it_is_a_temporary_one() -> None:
    """Nothing is left behind where nobody asked for it."""
    folder = demo._folder(None)
    assert list(folder.iterdir()) == []
    shutil.rmtree(folder)


def test_nothing_of_the_person_s_own_reaches_the_bot() -> None:
    """Tokens, clusters and proxies of the caller can't lead the demo to anything real."""
    caller = {
        "HOME": "/home/me",
        "SLACK_BOT_TOKEN": "xoxb-real",
        "KUBECONFIG": "/home/me/.kube/config",
        "AWS_PROFILE": "production",
        "AIVO_PROMETHEUS_URL": "https://prometheus.example",
        "BACKOUT_SYSTEMS": "/etc/backout/systems",
        "PAGERDUTY_TOKEN": "real",
        "https_proxy": "http://proxy.example",
    }

    got = bot_environment(
        caller,
        addresses=ADDRESSES,
        data=Path("/data/journal"),
        overlay=Path("/data/o.yaml"),
        port=8402,
    )

    assert got["HOME"] == "/home/me"
    assert got["SLACK_BOT_TOKEN"] == "xoxb-sandbox"
    assert got["KUBECONFIG"] == "/data/kubeconfig"
    assert got["BACKOUT_HELM"] == "/data/helm/helm"
    assert got["PAGERDUTY_TOKEN"] == "sandbox-rest"
    assert got["SSL_CERT_FILE"] == "/data/authority.crt"
    assert got["BACKOUT_PORT"] == "8402"
    assert not {"AWS_PROFILE", "BACKOUT_SYSTEMS", "https_proxy"} & set(got)


def test_the_overlay_leads_aivo_to_the_estate(tmp_path: Path) -> None:
    """What is written loads, and changes only where things are."""
    overlay = write_overlay(tmp_path / "overlay.yaml", ADDRESSES)

    aivo = next(b for b in load_systems(PACKAGED, overlay) if b.system.system == "aivo")

    assert aivo.system.connections.prometheus is not None
    assert aivo.system.connections.prometheus.url == ADDRESSES.prometheus_url
    assert aivo.system.variables["health_url"] == ADDRESSES.health_url
    assert aivo.system.connections.pagerduty is not None
    assert aivo.system.connections.pagerduty.events_url == ADDRESSES.pagerduty_url


def test_addresses_count_when_they_are_complete(tmp_path: Path) -> None:
    """A file that is not there yet, or half written, is waited for."""
    file = tmp_path / "addresses.json"
    assert read_addresses(file) is None
    file.write_text('{"slack_api_url": "http', encoding="utf-8")
    assert read_addresses(file) is None
    file.write_text(json.dumps(ADDRESSES.model_dump() | {"more": 1}), encoding="utf-8")
    assert read_addresses(file) == ADDRESSES


async def test_a_workspace_that_is_not_there_has_no_connection() -> None:
    """Asking too early is no error."""
    assert not await ADDRESSES.connected()


def test_an_incidents_phases_become_shades() -> None:
    """The chart shows when a run entered each of its states."""
    run = story.waiting().run

    assert [phase for phase, _ in marks_of(run)] == ["assess", "approve"]


def test_the_welcome_has_what_a_newcomer_needs() -> None:
    """Address, the three steps, how to kill it, and that it is a simulation."""
    said = demo_texts.welcome("http://127.0.0.1:8400/", 4711, Path("/data"))

    for part in (
        "http://127.0.0.1:8400/",
        "1. Break",
        "2. Declare",
        "3. Approve",
        "kill -9 4711",
        "level 3",
    ):
        assert part in said
    assert "simulation" in said
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize(("code", "how"), [(-9, "was ended by SIGKILL"), (1, "ended with code 1")])
def test_a_death_says_how(code: int, how: str) -> None:
    """A person who killed the bot sees that it was the kill."""
    assert how in demo_texts.bot_ended(4711, code, 2)


async def test_a_bot_that_dies_at_once_is_not_started_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After five quick deaths the demo gives up and shows the end of the log."""
    monkeypatch.setattr(demo, "RESTART_AFTER", 0.0)
    play = demo._Demo(demo.Options(browser=False), tmp_path, asyncio.Event())
    lasting = ["http.server", "--bind", "127.0.0.1", "0"]
    play._sandbox = demo.Child("sandbox", lasting, tmp_path / "sandbox.log", os.environ)
    play._bot = demo.Child("bot", ["this"], tmp_path / "bot.log", os.environ)
    try:
        await play._sandbox.start()
        await play._bot.start()
        with pytest.raises(CommandError, match="ended 5 times") as caught:
            await play._supervise(ADDRESSES)
    finally:
        await play.stop()

    assert "Namespaces are one honking great idea" in str(caught.value)
    assert capsys.readouterr().out.count("It is started again") == 4
    assert play._sandbox.process is not None
    assert play._sandbox.process.returncode is not None


async def test_a_program_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """The reason stands in the message, not only in a file."""
    child = demo.Child("sandbox", ["no_such_module"], tmp_path / "sandbox.log", os.environ)
    await child.start()
    assert await child.ended() != 0
    await child.stop()

    assert "No module named no_such_module" in str(child.failure("It did not start"))
