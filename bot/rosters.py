"""Roles that are given outside: by user groups of Slack, by schedules of PagerDuty.

What was seen counts for a minute; older, it is looked up again before anybody decides on it.
It fails closed: where it is not said who is there, nobody has a role by it, and whoever is refused
is told why.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows.authorizing import RolesOf, SlackOf, only_listed

FRESH_FOR = 60.0
Clock = Callable[[], float]


class Doubt(StrEnum):
    """Why it is not known who is there."""

    PLAN = "plan_upgrade_required"
    SCOPE = "missing_scope"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Who is in what, as far as it was said; `doubt` is set where something was not."""

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    doubt: Doubt | None = None


NOBODY = Membership()


class Source(ABC):
    """Where membership is looked up, and what is known of it."""

    def __init__(self, *, is_asked_for: bool, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._is_asked_for = is_asked_for
        self._known = NOBODY
        self._seen = float("-inf")

    @abstractmethod
    async def look(self) -> Membership:
        """Ask who is in what.  Never raises: what is not said is a doubt."""

    def fresh(self) -> Membership | None:
        """Return who is where if what is known is fresh enough to decide on."""
        if not self._is_asked_for:
            return NOBODY
        return self._known if self._clock() - self._seen <= FRESH_FOR else None

    def known(self) -> Membership:
        """Return who was where, however old the knowledge: to show something, not to decide."""
        return self._known

    async def fetch(self) -> Membership:
        """Return who is where, asking; what holds a doubt is asked again the next time."""
        began = self._clock()
        self._known = await self.look()
        self._seen = began if self._known.doubt is None else float("-inf")
        return self._known

    async def now(self) -> Membership:
        """Return what is fresh, or else ask."""
        fresh = self.fresh()
        return await self.fetch() if fresh is None else fresh


class Unasked(Source):
    """Nothing gives roles here."""

    def __init__(self) -> None:
        super().__init__(is_asked_for=False)

    async def look(self) -> Membership:
        """Find nobody."""
        return NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Slack's users by the handle of a group; e-mail addresses by system and schedule."""

    groups: Membership = NOBODY
    schedules: Membership = NOBODY


EMPTY = Roster()


class Rosters:
    """Everything outside that gives roles."""

    def __init__(self, groups: Source, schedules: Source) -> None:
        self._groups = groups
        self._schedules = schedules

    def fresh(self) -> Roster | None:
        """Return what is known if all of it is fresh enough to decide on."""
        groups, schedules = self._groups.fresh(), self._schedules.fresh()
        if groups is None or schedules is None:
            return None
        return Roster(groups=groups, schedules=schedules)

    def known(self) -> Roster:
        """Return what was known last: to show something, not to decide."""
        return Roster(groups=self._groups.known(), schedules=self._schedules.known())

    async def now(self) -> Roster:
        """Return what is fresh, or else ask."""
        groups, schedules = await asyncio.gather(self._groups.now(), self._schedules.now())
        return Roster(groups=groups, schedules=schedules)

    async def roles_now(self, bundle: Bundle, slack_of: SlackOf) -> RolesOf:
        """Return who of a system's people has further roles now."""
        if not bundle.people.from_outside():
            return only_listed
        roster = await self.now()

        def roles_of(listed: Listed) -> Mapping[str, str]:
            return further_roles(bundle, listed, slack_of(listed), roster)

        return roles_of


def schedule_key(system: str, schedule: str) -> str:
    """Name a schedule: two systems may have two PagerDuty accounts."""
    return f"{system}/{schedule}"


def further_roles(
    bundle: Bundle, listed: Listed, user: str | None, roster: Roster
) -> dict[str, str]:
    """Return the roles that a listed person has from outside, each with where it comes from."""
    people = bundle.people
    found: dict[str, str] = {}
    for role in people.by_group():
        group = people.roles[role].slack_group
        if group is not None and user in roster.groups.members.get(group, ()):
            found[role] = f"slack group @{group}"
    email = (listed.email or "").casefold()
    for role in people.by_schedule():
        schedule = people.roles[role].schedule or ""
        key = schedule_key(bundle.system.system, schedule)
        if email and email in roster.schedules.members.get(key, ()):
            found[role] = f"pagerduty schedule {schedule}"
    return found
