"""Who is in which Slack user group, for the roles that groups give.  Fails closed.

What was seen counts for a minute; older, it is looked up again before anybody decides on it.
Where Slack does not say, nobody has a role by a group, and whoever is refused is told why.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.slack.calls import Calls, RefusedError, SlackCallError
from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows.authorizing import RolesOf, SlackOf, only_listed

log = logging.getLogger(__name__)
FRESH_FOR = 60.0


class Doubt(StrEnum):
    """Why it is not known who is in a group."""

    PLAN = "plan_upgrade_required"
    SCOPE = "missing_scope"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Slack's users by the handle of a group; empty with a `doubt` where Slack did not say."""

    users: Mapping[str, frozenset[str]] = field(default_factory=dict)
    doubt: Doubt | None = None


NOBODY = Membership()


class Groups:
    """What is known of user groups."""

    def __init__(
        self,
        calls: Calls,
        bundles: Iterable[Bundle],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._is_asked_for = any(bundle.people.by_group() for bundle in bundles)
        self._known = NOBODY
        self._seen = float("-inf")

    def fresh(self) -> Membership | None:
        """Return who is where if what is known is fresh enough to decide on."""
        if not self._is_asked_for:
            return NOBODY
        return self._known if self._clock() - self._seen <= FRESH_FOR else None

    def known(self) -> Membership:
        """Return who was where, however old the knowledge: to show something, not to decide."""
        return self._known

    async def fetch(self) -> Membership:
        """Return who is where, asking Slack; with a doubt where it does not say."""
        began = self._clock()
        try:
            self._known = Membership(users=await _look(self._calls))
        except SlackCallError as error:
            log.warning("nobody has a role by a user group now: %s", error)
            self._known, self._seen = Membership(doubt=_doubt(error)), float("-inf")
        else:
            self._seen = began
        return self._known

    async def now(self) -> Membership:
        """Return what is fresh, or else ask Slack."""
        fresh = self.fresh()
        return await self.fetch() if fresh is None else fresh

    async def roles_now(self, bundle: Bundle, slack_of: SlackOf) -> RolesOf:
        """Return who of a system's people has further roles now."""
        if not bundle.people.by_group():
            return only_listed
        groups = await self.now()

        def roles_of(listed: Listed) -> Mapping[str, str]:
            return further_roles(bundle, slack_of(listed), groups)

        return roles_of


def further_roles(bundle: Bundle, user: str | None, groups: Membership) -> dict[str, str]:
    """Return the roles that groups give to a user, each with the group that it comes from."""
    return {
        role: f"slack group @{group}"
        for role in bundle.people.by_group()
        if (group := bundle.people.roles[role].slack_group) is not None
        and user in groups.users.get(group, ())
    }


async def _look(calls: Calls) -> dict[str, frozenset[str]]:
    """Ask for all groups with their users at once: a group may have been given another handle."""
    body = await calls.do(calls.client.usergroups_list, include_users=True)
    return {
        str(group["handle"]): frozenset(map(str, group.get("users") or ()))
        for group in body.get("usergroups", ())
        if not group.get("date_delete")
    }


def _doubt(error: SlackCallError) -> Doubt:
    if not isinstance(error, RefusedError):
        return Doubt.NO_ANSWER
    return next((each for each in Doubt if each.value == error.code), Doubt.REFUSED)
