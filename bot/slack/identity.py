"""From a Slack user to a person with roles.  Fails closed; every surface of Slack asks here.

Unknown, deactivated, a bot, a guest, of another workspace, or listed twice: nobody.
"""

from dataclasses import dataclass

from bot.messages import Unidentified
from bot.slack.directory import Directory, Member
from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows.gates import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRefusal:
    """This user can't act; `people` are the names where two were found."""

    reason: Unidentified
    people: tuple[str, ...] = ()


def human(member: Member | None) -> Member | IdentityRefusal:
    """Return an active human of this workspace who is no guest."""
    if member is None:
        return IdentityRefusal(reason=Unidentified.UNKNOWN)
    for bad, reason in (
        (member.deleted, Unidentified.DEACTIVATED),
        (member.bot, Unidentified.BOT),
        (member.stranger, Unidentified.STRANGER),
        (member.guest, Unidentified.GUEST),
    ):
        if bad:
            return IdentityRefusal(reason=reason)
    return member


def resolve(member: Member | None, bundle: Bundle) -> Person | IdentityRefusal:
    """Return the person of a system's people.yaml whom a member is."""
    found = human(member)
    if isinstance(found, IdentityRefusal):
        return found
    listed = matches(found, bundle)
    if len(listed) > 1:
        names = tuple(person.name for person in listed)
        return IdentityRefusal(reason=Unidentified.AMBIGUOUS, people=names)
    if not listed:
        return IdentityRefusal(reason=Unidentified.NOT_LISTED)
    return person_of(listed[0], found.id)


def anybody(member: Member | None, bundle: Bundle) -> Person | IdentityRefusal:
    """Return the listed person, or an active human without any role (to declare, to note)."""
    found = resolve(member, bundle)
    if isinstance(found, IdentityRefusal) and found.reason is Unidentified.NOT_LISTED:
        assert member is not None
        return Person(id=f"slack:{member.id}", name=member.name, slack=member.id)
    return found


def matches(member: Member, bundle: Bundle) -> tuple[Listed, ...]:
    """Return the entries of people.yaml that name this member, by user id before e-mail."""
    by_id = tuple(p for p in bundle.people.people if p.slack == member.id)
    by_email = tuple(
        p
        for p in bundle.people.people
        if p.slack is None and member.email and (p.email or "").casefold() == member.email
    )
    return by_id + by_email


def person_of(listed: Listed, slack: str | None) -> Person:
    """Return an entry of people.yaml as the core knows people."""
    return Person(id=listed.id, name=listed.name, slack=slack, roles=listed.roles, team=listed.team)


def slack_ids(directory: Directory, bundle: Bundle) -> dict[str, str]:
    """Return the Slack users of a system's people, by their ids in people.yaml.

    Somebody found twice or not at all is left out.
    """
    found = {person.id: directory.slack_of(person) for person in bundle.people.people}
    return {person: user for person, user in found.items() if user is not None}
