"""Kinds of inputs that AWS's actions share, and how they are written for people."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

MINUTE, HOUR, DAY = 60, 3600, 86_400


def _tuple_of(value: Any) -> Any:
    return (value,) if isinstance(value, str) and value else value


Several = BeforeValidator(_tuple_of)
"""A single one may be given without brackets."""


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(
            "it says no time zone, and the wrong one would mean another moment: write "
            "2025-08-21T14:00:00Z, or +02:00 in place of Z"
        )
    return value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_with_zone)]
"""A time with its zone; kept in UTC."""


def moment(value: datetime) -> str:
    """Write `2025-08-21 14:00:00 UTC`."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """Write `3 h 05 min`, `4 min`, `12 s`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < 2 * DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"
