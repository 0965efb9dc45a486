"""Calling people by mail: only those for whom another way failed, and each of them once."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from bot.mailing import MailLine
from bot.paging import Pager
from config.models.connections import MailConnection
from flows.actions import Context
from flows.runs import Run
from tests.adapters.fakes import FakeContext, surroundings_for
from tests.adapters.pagerduty_stub import Stub
from tests.bot.duty import Duty
from tests.real.mail import post_office
from tests.real.mail.post_office import PostOffice

Make = Callable[..., Duty]


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A mail server."""
    async with post_office.opened() as found:
        yield found


@pytest.fixture
async def called(duty: Make, office: PostOffice, tmp_path: Path) -> Callable[..., Duty]:
    """Make a bot that can fall back to mail."""

    def make(**connection: Any) -> Duty:
        home = duty(**connection)
        smtp = {"host": "127.0.0.1", "port": office.port, "tls": False}
        mail = MailConnection.model_validate({"sender": "alerts@aivo.edu", "smtp": smtp})
        connections = home.bundle.system.connections.model_copy(update={"mail": mail})
        system = home.bundle.system.model_copy(update={"connections": connections})
        bundle = replace(home.bundle, system=system)
        surroundings = surroundings_for(tmp_path)

        def context_of(run: Run, name: str) -> Context:
            return FakeContext(system=system, surroundings=surroundings, clients=ClientPool())

        line = MailLine(home.engine, {"aivo": bundle}, context_of)
        home.pager = Pager([home.messages, home.duty.line], fallback=line)
        return home

    return make


def told(home: Duty) -> set[tuple[str, str, bool]]:
    """Return who was called how, and whether it worked."""
    return {(each.person, each.via, each.ok) for each in home.run.pages[0].reached}


async def test_while_the_other_ways_work_nobody_gets_mail(called: Make, office: PostOffice) -> None:
    """Mail is for when something failed."""
    home = called()
    home.declare()
    await home.work()
    assert {via for _, via, _ in told(home)} == {"slack", "pagerduty"}
    assert office.taken == []


async def test_whom_pagerduty_does_not_ring_gets_mail(
    called: Make, office: PostOffice, stub: Stub
) -> None:
    """A key that PagerDuty refuses: the message says what to do, and in it is no markup."""
    home = called(routing_key="env:DUTY_WRONG")
    home.declare("checkout <@U0EVIL> 5xx\nfor an hour")
    await home.work()
    assert ("emily-watson", "mail", True) in told(home)
    (letter, *_) = office.messages()
    assert letter["To"] == "emily.watson@aivo.edu"
    assert letter["Subject"].startswith("INC-1: you are called – checkout")
    assert "backout ack INC-1" in letter.get_content()
    assert letter["X-Backout-Incident"] == "INC-1"


async def test_a_letter_in_doubt_is_sent_again_under_the_same_id(
    called: Make, office: PostOffice
) -> None:
    """The connection breaks after the message: it is sent once more, and then not again."""
    home = called(routing_key="env:DUTY_WRONG")
    office.cut = "DATA"
    home.declare()
    await home.work()
    lost = len(office.taken)
    office.cut = ""
    await home.wait(5)
    ids = [each["Message-ID"] for each in office.messages()]
    assert lost
    assert len(ids) > lost
    assert len(set(ids)) == len({each["To"] for each in office.messages()})
    await home.work()
    assert len(office.taken) == len(ids)


async def test_a_mail_server_that_refuses_is_told(called: Make, office: PostOffice) -> None:
    """Nobody was reached by mail either: the channel hears it with the server's words."""
    office.answers["MAIL"] = "550 no such sender"
    home = called(routing_key="env:DUTY_WRONG")
    home.declare()
    await home.work()
    assert ("emily-watson", "mail", False) in told(home)
    assert "page_failed" in home.announced
