"""Slack is away, and people decide on the command line of the bot's machine all the same."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.vault import make_key
from bot import wiring
from bot.cli.failures import ExitCode
from bot.control import door
from bot.control.orders import SOCKET
from config.settings import load
from flows import events
from tests.bot.authenticators import Authenticator
from tests.scenario.house import JENNIFER, House, house

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]  # each command is a process
LEAD = "jennifer-liu"


@dataclass
class Told:
    """What a command said."""

    code: int | None
    out: str
    err: str


class Terminal:
    """A shell on the bot's machine."""

    def __init__(self, data: Path) -> None:
        self._environment = {
            **os.environ,
            "BACKOUT_DATA": str(data),
            "BACKOUT_CAPTURE_KEY": make_key(),
        }

    def __getitem__(self, name: str) -> str:
        """Return a variable."""
        return self._environment[name]

    async def __call__(self, *arguments: str, typed: str = "") -> Told:
        """Run a command in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.cli", *arguments),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(f"{typed}\n".encode()), 120)
        return Told(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def with_a_door(
    home: House, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Open the door as the wiring does."""
    for name in ("BACKOUT_DATA", "BACKOUT_CAPTURE_KEY"):
        monkeypatch.setenv(name, terminal[name])
    settings = load()
    async with door.opened(wiring.orders_of(settings, home.surface), settings.data / SOCKET):
        yield


async def phone_of(home: House, terminal: Terminal, person: str) -> Authenticator:
    """Give somebody a second factor."""
    told = await terminal("totp", "enroll", person)
    assert told.code == ExitCode.OK, told.err
    return Authenticator(told.out.strip(), home.engine.now)


async def test_approved_while_slack_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Slack answering nothing, a lead approves in a terminal, and the card catches up."""
    terminal = Terminal(tmp_path)
    async with house(tmp_path) as home, with_a_door(home, terminal, monkeypatch):
        run = await home.declare()
        phone = await phone_of(home, terminal, LEAD)
        await home.people.fault(status=500, count=None)
        shown = await terminal("approve", run.id, "--as", LEAD)
        assert shown.code == ExitCode.USAGE
        assert run.gate is not None
        digest = run.gate.digest[:8]
        assert f"--digest {digest}" in shown.err
        told = await terminal(
            *("approve", run.id, "--as", LEAD, "--digest", digest, "--code", "-"),
            typed=phone.code(),
        )
        assert told.code == ExitCode.OK, told.err
        run = await home.until(lambda run: run.ended)
        assert "CLOSED" not in str((await home.card(run))["blocks"])
        await home.people.clear_faults()
        await home.card_shows(run, "CLOSED")
        decided = [
            each for each in home.engine.events(run.id) if isinstance(each.event, events.Decided)
        ]
        assert [(each.actor.id, each.actor.slack) for each in decided] == [(LEAD, JENNIFER)]
        timeline = await terminal("show", run.id)
        assert f"Jennifer Liu: approved the plan ({digest})" in timeline.out


async def test_held_and_let_go_on_while_slack_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way can be stopped without Slack, and a used code does not let it go on."""
    terminal = Terminal(tmp_path)
    async with house(tmp_path) as home, with_a_door(home, terminal, monkeypatch):
        run = await home.declare()
        phone = await phone_of(home, terminal, LEAD)
        home.estate.gate.clear()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.state == "restore")
        await home.people.fault(status=500, count=None)
        code = phone.code()
        held = await terminal("hold", run.id, "--as", LEAD, "--code", "-", typed=code)
        assert held.code == ExitCode.OK, held.err
        assert "on hold" in held.out
        again = await terminal("resume", run.id, "--as", LEAD, "--code", "-", typed=code)
        assert again.code == ExitCode.PROBLEM
        assert "used already" in again.err
        home.estate.gate.set()
        going = await terminal("resume", run.id, "--as", LEAD, "--code", "-", typed=phone.code(1))
        assert going.code == ExitCode.OK, going.err
        await home.until(lambda run: run.ended)
        await home.people.clear_faults()
        await home.card_shows(run, "CLOSED")


async def test_whom_slack_deactivated_before_it_went_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second factor does not outlive the account: it is the same person who was shut out."""
    terminal = Terminal(tmp_path)
    async with house(tmp_path) as home, with_a_door(home, terminal, monkeypatch):
        run = await home.declare()
        phone = await phone_of(home, terminal, LEAD)
        member = home.surface.directory.known(JENNIFER)
        assert member is not None
        home.surface.directory.keep(
            {"id": JENNIFER, "deleted": True, "profile": {"email": member.email}}
        )
        await home.people.fault(status=500, count=None)
        assert run.gate is not None
        told = await terminal(
            *("approve", run.id, "--as", LEAD, "--digest", run.gate.digest, "--code", "-"),
            typed=phone.code(),
        )
        assert told.code == ExitCode.PROBLEM
        assert "deactivated" in told.err
        assert home.estate.applied == []
        await home.people.clear_faults()
