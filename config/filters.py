"""How values are written for people in templates.  Used by `config.templates` and by views."""

from datetime import timedelta
from typing import Any

from config.models.base import parse_duration

SMALLEST = 0.0001


def percent(ratio: float) -> str:
    """Write a ratio as a percentage: 0.84 → `84 %`, 0.0004 → `0.04 %`.

    What is not quite nothing or everything is never rounded to it: 0.9999 → `99.9 %`.
    """
    if 0 < ratio < SMALLEST:
        return "< 0.01 %"
    share = ratio * 100
    text = f"{share:.1f}" if share >= 10 else f"{share:.2f}"
    if ratio < 1 and text.startswith("100"):
        text = "99.9"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def duration(value: Any) -> str:
    """Write seconds, a `timedelta` or `5m` for people: `310 ms`, `38 s`, `3 min 20 s`, `46 h`."""
    span: timedelta = parse_duration(value)
    seconds = span.total_seconds()
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    if whole < 48 * 3600:
        return _two(whole // 3600, "h", whole % 3600 // 60, "min")
    return _two(whole // 86400, "d", whole % 86400 // 3600, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    text = f"{large} {large_unit}"
    return f"{text} {small} {small_unit}" if small else text


def shown(value: Any) -> Any:
    """Write true, false, null and lists as people write them; leave the rest alone."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return ""
        case list() | tuple():
            return ", ".join(str(shown(item)) for item in value)
        case _:
            return value


def escape_mrkdwn(value: Any) -> Any:
    """Escape a value for Slack's mrkdwn: it can mention nobody and start no link."""
    value = shown(value)
    if isinstance(value, str):
        return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value
