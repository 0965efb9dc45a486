"""How long operations take by the estate's clock.  Called by `part`."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.aws import cloudfront, elbv2, rds, route53
from sandbox.aws.progress import Operation, Progress

# Simulated seconds: real AWS takes minutes for some of it.
DURATIONS = {
    cloudfront.INVALIDATION: 20.0,
    elbv2.TARGET: 8.0,
    rds.INSTANCE: 40.0,
    rds.SNAPSHOT: 25.0,
    route53.CHANGE: 15.0,
}
Check = Callable[[Operation], bool]


class Pace(Progress):
    """Operations that are done when their time is over, and `also` holds where it is asked."""

    def __init__(self, clock: Callable[[], float], also: Check = lambda _: True) -> None:
        super().__init__()
        self._clock = clock
        self._also = also
        self._since: dict[int, float] = {}

    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self._since.clear()

    def begin(self, kind: str, name: str = "") -> Operation:
        """Note that something begins, and when."""
        operation = super().begin(kind, name)
        self._since[id(operation)] = self._clock()
        return operation

    def is_due(self, operation: Operation) -> bool:
        """Say whether its time is over."""
        return self.share(operation) >= 1 and self._also(operation)

    def share(self, operation: Operation) -> float:
        """Return how far it is, from 0 to 1."""
        passed = self._clock() - self._since.get(id(operation), self._clock())
        return min(1.0, passed / DURATIONS[operation.kind])
