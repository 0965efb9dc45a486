"""From a Slack user to a person with roles.  Fails closed; every surface of Slack asks here.

Unknown, deactivated, a bot, a guest, of another workspace, or listed twice: nobody.
"""

from dataclasses import dataclass

from bot.messages import Unidentified
from bot.rosters import EMPTY, Roster, further_roles
from bot.slack.directory import Directory, Member
from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows.authorizing import person_of
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


def resolve(
    member: Member | None, bundle: Bundle, roster: Roster = EMPTY
) -> Person | IdentityRefusal:
    """Return the person of a system's people.yaml whom a member is.

    Who somebody is comes first: groups and schedules give roles only to people who are listed.
    """
    found = human(member)
    if isinstance(found, IdentityRefusal):
        return found
    listed = matches(found, bundle)
    if len(listed) > 1:
        names = tuple(person.name for person in listed)
        return IdentityRefusal(reason=Unidentified.AMBIGUOUS, people=names)
    if not listed:
        return IdentityRefusal(reason=Unidentified.NOT_LISTED)
    return person_of(listed[0], found.id, further_roles(bundle, listed[0], found.id, roster))


def anybody(
    member: Member | None, bundle: Bundle, roster: Roster = EMPTY
) -> Person | IdentityRefusal:
    """Return the listed person, or an active human without any role (to declare, to note)."""
    found = resolve(member, bundle, roster)
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


def slack_ids(directory: Directory, bundle: Bundle) -> dict[str, str]:
    """Return the Slack users of a system's people, by their ids in people.yaml.

    Somebody found twice or not at all is left out.
    """
    found = {person.id: directory.slack_of(person) for person in bundle.people.people}
    return {person: user for person, user in found.items() if user is not None}


def doubt_about(directory: Directory, listed: Listed) -> Unidentified | None:
    """Say what speaks against a listed person, as far as is known of them in Slack.

    None where nothing does: also of somebody whom Slack, which may be away, has not told of.
    """
    found = [human(member) for member in directory.namesakes(listed)]
    doubts = [each.reason for each in found if isinstance(each, IdentityRefusal)]
    return doubts[0] if doubts and len(doubts) == len(found) else None
