"""The time of day.  Called by the actions that reckon with it, so that a test can set it."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
