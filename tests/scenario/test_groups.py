"""Roles that Slack user groups give: who is in the group when they decide has the role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import rosters
from config.models.bundles import Bundle
from flows.events import Decided
from flows.runs import Run
from sandbox.workspace.models import User
from tests.scenario.house import ALEX, DAVID, GUEST, JENNIFER, MARCUS, House, house

pytestmark = pytest.mark.scenario
LEADS = "S0LEADS"
FROM_GROUP = "slack group @engineering-leads"


@pytest.fixture(autouse=True)
def nothing_stays_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait a minute: what was seen is old at once."""
    monkeypatch.setattr(rosters, "FRESH_FOR", 0.0)


def by_group(bundle: Bundle) -> Bundle:
    """Return the system with Engineering Leads given by their group; only Jennifer lists it."""
    people = bundle.people
    lead = people.roles["eng_lead"].model_copy(update={"members": "slack_group"})
    listed = tuple(
        each
        if each.id == "jennifer-liu" or "eng_lead" not in each.roles
        else each.model_copy(update={"roles": ()})
        for each in people.people
    )
    roles = {**people.roles, "eng_lead": lead}
    return replace(bundle, people=people.model_copy(update={"roles": roles, "people": listed}))


@asynccontextmanager
async def grouped(data: Path) -> AsyncIterator[House]:
    """Open a house whose leads are those in @engineering-leads."""
    async with house(data, start=False) as home:
        home.bundles = {**home.bundles, "aivo": by_group(home.bundles["aivo"])}
        await home.start()
        yield home


async def put_into_leads(home: House, *users: str) -> None:
    """Change who is in the group, as an administrator would."""
    await home.people.act("group", group=LEADS, users=list(users))


async def approvals(home: House) -> list[Decided]:
    """Return what the journal has of people's words."""
    return [r.event for r in home.engine.events("INC-1") if isinstance(r.event, Decided)]


async def nothing_counted(home: House) -> None:
    """Make sure that the journal has no word of anybody."""
    assert await approvals(home) == []
    run = home.engine.run("INC-1")
    assert run is not None
    assert run.state == "approve"


async def refused(home: House, who: str, run: Run, *said: str) -> None:
    """Press Approve and be told why it does not count."""
    await home.click(who, run, "approve")
    text = await home.told(who, said[0])
    for part in said:
        assert part in text
    await nothing_counted(home)


async def test_who_is_in_the_group_approves_and_the_journal_says_by_what(tmp_path: Path) -> None:
    """Alex lists no role; the group gives it, and the record keeps where it came from."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        gate = run.gate_of("plan")
        assert gate is not None
        asked = {each.id: each.resolved for each in gate.candidates}
        assert asked["alex-thompson"] == {"eng_lead": FROM_GROUP}
        assert asked["jennifer-liu"] == {"eng_lead": "people.yaml"}
        await home.click(ALEX, run, "approve")
        await home.until(lambda run: run.ended)
        (word,) = await approvals(home)
        assert word.person.roles == ("eng_lead",)
        assert word.person.resolved == {"eng_lead": FROM_GROUP}


async def test_who_was_taken_out_of_the_group_meanwhile_is_refused(tmp_path: Path) -> None:
    """Asked while in the group, out of it when pressing: it does not count."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        assert "alex-thompson" in candidates(run)
        await put_into_leads(home, JENNIFER)
        await refused(home, ALEX, run, "it needs")


async def test_who_was_put_into_the_group_meanwhile_counts(tmp_path: Path) -> None:
    """Not asked for when the plan was made, in the group when pressing: it counts."""
    async with grouped(tmp_path) as home:
        await put_into_leads(home, JENNIFER)
        run = await home.declare()
        assert "david-park" not in candidates(run)
        await put_into_leads(home, JENNIFER, DAVID)
        await home.click(DAVID, run, "approve")
        await home.until(lambda run: bool(run.decisions))
        (word,) = await approvals(home)
        assert word.person.resolved["eng_lead"] == FROM_GROUP


async def test_a_typed_approval_asks_the_group_as_well(tmp_path: Path) -> None:
    """A command is checked as a button is."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        await put_into_leads(home, JENNIFER)
        assert run.plan is not None
        digest = run.plan.digest[:8]
        await home.people.say(ALEX, run.channel or "", f"!incident approve {digest}")
        await home.told(ALEX, "it needs")
        await nothing_counted(home)
        await put_into_leads(home, JENNIFER, ALEX)
        await home.people.say(ALEX, run.channel or "", f"!incident approve {digest}")
        await home.until(lambda run: bool(run.decisions))


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"error": "plan_upgrade_required"}, "has no user groups"),
        ({"error": "missing_scope"}, "`usergroups:read` is missing"),
        ({"error": "access_denied"}, "Slack refuses"),
        ({"status": 500}, "Slack did not answer"),
        ({"status": 429, "retry_after": 30}, "Slack did not answer"),
        ({"drop": True}, "Slack did not answer"),
    ],
    ids=["plan", "scope", "refused", "failing", "limited", "dropped"],
)
async def test_where_slack_does_not_say_nobody_has_a_role_by_a_group(
    tmp_path: Path, fault: dict[str, Any], why: str
) -> None:
    """It fails closed and says why; who lists the role in people.yaml has it still."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        await home.people.fault("usergroups.list", count=None, **fault)
        await refused(home, ALEX, run, "it needs", why, "@engineering-leads")
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: bool(run.decisions))


async def test_on_a_free_plan_the_listed_people_decide(tmp_path: Path) -> None:
    """Without groups from the beginning, the plan is made and asks those who are listed."""
    async with grouped(tmp_path) as home:
        home.workspace.context.access.paid_plan = False
        run = await home.declare()
        assert candidates(run) == {"marcus-rodriguez", "emily-watson", "jennifer-liu"}
        await refused(home, ALEX, run, "has no user groups")


async def test_a_group_that_is_gone_gives_nothing(tmp_path: Path) -> None:
    """A group under another handle is another group, whoever is in it."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        home.workspace.context.store.groups[LEADS].handle = "leads"
        await refused(home, ALEX, run, "it needs")


async def test_being_in_the_group_makes_nobody_a_person_who_decides(tmp_path: Path) -> None:
    """A guest, a stranger, a bot, a deactivated account and an unlisted member stay nobody."""
    async with grouped(tmp_path) as home:
        run = await home.declare()
        store = home.workspace.context.store
        store.users["U0NEW"] = User(
            id="U0NEW", name="new", real_name="New Here", email="new@aivo.edu", role="No role"
        )
        await put_into_leads(home, JENNIFER, ALEX, GUEST, "U0NEW")
        for who, said in ((GUEST, "you are a guest"), ("U0NEW", "not listed")):
            await home.people.act("invite", user=MARCUS, channel=run.channel, invitee=who)
            await refused(home, who, run, said)
        for changes, said in (
            ({"deleted": True}, "deactivated"),
            ({"is_bot": True}, "only people"),
            ({"team_id": "T0OTHER"}, "another workspace"),
        ):
            home.surface.directory.keep({"id": ALEX, **changes})
            await refused(home, ALEX, run, said)


async def test_within_a_minute_slack_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen is good for a minute, so that ten people's clicks are no storm of questions."""
    monkeypatch.setattr(rosters, "FRESH_FOR", 60.0)
    async with grouped(tmp_path) as home:
        run = await home.declare()
        await home.click(DAVID, run, "approve")
        await home.told(DAVID, "it needs")
        await home.click(ALEX, run, "approve")
        await home.until(lambda run: run.ended)
        assert len(await home.people.calls("usergroups.list")) == 1


async def test_without_such_roles_slack_is_never_asked(tmp_path: Path) -> None:
    """A system whose groups are only mentioned costs no call."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: bool(run.decisions))
        assert await home.people.calls("usergroups.list") == []


def candidates(run: Run) -> set[str]:
    """Return who is asked to approve the plan."""
    gate = run.gate_of("plan")
    return {person.id for person in gate.candidates} if gate else set()
