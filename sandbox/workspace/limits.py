"""Slack's rate limits as token buckets; can be switched off, tightened or scaled.

`api.Api` asks before each call. The figures are Slack's published ones: method tiers a minute,
about one chat.postMessage a second and channel with short bursts allowed.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from sandbox.workspace.values import Clock


class Tier(enum.Enum):
    """Calls a minute; the bucket holds one minute's worth."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    POSTING = 60
    FREE = 0


# Slack promises nothing but "short bursts"; five in a row is what people report.
POST_BURST = 5


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True, kw_only=True)
class Limits:
    """One bucket a method (and a channel for posting)."""

    clock: Clock
    enabled: bool = True
    scale: float = 1.0
    post_burst: int = POST_BURST
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def configure(
        self,
        *,
        enabled: bool | None = None,
        scale: float | None = None,
        post_burst: int | None = None,
    ) -> None:
        """Change the limits and forget what was used so far."""
        self.enabled = self.enabled if enabled is None else enabled
        self.scale = self.scale if scale is None else scale
        self.post_burst = self.post_burst if post_burst is None else post_burst
        self._buckets.clear()

    def wait(self, method: str, tier: Tier, channel: str) -> int:
        """Take one token; return 0, or the seconds after which to try again."""
        if not self.enabled or tier is Tier.FREE:
            return 0
        posting = tier is Tier.POSTING
        capacity = self.post_burst if posting else max(1.0, tier.value * self.scale)
        rate: float = tier.value * self.scale * self.clock.speed / 60
        key = (method, channel if posting else "")
        now = self.clock.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(float(capacity), now))
        bucket.tokens = min(float(capacity), bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        missing = (1 - bucket.tokens) / rate
        return max(1, math.ceil(missing))
