"""Whoever is on call in PagerDuty when they decide has the role that the schedule gives."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.pagerduty.calls import Calls
from bot import rosters
from bot.on_call import OnCall
from config.models.connections import PagerdutyConnection
from flows.events import Decided
from tests.adapters.pagerduty_stub import TOKEN, Stub
from tests.scenario.house import ALEX, EMILY, JENNIFER, House, house

pytestmark = pytest.mark.scenario
SCHEDULE = "PLEADS"


@pytest.fixture
async def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    """PagerDuty, whose certificate is trusted; what it said is old at once."""
    found = Stub()
    (tmp_path / "tls").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(await found.start(tmp_path / "tls")))
    monkeypatch.setattr(rosters, "FRESH_FOR", 0.0)
    yield found
    await found.stop()


@pytest.fixture
async def home(tmp_path: Path, stub: Stub) -> AsyncIterator[House]:
    """A house whose Engineering Leads are whoever is on call; nobody lists the role."""
    calls = Calls()
    async with house(tmp_path, start=False) as found:
        bundle = found.bundles["aivo"]
        people = bundle.people
        update = {"members": "pagerduty_schedule", "schedule": SCHEDULE}
        roles = {**people.roles, "eng_lead": people.roles["eng_lead"].model_copy(update=update)}
        unlisted = tuple(
            each.model_copy(update={"roles": tuple(r for r in each.roles if r != "eng_lead")})
            for each in people.people
        )
        connection = PagerdutyConnection(
            routing_key="env:PAGERDUTY_KEY",
            token="env:PAGERDUTY_TOKEN",
            url=stub.url,
            events_url=stub.url,
        )
        connections = bundle.system.connections.model_copy(update={"pagerduty": connection})
        found.bundles["aivo"] = replace(
            bundle,
            people=people.model_copy(update={"roles": roles, "people": unlisted}),
            system=bundle.system.model_copy(update={"connections": connections}),
        )
        found.on_call = OnCall(calls, found.bundles.values(), resolve=lambda _: TOKEN)
        await found.start()
        yield found
    calls.close()


async def test_a_handover_between_question_and_click(home: House, stub: Stub) -> None:
    """Asked while on call, off it when pressing: refused.  The next one on call counts."""
    stub.schedules[SCHEDULE] = ["PJENNIFER"]
    run = await home.declare()
    stub.schedules[SCHEDULE] = ["PEMILY"]
    await home.click(ALEX, run, "approve")
    await home.told(ALEX, "it needs")
    await home.click(EMILY, run, "approve")
    await home.until(lambda run: bool(run.decisions))
    (word,) = [r.event for r in home.engine.events(run.id) if isinstance(r.event, Decided)]
    assert word.person.resolved["eng_lead"] == f"pagerduty schedule {SCHEDULE}"


async def test_in_doubt_nobody_has_the_role_and_is_told_why(home: House, stub: Stub) -> None:
    """PagerDuty is away when somebody presses: it fails closed, and says so."""
    stub.schedules[SCHEDULE] = ["PEMILY", "PJENNIFER"]
    run = await home.declare()
    stub.fault(503, times=1)
    await home.click(JENNIFER, run, "approve")
    text = await home.told(JENNIFER, "it needs")
    assert "PagerDuty did not answer" in text
    assert SCHEDULE in text
    known = home.engine.run(run.id)
    assert known is not None
    assert not known.decisions
