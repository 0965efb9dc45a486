"""What is known of user groups: fresh for a minute, and nothing at all where Slack does not say."""

from dataclasses import replace
from typing import Any

import pytest

from bot.rosters import NOBODY, Doubt, Roster, further_roles
from bot.slack.calls import NoAnswerError, RateLimitedError, RefusedError
from bot.slack.groups import Groups
from config.loader import load_system
from config.models.bundles import Bundle
from config.settings import PACKAGED
from tests.bot.slack.fakes import Clock, FakeCalls

MENTIONED = load_system(PACKAGED / "aivo")
LEADS = {"handle": "engineering-leads", "users": ["U1", "U2"], "date_delete": 0}


def by_group() -> Bundle:
    """Return the system with Engineering Leads given by their group."""
    people = MENTIONED.people
    lead = people.roles["eng_lead"].model_copy(update={"members": "slack_group"})
    roles = {**people.roles, "eng_lead": lead}
    return replace(MENTIONED, people=people.model_copy(update={"roles": roles}))


def answer(*groups: dict[str, Any]) -> dict[str, Any]:
    """Return Slack's answer with these groups."""
    return {"ok": True, "usergroups": list(groups)}


async def test_what_was_seen_is_fresh_for_a_minute() -> None:
    """Sixty seconds after the question it is still good, a moment later it is not."""
    calls, clock = FakeCalls(), Clock()
    calls.answer("usergroups_list", answer(LEADS))
    groups = Groups(calls, [by_group()], clock=clock)
    assert groups.fresh() is None
    seen = await groups.now()
    assert seen.members == {"engineering-leads": {"U1", "U2"}}
    clock.now += 60.0
    assert await groups.now() is seen
    clock.now += 0.1
    assert groups.fresh() is None
    await groups.now()
    assert calls.names() == ["usergroups_list", "usergroups_list"]


async def test_time_counts_from_the_question_and_not_from_the_answer() -> None:
    """An answer that took its time may be as old as the question."""
    calls, clock = FakeCalls(), Clock()

    def slow(_: dict[str, Any]) -> dict[str, Any]:
        clock.now += 50.0
        return answer(LEADS)

    calls.answer("usergroups_list", slow)
    groups = Groups(calls, [by_group()], clock=clock)
    await groups.fetch()
    clock.now += 20.0
    assert groups.fresh() is None


@pytest.mark.parametrize(
    ("error", "doubt"),
    [
        (RefusedError("usergroups.list", {"error": "plan_upgrade_required"}), Doubt.PLAN),
        (RefusedError("usergroups.list", {"error": "missing_scope"}), Doubt.SCOPE),
        (RefusedError("usergroups.list", {"error": "team_access_not_granted"}), Doubt.REFUSED),
        (RateLimitedError("usergroups.list", 30), Doubt.NO_ANSWER),
        (NoAnswerError("Slack did not answer"), Doubt.NO_ANSWER),
    ],
)
async def test_what_was_known_is_forgotten_where_slack_does_not_say(
    error: Exception, doubt: Doubt
) -> None:
    """Nobody keeps a role because the look that would have taken it away failed."""
    calls, clock = FakeCalls(), Clock()
    calls.answer("usergroups_list", answer(LEADS), error)
    groups = Groups(calls, [by_group()], clock=clock)
    await groups.now()
    clock.now += 61.0
    seen = await groups.now()
    assert (seen.members, seen.doubt) == ({}, doubt)
    assert groups.known() == seen
    assert groups.fresh() is None


async def test_a_deleted_group_gives_nothing() -> None:
    """Slack keeps deleted groups with their users; one without users has none."""
    calls = FakeCalls()
    empty = {"handle": "sre-oncall", "users": None}
    calls.answer("usergroups_list", answer({**LEADS, "date_delete": 1_700_000_000}, empty))
    seen = await Groups(calls, [by_group()]).fetch()
    assert seen.members == {"sre-oncall": frozenset()}


async def test_a_group_that_is_only_mentioned_gives_nothing() -> None:
    """Without `members: slack_group` nobody is asked and nobody has a role by it."""
    calls = FakeCalls()
    groups = Groups(calls, [MENTIONED])
    assert await groups.now() == NOBODY
    assert calls.names() == []
    calls.answer("usergroups_list", answer(LEADS))
    seen = await groups.fetch()
    roster, somebody = Roster(groups=seen), MENTIONED.people.people[0]
    given = {"eng_lead": "slack group @engineering-leads"}
    assert further_roles(MENTIONED, somebody, "U1", roster) == {}
    assert further_roles(by_group(), somebody, "U1", roster) == given
    assert further_roles(by_group(), somebody, "U3", roster) == {}
    assert further_roles(by_group(), somebody, None, roster) == {}
