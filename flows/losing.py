"""How far a plan leads data back, held against what the policy lets be lost of each kind.

Called by `flows.planning`: people read it before they approve, on the card and at the gates.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from config import templates
from config.filters import duration
from config.models.policies import RecoveryPoint
from config.models.procedures import Procedure

MOMENT = "%Y-%m-%d %H:%M:%S UTC"
BEGINS = "Data go back to"
GOES_BACK = re.compile(rf"{BEGINS} (?P<moment>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC)")


def told(
    procedure: Procedure, points: Sequence[RecoveryPoint], values: Mapping[str, Any], now: datetime
) -> str:
    """Say how much is given up, and of what that is too much; nothing where no data go back.

    Nothing is said either where the moment can't be read: the action that takes it refuses it.
    Raises `TemplateError` where it can't be filled in.
    """
    if procedure.returns_to is None:
        return ""
    moment = _moment(templates.render(procedure.returns_to, values))
    if moment is None or moment > now:
        return ""
    lost = now - moment
    back = f"{BEGINS} {moment.astimezone(UTC):{MOMENT}}: at least {duration(lost)} are lost"
    return f"{back}{_judged(points, lost)}."


def moment_told(losses: str) -> datetime | None:
    """Return how far back data go by what `told` has said; None where it has said nothing."""
    found = GOES_BACK.search(losses)
    return datetime.strptime(found["moment"], MOMENT).replace(tzinfo=UTC) if found else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _judged(points: Sequence[RecoveryPoint], lost: timedelta) -> str:
    beyond = [each for each in points if lost > each.rpo_limit]
    missed = [each for each in points if each.rpo < lost <= each.rpo_limit]
    met = [each for each in points if lost <= each.rpo]
    parts = [
        _part("more than may be lost of", [(e.title, duration(e.rpo_limit)) for e in beyond]),
        _part("more than the target of", [(e.title, duration(e.rpo)) for e in missed]),
        _part("within the target of", [(e.title, duration(e.rpo)) for e in met]),
    ]
    said = "; ".join(part for part in parts if part)
    return f", {said}" if said else ""


def _part(words: str, named: Sequence[tuple[str, str]]) -> str:
    kinds = [f"{title.lower()} ({limit})" for title, limit in named]
    if not kinds:
        return ""
    return f"{words} {' and '.join([', '.join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)}"
