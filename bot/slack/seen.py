"""What was attended to lately: Slack delivers some things several times, under new ids too.

Only answers need it: what changes a run is counted once by the journal, for ever.  Slack's own
retries come within five minutes.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

REMEMBER = 15 * 60.0
MOST = 10_000


class Seen:
    """A memory of keys."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._keys: OrderedDict[str, float] = OrderedDict()

    def add(self, key: str) -> bool:
        """Remember a key; say whether it is new."""
        now = self._clock()
        while self._keys and (len(self._keys) >= MOST or self._oldest() < now - REMEMBER):
            self._keys.popitem(last=False)
        if key in self._keys:
            return False
        self._keys[key] = now
        return True

    def forget(self, key: str) -> None:
        """Forget a key: attending to it failed, and a repeat is welcome."""
        self._keys.pop(key, None)

    def _oldest(self) -> float:
        return next(iter(self._keys.values()))
