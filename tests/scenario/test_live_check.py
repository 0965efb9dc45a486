"""`backout check --live` against the emulator: what is granted, what is missing, what to do."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.findings import Finding
from bot.slack.checking import live_check
from config.loader import load_systems
from config.settings import PACKAGED, Settings
from sandbox.workspace import Settings as Rules
from sandbox.workspace import Workspace
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN
from tests.scenario.house import manifest

pytestmark = pytest.mark.scenario


def settings(url: str, **changes: Any) -> Settings:
    """Return the settings of a bot in the emulator."""
    given: dict[str, Any] = {
        "slack_bot_token": SecretStr(BOT_TOKEN),
        "slack_app_token": SecretStr(APP_TOKEN),
        "slack_api_url": url,
        **changes,
    }
    return Settings().model_copy(update=given)


async def look(workspace: Workspace, **changes: Any) -> list[Finding]:
    """Run the check."""
    return list(await live_check(settings(workspace.api_url, **changes), load_systems(PACKAGED)))


def wrong(findings: list[Finding]) -> str:
    """Return what is not all right."""
    return "\n".join(finding.text for finding in findings if not finding.ok)


async def test_all_is_well() -> None:
    """With the manifest installed as it is, everything is granted and nothing more."""
    async with Workspace(settings=Rules(manifest=manifest())) as workspace:
        findings = await look(workspace)
    assert wrong(findings) == ""
    assert "more than it needs" not in str(findings)
    assert len(findings) == 6


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"slack_bot_token": SecretStr("xoxb-wrong")}, "Bot User OAuth Token"),
        ({"slack_bot_token": None}, "SLACK_BOT_TOKEN is not set"),
        ({"slack_app_token": SecretStr("xapp-wrong")}, "connections:write"),
        ({"slack_app_token": None}, "Socket Mode needs it"),
        ({"slack_bot_token": SecretStr(APP_TOKEN)}, "swapped"),
        ({"mode": "http"}, "SLACK_SIGNING_SECRET is not set"),
    ],
)
async def test_a_wrong_token(changes: dict[str, Any], advice: str) -> None:
    """Each wrong or missing secret is named, with where the right one is."""
    async with Workspace(settings=Rules(manifest=manifest())) as workspace:
        assert advice in wrong(await look(workspace, **changes))


async def test_what_is_missing_in_the_workspace() -> None:
    """A missing scope, channel, person and user group are each named."""
    lesser = manifest()
    lesser["oauth_config"]["scopes"]["bot"].remove("pins:write")
    async with Workspace(settings=Rules(manifest=lesser)) as workspace:
        store = workspace.context.store
        store.channels["C0INCIDENTS"].members.remove("U0BOT")
        store.users["U0DAVID"].deleted = True
        store.users["U0ALEX"].is_restricted = True
        store.groups["S0LEADS"].handle = "leads"
        said = wrong(await look(workspace))
    for part in (
        "pins:write",
        "/invite @Backout",
        "David Park is not found",
        "Alex Thompson can't decide: guest",
        "@engineering-leads",
    ):
        assert part in said


async def test_gates_are_checked_with_those_who_are_in_the_groups_now() -> None:
    """A role that a group gives has holders only as long as the group has members."""
    (aivo,) = [b for b in load_systems(PACKAGED) if b.system.system == "aivo"]
    unlisted = [
        person.model_copy(update={"roles": tuple(r for r in person.roles if r != "eng_lead")})
        for person in aivo.people.people
    ]
    lead = aivo.people.roles["eng_lead"].model_copy(update={"members": "slack_group"})
    roles = {**aivo.people.roles, "eng_lead": lead}
    people = aivo.people.model_copy(update={"people": tuple(unlisted), "roles": roles})
    bundle = replace(aivo, people=people)
    async with Workspace(settings=Rules(manifest=manifest())) as workspace:
        findings = await live_check(settings(workspace.api_url), [bundle])
        assert wrong(list(findings)) == ""
        assert "every gate can be filled" in findings[-1].text
        workspace.context.store.groups["S0LEADS"].users = ["U0GUEST"]
        said = wrong(list(await live_check(settings(workspace.api_url), [bundle])))
        assert "can't be approved" in said
        workspace.context.access.paid_plan = False
        said = wrong(list(await live_check(settings(workspace.api_url), [bundle])))
        assert "can't be approved" in said


async def test_a_free_plan_is_fine() -> None:
    """Without a paid plan there are no user groups, and that is said without alarm."""
    async with Workspace(settings=Rules(manifest=manifest())) as workspace:
        workspace.context.access.paid_plan = False
        findings = await look(workspace)
    assert wrong(findings) == ""
    assert "paid plan" in findings[-1].text


async def test_slack_is_not_there() -> None:
    """An address where nothing answers is said in one line."""
    findings = await live_check(settings("http://127.0.0.1:9/api/"), ())
    assert [finding.ok for finding in findings] == [False]
    assert "did not answer" in findings[0].text
