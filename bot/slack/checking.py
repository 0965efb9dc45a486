"""Whether Slack grants what the bot and the systems need.  Called by `bot.live`.

Asks and changes nothing.  What can't be asked of Slack (which events are subscribed, whether
buttons arrive) shows at the first use; docs/slack-install.md has a round to walk.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr
from ruamel.yaml import YAML

from bot.findings import Finding
from bot.rosters import NOBODY, Doubt, Membership, Roster, further_roles
from bot.slack.calls import Calls, RefusedError, SlackCallError, web_client, web_session
from bot.slack.directory import Directory
from bot.slack.groups import Groups
from bot.slack.identity import IdentityRefusal, human
from config.checks import authority
from config.checks.notes import Notes
from config.models.bundles import Bundle
from config.models.people import Person
from config.settings import Settings

MANIFEST = Path(__file__).with_name("manifest.yaml")
ADVICE: Mapping[str, str] = {
    "invalid_auth": "copy the Bot User OAuth Token (xoxb-…) into SLACK_BOT_TOKEN again",
    "not_authed": "set SLACK_BOT_TOKEN to the Bot User OAuth Token (xoxb-…)",
    "account_inactive": "the app was removed from the workspace: install it again",
    "token_revoked": "the app was removed from the workspace: install it again",
    "not_allowed_token_type": "the two tokens are swapped: xoxb-… is the bot's, xapp-… the app's",
    "missing_scope": "install the app again from bot/slack/manifest.yaml",
}


async def live_check(
    settings: Settings, bundles: Sequence[Bundle], schedules: Membership = NOBODY
) -> tuple[Finding, ...]:
    """Look at Slack with the tokens of the settings.  Never raises for what Slack answers.

    `schedules` says who is on call now, for the gates.
    """
    token = settings.slack_bot_token
    if token is None:
        return (Finding(ok=False, text="SLACK_BOT_TOKEN is not set: Slack was not asked"),)
    async with _calls(token, settings.slack_api_url) as calls:
        return tuple([f async for f in _findings(calls, settings, bundles, schedules)])


@asynccontextmanager
async def _calls(token: SecretStr, base_url: str) -> AsyncIterator[Calls]:
    session = web_session()
    try:
        yield Calls(web_client(token.get_secret_value(), base_url, session))
    finally:
        await session.close()


async def _findings(
    calls: Calls, settings: Settings, bundles: Sequence[Bundle], schedules: Membership
) -> AsyncIterator[Finding]:
    try:
        me = await calls.do(calls.client.auth_test)
    except SlackCallError as error:
        yield _failed("the bot's token", error)
        return
    yield Finding(
        ok=True, text=f"the bot is @{me.get('user')} in {me.get('team')} ({me['team_id']})"
    )
    yield _scopes(calls.scopes)
    yield await _transport(calls, settings)
    directory = Directory(calls, team=str(me["team_id"]))
    try:
        await directory.load()
    except SlackCallError as error:
        yield _failed("members and channels", error)
        return
    for bundle in bundles:
        yield await _channel(directory, bundle)
        yield _people(directory, bundle)
    groups = Groups(calls, bundles)
    roster = Roster(groups=await groups.fetch(), schedules=schedules)
    yield _groups(roster.groups, bundles)
    for bundle in bundles:
        if bundle.people.from_outside():
            yield _gates(directory, bundle, roster)


def needed_scopes() -> frozenset[str]:
    """Return the scopes that the manifest asks for."""
    manifest = YAML(typ="safe").load(MANIFEST)
    return frozenset(manifest["oauth_config"]["scopes"]["bot"])


def _scopes(granted: frozenset[str]) -> Finding:
    missing = sorted(needed_scopes() - granted)
    if missing:
        text = f"scopes are missing: {', '.join(missing)}; {ADVICE['missing_scope']}"
        return Finding(ok=False, text=text)
    more = sorted(granted - needed_scopes())
    extra = f"; more than it needs: {', '.join(more)}" if more else ""
    return Finding(ok=True, text=f"all {len(needed_scopes())} scopes are granted{extra}")


async def _transport(calls: Calls, settings: Settings) -> Finding:
    if settings.mode == "http":
        is_set = settings.slack_signing_secret is not None
        text = "SLACK_SIGNING_SECRET is set; whether it is right shows at the first request"
        missing = "SLACK_SIGNING_SECRET is not set: requests could not be told from forged ones"
        return Finding(ok=is_set, text=text if is_set else missing)
    if settings.slack_app_token is None:
        return Finding(ok=False, text="SLACK_APP_TOKEN is not set: Socket Mode needs it")
    secret = settings.slack_app_token.get_secret_value()
    try:
        await calls.do(calls.client.apps_connections_open, app_token=secret)
    except SlackCallError as error:
        return _failed("the app's token (xapp-…, with the scope connections:write)", error)
    return Finding(ok=True, text="Socket Mode opens a connection")


async def _channel(directory: Directory, bundle: Bundle) -> Finding:
    name = bundle.system.channels.incidents
    system = bundle.system.system
    if directory.channel_id(name) is not None:
        return Finding(ok=True, text=f"{system}: the bot is in #{name}")
    advice = f"create #{name} if it is not there, and type `/invite @Backout` in it"
    return Finding(ok=False, text=f"{system}: the bot is not in #{name}: {advice}")


def _people(directory: Directory, bundle: Bundle) -> Finding:
    problems = [text for p in bundle.people.people if (text := _person(directory, p))]
    system, count = bundle.system.system, len(bundle.people.people)
    if problems:
        return Finding(ok=False, text=f"{system}: {'; '.join(problems)}")
    return Finding(ok=True, text=f"{system}: all {count} people are members of the workspace")


def _person(directory: Directory, person: Person) -> str:
    """Return what is wrong with somebody, or nothing."""
    by = person.slack or person.email or "no e-mail address"
    found = directory.ids(slack=person.slack, email=person.email)
    if not found:
        return f"{person.name} is not found by {by}: correct people.yaml"
    if len(found) > 1:
        return f"{person.name} is two members by {by}: name one with `slack:` in people.yaml"
    who = human(directory.known(found[0]))
    if isinstance(who, IdentityRefusal):
        return f"{person.name} can't decide: {who.reason.value} in Slack"
    return ""


def _groups(seen: Membership, bundles: Iterable[Bundle]) -> Finding:
    wanted = {
        role.slack_group: bundle.system.system
        for bundle in bundles
        for role in bundle.people.roles.values()
        if role.slack_group
    }
    if not wanted:
        return Finding(ok=True, text="no role names a user group")
    match seen.doubt:
        case None:
            missing = sorted(set(wanted) - set(seen.members))
        case Doubt.PLAN:
            text = "user groups need a paid plan of Slack; people are mentioned one by one instead"
            return Finding(ok=True, text=text)
        case _:
            advice = ADVICE.get(seen.doubt.value, "try again, and look at status.slack.com")
            return Finding(ok=False, text=f"user groups: {seen.doubt.value}: {advice}")
    if missing:
        named = ", ".join(f"@{name} ({wanted[name]})" for name in missing)
        return Finding(ok=False, text=f"user groups are missing: {named}")
    return Finding(ok=True, text=f"all {len(wanted)} user groups are there")


def _gates(directory: Directory, bundle: Bundle, seen: Roster) -> Finding:
    """Look whether gates can be filled by those who are in groups and on call right now."""
    people = tuple(
        person.model_copy(update={"roles": (*person.roles, *further)})
        for person in bundle.people.people
        for further in [further_roles(bundle, person, directory.slack_of(person), seen)]
    )
    roles = {
        name: role.model_copy(update={"members": "listed"})
        for name, role in bundle.people.roles.items()
    }
    known = bundle.people.model_copy(update={"people": people, "roles": roles})
    notes = Notes(replace(bundle, people=known))
    authority.check(notes)
    system = bundle.system.system
    if notes.problems:
        found = "; ".join(sorted({problem.message for problem in notes.problems}))
        text = f"{system}: with those who are in user groups and on call now, {found}"
        return Finding(ok=False, text=text)
    text = f"{system}: with those who are in user groups and on call now, every gate can be filled"
    return Finding(ok=True, text=text)


def _failed(what: str, error: SlackCallError) -> Finding:
    code = error.code if isinstance(error, RefusedError) else ""
    advice = ADVICE.get(code, "try again, and look at status.slack.com")
    return Finding(ok=False, text=f"{what}: {error}: {advice}")
