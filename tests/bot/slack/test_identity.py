"""Who is who fails closed: whoever is not exactly one listed, active, full member is nobody."""

from dataclasses import replace
from typing import Any

import pytest

from bot.messages import Unidentified
from bot.slack.directory import FRESH_FOR, Directory, Member, member_of
from bot.slack.identity import IdentityRefusal, anybody, resolve, slack_ids
from config.loader import load_system
from config.models.bundles import Bundle
from config.models.people import Person
from config.settings import PACKAGED
from flows.gates import Person as Somebody
from tests.bot.slack.fakes import Clock, FakeCalls

BUNDLE = load_system(PACKAGED / "aivo")
JENNIFER = {
    "id": "U1",
    "team_id": "T1",
    "name": "jennifer",
    "is_bot": False,
    "deleted": False,
    "profile": {"real_name": "Jennifer Liu", "email": "Jennifer.Liu@aivo.edu"},
}


def member(**changes: Any) -> Member:
    """Return Jennifer as Slack shows her, changed."""
    return member_of({**JENNIFER, **changes}, team="T1")


def with_people(*people: Person) -> Bundle:
    """Return the system with these people in it."""
    known = BUNDLE.people.model_copy(update={"people": people})
    return replace(BUNDLE, people=known)


def test_a_listed_member_is_a_person_with_roles() -> None:
    """An e-mail address matches whatever its capitals."""
    found = resolve(member(), BUNDLE)
    assert isinstance(found, Somebody)
    assert (found.id, found.slack, found.roles) == ("jennifer-liu", "U1", ("eng_lead",))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, Unidentified.UNKNOWN),
        (member(deleted=True), Unidentified.DEACTIVATED),
        (member(is_bot=True), Unidentified.BOT),
        (member(is_restricted=True), Unidentified.GUEST),
        (member(is_ultra_restricted=True), Unidentified.GUEST),
        (member(team_id="T2"), Unidentified.STRANGER),
        (member(profile={"email": "jl@elsewhere.example"}), Unidentified.NOT_LISTED),
        (member(profile={}), Unidentified.NOT_LISTED),
    ],
)
def test_who_is_nobody(found: Member | None, reason: Unidentified) -> None:
    """Each reason has its own answer."""
    refusal = resolve(found, BUNDLE)
    assert isinstance(refusal, IdentityRefusal)
    assert refusal.reason is reason


def test_listed_twice_is_nobody() -> None:
    """A member who matches two entries is neither, and both are named."""
    twice = with_people(
        Person(id="a", name="A", slack="U1"),
        Person(id="b", name="B", email="jennifer.liu@aivo.edu"),
    )
    refusal = resolve(member(), twice)
    assert isinstance(refusal, IdentityRefusal)
    assert (refusal.reason, refusal.people) == (Unidentified.AMBIGUOUS, ("A", "B"))


def test_a_user_id_beats_the_address() -> None:
    """An entry with a user id is not matched by its address: that would be a second way in."""
    other = with_people(Person(id="a", name="A", slack="U2", email="jennifer.liu@aivo.edu"))
    assert isinstance(resolve(member(), other), IdentityRefusal)


def test_who_is_not_listed_declares_without_roles() -> None:
    """A full member who is not listed may declare, a guest may not."""
    stranger = member(id="U9", profile={"real_name": "Pat", "email": "pat@aivo.edu"})
    found = anybody(stranger, BUNDLE)
    assert isinstance(found, Somebody)
    assert (found.id, found.roles) == ("slack:U9", ())
    assert isinstance(anybody(member(is_restricted=True), BUNDLE), IdentityRefusal)


def test_what_is_old_decides_nothing() -> None:
    """Knowledge of a member ages; for showing a name it still serves."""
    clock = Clock()
    directory = Directory(FakeCalls(), team="T1", clock=clock)
    directory.keep(JENNIFER)
    assert directory.member("U1") is not None
    clock.now += FRESH_FOR + 1
    assert directory.member("U1") is None
    assert directory.name_of("U1") == "Jennifer Liu"


async def test_a_user_that_slack_does_not_know_is_forgotten() -> None:
    """Who was removed from the workspace is nobody."""
    calls = FakeCalls()
    directory = Directory(calls, team="T1")
    directory.keep(JENNIFER)
    calls.answer("users_info", refused("user_not_found"))
    assert await directory.fetch("U1") is None
    assert directory.known("U1") is None


async def test_all_pages_are_loaded() -> None:
    """A workspace of many members and channels is read to its end."""
    calls = FakeCalls()
    second = {**JENNIFER, "id": "U2", "profile": {"email": "marcus.rodriguez@aivo.edu"}}
    calls.answer(
        "users_list",
        {"members": [JENNIFER], "response_metadata": {"next_cursor": "more"}},
        {"members": [second]},
    )
    calls.answer("users_conversations", {"channels": [{"id": "C1", "name": "incident-response"}]})
    directory = Directory(calls, team="T1")
    await directory.load()
    assert slack_ids(directory, BUNDLE) == {"jennifer-liu": "U1", "marcus-rodriguez": "U2"}
    assert directory.channel_id("#incident-response") == "C1"
    assert directory.channel_name("C1") == "incident-response"


def refused(code: str) -> Exception:
    """Return Slack's refusal."""
    from bot.slack.calls import RefusedError

    return RefusedError("users_info", {"error": code})
