"""Logging for every process of ours: one line an event, and no secret in any of them.

Called by `backout serve` before anything else.  Redaction sits in the formatter, so that it
covers messages, arguments and tracebacks alike, also those of libraries: whatever is about to
be written is searched for the shapes of known tokens and for the very values of secrets that
were announced with `hide`.

A line that belongs to an incident carries it as a field, with the step and the attempt where they
are known: whoever begins to work on one says so with `belongs`, and every line of that task is
marked from then on, also those of libraries.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TextIO

MASK = "•••"
SHORTEST_SECRET = 6
SHAPES: tuple[re.Pattern[str], ...] = (
    re.compile(r"\b(?:xox[a-z]|xapp)-[\w-]{6,}"),  # Slack
    re.compile(r"(?<=hooks\.slack\.com/services/)[\w/]+"),
    re.compile(r"(?i)(?<=bearer )[\w.~+/=-]{8,}"),
    re.compile(r"(?i)(?<=basic )[\w+/=]{8,}"),
    re.compile(r"(?<=OAuth )[\w-]{6,}"),  # Statuspage
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # AWS
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),  # JSON web tokens
    re.compile(r"(?<=://)[^\s:/@]+:[^\s/@]+(?=@)"),  # user:password in an address
    re.compile(
        r"""(?ix)(?<![a-z])(?:[a-z]+[_-])*(?:password|passwd|secret|token|api[_-]?key|signature)
        ["']? \s* [=:] \s* ["']? (?P<value>[^\s"',;&}]{4,})"""
    ),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*KEY-----|\Z)", re.DOTALL),
)
SECRET_NAMES = re.compile(r"(?i)(token|secret|password|passwd|api_?key|private_?key|dsn)$")
NOISY = (
    "aiohttp.access",
    "slack_bolt",
    "slack_sdk",
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "kubernetes",
    "opentelemetry",
    "procrastinate",  # it tells each job with all that it holds
    "urllib3",
    "yoyo",
)
FIELDS = ("incident", "step", "attempt", "seq", "kind", "actor")
"""What a line may carry beside its message; what libraries add of their own is left out."""

Field = str | int
_about: ContextVar[Mapping[str, Field]] = ContextVar("about", default=MappingProxyType({}))


def belongs(**fields: Field | None) -> None:
    """Have every line that this task logs from now on carry these fields, until it ends."""
    _about.set({name: value for name, value in fields.items() if value is not None})


@contextmanager
def about(**fields: Field | None) -> Iterator[None]:
    """Have every line that is logged within carry these fields beside those that it had."""
    known = {name: value for name, value in fields.items() if value is not None}
    token = _about.set({**_about.get(), **known})
    try:
        yield
    finally:
        _about.reset(token)


def mark(record: logging.LogRecord) -> bool:
    """Give a record the fields of the task that logs it; a filter that lets everything pass."""
    for name, value in _about.get().items():
        if not hasattr(record, name):
            setattr(record, name, value)
    return True


def fields_of(record: logging.LogRecord) -> dict[str, Field]:
    """Return the fields of a record, redacted."""
    found = {name: getattr(record, name, None) for name in FIELDS}
    return {
        name: value if isinstance(value, int) else redact(str(value))
        for name, value in found.items()
        if value is not None
    }


class Redactor:
    """Replaces secrets in text.  Knows shapes, and the values that it was told."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Remember values that must never be written; very short ones would hide everything."""
        wanted = {each for each in secrets if len(each) >= SHORTEST_SECRET}
        self._secrets = tuple(sorted(wanted | set(self._secrets), key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Return the text with every secret masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        for shape in SHAPES:
            text = shape.sub(_masked, text)
        return text


def _masked(found: re.Match[str]) -> str:
    value = found.groupdict().get("value")
    if value is None or value.startswith(MASK):
        return MASK if value is None else found[0]
    start = found.start("value") - found.start()
    return found[0][:start] + MASK + found[0][start + len(value) :]


redact = Redactor()
"""The one of this process: `setup` uses it, views and errors may."""


class TextFormatter(logging.Formatter):
    """`2026-11-20T14:02:11.123Z INFO flows.driver: [INC-7 rollback/2] …`, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one event, redacted."""
        at = _moment(record)
        said = super().format(record)
        return redact(f"{at} {record.levelname} {record.name}: {_prefix(record)}{said}")


def _prefix(record: logging.LogRecord) -> str:
    """Return the incident, the step and the attempt in front of a line, where they are known."""
    incident, step, attempt = (getattr(record, name, None) for name in FIELDS[:3])
    if incident is None:
        return ""
    where = f" {step}" if step is not None else ""
    return f"[{incident}{where}{f'/{attempt}' if attempt is not None else ''}] "


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one event, redacted."""
        entry = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            **fields_of(record),
        }
        if record.exc_info:
            entry["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _moment(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the values of environment variables whose names say that they are secret."""
    return [value for name, value in environment.items() if SECRET_NAMES.search(name)]


def setup(
    level: str = "info",
    *,
    as_json: bool = False,
    environment: Mapping[str, str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log record to `stream` (stderr), redacted.  Replaces earlier handlers."""
    redact.hide(secrets_of(environment or {}))
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    wanted = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(wanted)
    handler.addFilter(mark)
    quiet = max(wanted, logging.WARNING)
    handler.addFilter(lambda record: record.levelno >= quiet or not record.name.startswith(NOISY))
    for name in NOISY:  # the filter is for children that set a level of their own, as bolt's do
        logging.getLogger(name).setLevel(quiet)
    # The core asks the state machine what it allows; every no would be logged as a warning.
    logging.getLogger("transitions").setLevel(logging.ERROR)
    logging.captureWarnings(True)
