"""How values are written for people in templates.  Used by `config.templates` and by views."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from config import efforts
from config.models.base import parse_duration

SMALLEST = 0.0001
MOST_DIGITS = 100
PADDING = {"round": 1, "tojson": 2}
"""Filters that write as many digits or spaces as asked, and where that stands."""
Filter = Callable[..., Any]


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
    efforts.spend()
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


def joined(parts: list[Any]) -> str:
    """Join what a template writes with `~`."""
    return str(efforts.fits("".join(str(shown(part)) for part in parts)))


def bounded(known: Mapping[str, Filter]) -> dict[str, Filter]:
    """Return filters that refuse to make values beyond the limits."""
    return {name: _bounded(name, each) for name, each in known.items()}


def _bounded(name: str, given: Filter) -> Filter:
    @wraps(given)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        _refuse_growth(name, args, kwargs)
        made = given(*args, **kwargs)
        return efforts.counted(made) if isinstance(made, Iterator) else efforts.fits(made)

    return filtered


def _refuse_growth(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse what would be huge before it is made."""
    given = (*args[PADDING.get(name, len(args)) :], *kwargs.values())
    for each in given if name in PADDING else ():
        if isinstance(each, int | float) and not -MOST_DIGITS <= each <= MOST_DIGITS:
            raise efforts.EffortError("a value in it grows too large")
    texts = [each for each in (*args, *kwargs.values()) if isinstance(each, str)]
    if name == "replace" and len(texts) > 2:
        text, _, new = texts[:3]
        _refuse_size((text.count(texts[1]) if texts[1] else len(text) + 1) * len(new))
    if name == "join" and texts:
        items = next((each for each in args if isinstance(each, list | tuple)), ())
        _refuse_size(len(items) * len(texts[-1]))


def _refuse_size(size: int) -> None:
    if size > efforts.MOST_SIZE:
        raise efforts.EffortError("a value in it grows too large")
