"""The App Home of everybody who opened it, published anew when something changed.

Slack tells when a Home is opened and not when it is closed: whoever opened it lately is kept up
to date, everybody else gets a fresh one at the next opening.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from bot.slack.background import Background
from bot.slack.calls import Calls, RefusedError
from bot.slack.coalescing import Coalescer, Pace
from flows.runs import Run

PUBLISHED_A_MINUTE = 90
BURST = 10
SPACING = 1.0
LOOKED_AT_FOR = 3600.0
MOST_VIEWERS = 100

RenderHome = Callable[[str], dict[str, Any]]


class Homes:
    """Publishes Homes."""

    def __init__(
        self,
        calls: Calls,
        render: RenderHome,
        background: Background,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._render = render
        self._clock = clock
        self._viewers: OrderedDict[str, float] = OrderedDict()
        pace = Pace(per_minute=PUBLISHED_A_MINUTE, burst=BURST)
        self.coalescer = Coalescer(self._publish, pace=pace, background=background, spacing=SPACING)

    def opened(self, user: str) -> None:
        """Publish the Home of somebody who just opened it."""
        self._viewers[user] = self._clock()
        self._viewers.move_to_end(user)
        while len(self._viewers) > MOST_VIEWERS:
            gone, _ = self._viewers.popitem(last=False)
            self.coalescer.forget(gone)
        self.coalescer.mark(user)

    def changed(self, run: Run) -> None:
        """Publish the Homes of those who may be looking; given to `Engine.listen`."""
        del run
        oldest = self._clock() - LOOKED_AT_FOR
        for user, opened in self._viewers.items():
            if opened >= oldest:
                self.coalescer.mark(user)

    async def _publish(self, user: str) -> None:
        try:
            await self._calls.do(
                self._calls.client.views_publish, user_id=user, view=self._render(user)
            )
        except RefusedError as error:
            if error.code != "not_enabled":
                self._viewers.pop(user, None)
            raise
