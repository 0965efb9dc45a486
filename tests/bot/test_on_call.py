"""Roles that PagerDuty's schedules give: who is on call when they decide, and nobody in doubt."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from adapters.pagerduty.calls import Calls
from bot import live
from bot.on_call import OnCall
from bot.rosters import NOBODY, Doubt, Rosters, Unasked, schedule_key
from config import checks
from config.checks.notes import Notes
from config.loader import load_system
from config.models.bundles import Bundle
from config.models.connections import PagerdutyConnection
from config.models.people import Person, Role
from config.settings import PACKAGED, Settings
from tests.adapters.pagerduty_stub import KEY, TOKEN, Stub
from tests.bot.duty import resolve
from tests.bot.slack.fakes import Clock

LISTED = load_system(PACKAGED / "aivo")
SCHEDULE = "PLEADS"
WHERE = schedule_key("aivo", SCHEDULE)


def scheduled(
    stub: Stub, *, token: str | None = "env:DUTY_TOKEN", schedule: str = SCHEDULE
) -> Bundle:
    """Return the system whose Engineering Leads are whoever is on call."""
    people = LISTED.people
    update = {"members": "pagerduty_schedule", "schedule": schedule}
    roles = {**people.roles, "eng_lead": people.roles["eng_lead"].model_copy(update=update)}
    connection = PagerdutyConnection(
        routing_key="env:DUTY", token=token, url=stub.url, events_url=stub.url
    )
    connections = LISTED.system.connections.model_copy(update={"pagerduty": connection})
    return replace(
        LISTED,
        people=people.model_copy(update={"roles": roles}),
        system=LISTED.system.model_copy(update={"connections": connections}),
    )


@asynccontextmanager
async def asking(*bundles: Bundle, clock: Clock | None = None) -> AsyncIterator[OnCall]:
    """Ask with connections that are closed afterwards."""
    calls = Calls()
    try:
        yield OnCall(calls, bundles, resolve=resolve, clock=clock or Clock())
    finally:
        calls.close()


def listed(bundle: Bundle, name: str) -> Person:
    """Return somebody of people.yaml."""
    return next(each for each in bundle.people.people if each.id == name)


async def test_who_is_on_call_has_the_role_and_where_from_is_known(stub: Stub) -> None:
    """By e-mail address, whatever its letters; whom people.yaml does not list stays out."""
    stub.schedules[SCHEDULE] = ["PEMILY", "PSTRANGER"]
    bundle = scheduled(stub)
    async with asking(bundle) as on_call:
        roles_of = await Rosters(Unasked(), on_call).roles_now(bundle, lambda _: None)
    given: Mapping[str, str] = roles_of(listed(bundle, "emily-watson"))
    assert given == {"eng_lead": f"pagerduty schedule {SCHEDULE}"}
    assert roles_of(listed(bundle, "david-park")) == {}
    assert stub.refused == []


async def test_a_handover_counts_within_a_minute(stub: Stub) -> None:
    """What was seen is good for a minute, then it is asked again."""
    clock = Clock()
    stub.schedules[SCHEDULE] = ["PEMILY"]
    async with asking(scheduled(stub), clock=clock) as on_call:
        await on_call.now()
        stub.schedules[SCHEDULE] = ["PJENNIFER"]
        clock.now += 60.0
        assert (await on_call.now()).members == {WHERE: {"emily.watson@aivo.edu"}}
        clock.now += 0.1
        assert (await on_call.now()).members == {WHERE: {"jennifer.liu@aivo.edu"}}
    assert stub.requests == ["GET on-call"] * 2


@pytest.mark.parametrize(
    ("status", "doubt"),
    [(500, Doubt.NO_ANSWER), (429, Doubt.NO_ANSWER), (401, Doubt.REFUSED), (403, Doubt.REFUSED)],
)
async def test_what_was_known_is_forgotten_where_it_is_not_said(
    stub: Stub, status: int, doubt: Doubt
) -> None:
    """Nobody keeps a role because the look that would have taken it away failed."""
    clock = Clock()
    stub.schedules[SCHEDULE] = ["PEMILY"]
    async with asking(scheduled(stub), clock=clock) as on_call:
        await on_call.now()
        stub.fault(status, times=1)
        clock.now += 61.0
        seen = await on_call.now()
        assert (seen.members, seen.doubt) == ({}, doubt)
        assert on_call.fresh() is None


async def test_one_schedule_that_is_gone_takes_nothing_from_another(stub: Stub) -> None:
    """A doubt about one is a doubt, and the other gives its role."""
    stub.schedules[SCHEDULE] = ["PEMILY"]
    other = scheduled(stub, schedule="PGONE")
    async with asking(scheduled(stub), other) as on_call:
        seen = await on_call.now()
    assert seen.members == {WHERE: {"emily.watson@aivo.edu"}}
    assert seen.doubt is Doubt.REFUSED


async def test_without_such_roles_pagerduty_is_never_asked(stub: Stub) -> None:
    """A system whose roles are listed costs no call."""
    async with asking(LISTED) as on_call:
        assert await on_call.now() == NOBODY
    assert stub.requests == []


def test_a_schedule_needs_a_key_to_ask_with(stub: Stub) -> None:
    """`backout check` says that nobody could ever be asked."""
    notes = Notes(scheduled(stub, token=None))
    checks.people.check(notes)
    assert [each.message for each in notes.problems] == [
        "nobody can be asked who is on call: connections.pagerduty needs a `token`"
    ]


def test_a_role_by_schedule_names_it() -> None:
    """The source of the members is named beside them."""
    with pytest.raises(ValueError, match="needs the schedule's id"):
        Role.model_validate({"title": "Lead", "members": "pagerduty_schedule"})


async def test_the_live_check_tries_each_key_and_calls_nobody(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good keys, a wrong one, who is on call now."""
    for name, value in (("DUTY", KEY), ("DUTY_TOKEN", TOKEN), ("DUTY_WRONG", "R0" + "z" * 30)):
        monkeypatch.setenv(name, value)
    stub.schedules[SCHEDULE] = ["PEMILY"]
    bundle = scheduled(stub)
    assert await said(bundle) == {
        "aivo: PagerDuty's integration key env:DUTY is taken": True,
        "aivo: PagerDuty's REST key env:DUTY_TOKEN may look": True,
        f"aivo: on call for Engineering Lead in {SCHEDULE} now: Emily Watson": True,
    }
    stub.schedules[SCHEDULE] = ["PSTRANGER"]
    wrong = await said(scheduled(stub, token="env:DUTY_WRONG"))
    refused, unsaid = [text for text, ok in wrong.items() if not ok]
    assert refused.startswith("aivo: PagerDuty's REST key env:DUTY_WRONG: PagerDuty refuses it")
    assert "the key is not valid" in refused
    assert unsaid.endswith(f"in {SCHEDULE}: PagerDuty does not say who; the log says why")
    assert stub.alerts == {}


async def said(bundle: Bundle) -> dict[str, bool]:
    """Return what the live check says of PagerDuty, and whether it is all right."""
    found = await live.live_check(Settings(), [bundle])
    return {each.text: each.ok for each in found if "SLACK" not in each.text}
