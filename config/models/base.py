"""What every configuration model shares: strictness, identifiers, durations, provenance.

Everything under `config.models` derives from `Model`: frozen, and unknown keys are refused so
that a misspelt key never silently means "the default".
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

DURATION = re.compile(
    r"^(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?$"
)


class Model(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def parse_duration(value: Any) -> timedelta:
    """Read `90s`, `5m`, `1h30m`, `30d` or a number of seconds.

    Raises `ValueError` with the accepted forms.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    found = DURATION.match(value) if isinstance(value, str) and value else None
    if found is None:
        raise ValueError("expected a duration such as 30s, 5m, 1h30m or 30d")
    days, hours, minutes, seconds = (float(found[part] or 0) for part in "dhms")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Write a duration the way the YAML files do: `5m`, `1h30m`, `0s`."""
    seconds = value.total_seconds()
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{int(hours)}h" if hours else "", f"{int(minutes)}m" if minutes else ""]
    return "".join([*parts, f"{rest:g}s" if rest else ""]) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    # Pydantic's own "format: duration" means ISO 8601, which no one writes in these files.
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$",
            "examples": ["30s", "5m", "1h30m", "30d"],
        }
    ),
]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
Expression = Annotated[str, Field(min_length=1, json_schema_extra={"format": "cel"})]
Source = Literal["document", "proposed"]
Severity = Literal["critical", "high", "medium", "low"]


class Traced(Model):
    """An entry that can say which requirement it meets and where it comes from."""

    covers: tuple[str, ...] = Field(
        default=(), description="Requirement ids that this entry meets, e.g. AIVO-R5."
    )
    source: Source = Field(
        default="document",
        description="`proposed` marks what the system's own documents do not say.",
    )
