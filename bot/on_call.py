"""Who is on call in PagerDuty, for the roles that schedules give."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from adapters.pagerduty import schedules
from adapters.pagerduty.calls import Calls, PagerdutyError, PassingError
from bot.rosters import Clock, Doubt, Membership, Source, schedule_key
from config.models.bundles import Bundle
from config.secrets import SecretError

log = logging.getLogger(__name__)


class OnCall(Source):
    """PagerDuty's schedules."""

    def __init__(
        self,
        calls: Calls,
        bundles: Iterable[Bundle],
        *,
        resolve: Callable[[str], str],
        clock: Clock = time.monotonic,
    ) -> None:
        self._asked = [
            (bundle, schedule)
            for bundle in bundles
            for role in bundle.people.by_schedule()
            if (schedule := bundle.people.roles[role].schedule) is not None
        ]
        super().__init__(is_asked_for=bool(self._asked), clock=clock)
        self._calls = calls
        self._resolve = resolve

    async def look(self) -> Membership:
        """Ask every schedule at once; one that does not say takes nothing from the others."""
        found = await asyncio.gather(*(self._look(*each) for each in self._asked))
        doubts = [each for _, each in found if isinstance(each, Doubt)]
        members = {key: each for key, each in found if not isinstance(each, Doubt)}
        return Membership(members=members, doubt=doubts[0] if doubts else None)

    async def _look(self, bundle: Bundle, schedule: str) -> tuple[str, frozenset[str] | Doubt]:
        key = schedule_key(bundle.system.system, schedule)
        connection = bundle.system.connections.pagerduty
        if connection is None or connection.token is None:
            return key, Doubt.REFUSED  # `backout check` refuses such a system
        try:
            place = (connection.url, self._resolve(connection.token))
            return key, await schedules.on_call(self._calls, place, schedule, datetime.now(UTC))
        except (PagerdutyError, SecretError) as error:
            log.warning("nobody has a role by the schedule %s now: %s", key, error)
            passes = isinstance(error, PassingError)
            return key, Doubt.NO_ANSWER if passes else Doubt.REFUSED
