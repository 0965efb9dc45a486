"""Who is in which Slack user group, for the roles that groups give."""

import logging
import time
from collections.abc import Iterable

from bot.rosters import Clock, Doubt, Membership, Source
from bot.slack.calls import Calls, RefusedError, SlackCallError
from config.models.bundles import Bundle

log = logging.getLogger(__name__)


class Groups(Source):
    """Slack's user groups."""

    def __init__(
        self, calls: Calls, bundles: Iterable[Bundle], *, clock: Clock = time.monotonic
    ) -> None:
        is_asked_for = any(bundle.people.by_group() for bundle in bundles)
        super().__init__(is_asked_for=is_asked_for, clock=clock)
        self._calls = calls

    async def look(self) -> Membership:
        """Ask for all groups with their users at once: one may have been given another handle."""
        try:
            body = await self._calls.do(self._calls.client.usergroups_list, include_users=True)
        except SlackCallError as error:
            log.warning("nobody has a role by a user group now: %s", error)
            return Membership(doubt=_doubt(error))
        return Membership(
            members={
                str(group["handle"]): frozenset(map(str, group.get("users") or ()))
                for group in body.get("usergroups", ())
                if not group.get("date_delete")
            }
        )


def _doubt(error: SlackCallError) -> Doubt:
    if not isinstance(error, RefusedError):
        return Doubt.NO_ANSWER
    return next((each for each in Doubt if each.value == error.code), Doubt.REFUSED)
