"""The present moment, in one place: golden cases stop it here.

Called by `query_range`.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
