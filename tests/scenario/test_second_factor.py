"""Approving what destroys something takes a code, where the policy says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.factors import KIND, Factors
from flows.files import FolderFiles
from flows.gates import Person
from flows.plans import Plan, seal
from sandbox.workspace.client import shown
from tests.bot import story
from tests.bot.approving import Clock
from tests.bot.authenticators import Authenticator, vault
from tests.scenario.house import ALEX, JENNIFER, House, house

pytestmark = pytest.mark.scenario
STEPS = (story.ROLLBACK, replace(story.CUT_OVER, needs=()), story.TELL)


class Phones:
    """Who was enrolled, by a clock that a test sets."""

    def __init__(self, data: Path) -> None:
        self.clock = Clock()
        self.factors = Factors(FolderFiles(data / KIND), vault(), self.clock)

    def enrol(self, person: str) -> Authenticator:
        """Give somebody a second factor."""
        return Authenticator(self.factors.enrol("aivo", person), self.clock)


@asynccontextmanager
async def destructive(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[House, Phones]]:
    """Open a house whose plan destroys something, under a policy that wants a code for that."""
    phones = Phones(data)
    async with house(data, start=False) as home:
        home.factors = phones.factors
        await home.start()

        usual = home.estate._plan

        def plan(planning: int, people: tuple[Person, ...]) -> Plan:
            return seal(replace(usual(planning, people), steps=STEPS, second_factor=True))

        monkeypatch.setattr(home.estate, "_plan", plan)
        yield home, phones


async def modal_of(home: House, user: str) -> dict[str, Any]:
    """Wait for the form on somebody's screen."""
    return await home.people.wait_for(lambda: home.people.modal(user), what="form")


async def nothing_counts(home: House) -> None:
    """Make sure that nothing was approved."""
    run = home.engine.run("INC-1")
    assert run is not None
    assert run.state == "approve"
    assert run.decisions == ()


async def test_approve_asks_for_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The button asks for the code; a wrong one is told in the form, the right one counts."""
    async with destructive(tmp_path, monkeypatch) as (home, phones):
        phone = phones.enrol("jennifer-liu")
        run = await home.declare()
        await home.click(JENNIFER, run, "approve")
        modal = await modal_of(home, JENNIFER)
        assert "destroys something" in shown(modal["blocks"])
        await nothing_counts(home)
        wrong = await home.people.submit(JENNIFER, modal["id"], {"code": phone.wrong()})
        assert "not the code of Jennifer Liu" in wrong["errors"]["code"]
        await nothing_counts(home)
        right = await home.people.submit(JENNIFER, modal["id"], {"code": phone.code()})
        assert right["response_action"] == ""
        run = await home.until(lambda run: run.ended)
        assert [decision.person.id for decision in run.decisions] == ["jennifer-liu"]
        assert "cut_over" in home.estate.applied


async def test_a_used_code_does_not_count_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code that was seen by somebody is worthless once it was used."""
    async with destructive(tmp_path, monkeypatch) as (home, phones):
        phone = phones.enrol("jennifer-liu")
        assert phones.factors.check("aivo", "jennifer-liu", phone.code()) is None
        run = await home.declare()
        await home.click(JENNIFER, run, "approve")
        modal = await modal_of(home, JENNIFER)
        again = await home.people.submit(JENNIFER, modal["id"], {"code": phone.code()})
        assert "used already" in again["errors"]["code"]
        await nothing_counts(home)


async def test_somebody_elses_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code must be that of the account that presses the button."""
    async with destructive(tmp_path, monkeypatch) as (home, phones):
        phones.enrol("jennifer-liu")
        other = phones.enrol("alex-thompson")
        run = await home.declare()
        await home.click(JENNIFER, run, "approve")
        modal = await modal_of(home, JENNIFER)
        said = await home.people.submit(JENNIFER, modal["id"], {"code": other.code()})
        assert "errors" in said
        await nothing_counts(home)


async def test_without_enrolment_no_form_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no second factor is told how to get one, before a form asks for it."""
    async with destructive(tmp_path, monkeypatch) as (home, _):
        run = await home.declare()
        await home.click(ALEX, run, "approve")
        await home.told(ALEX, "backout totp enroll alex-thompson")
        assert await home.people.modal(ALEX) is None
        await nothing_counts(home)


async def test_a_typed_approval_is_pointed_to_the_button(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes are never typed into a channel, and a typed approval does not count without one."""
    async with destructive(tmp_path, monkeypatch) as (home, phones):
        phones.enrol("jennifer-liu")
        run = await home.declare()
        assert run.gate is not None
        await home.people.say(
            JENNIFER, run.channel or "", f"!incident approve {run.gate.digest[:12]}"
        )
        await home.told(JENNIFER, "Press *Approve* on the card")
        await nothing_counts(home)


async def test_a_denial_needs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping stays easy: only a yes to a loss takes a code."""
    async with destructive(tmp_path, monkeypatch) as (home, _):
        run = await home.declare()
        await home.click(ALEX, run, "deny")
        modal = await modal_of(home, ALEX)
        await home.people.submit(ALEX, modal["id"], {"reason": "not this way"})
        run = await home.until(lambda run: run.state == "assess")
        assert "not this way" in run.blocked
