"""What differs between two pod templates, in lines that people can read.  Pure.

Called by the previews of actions that change what workloads run.  Values that may be secrets are
never shown: a line says that there is another one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.kubernetes import templates
from adapters.values import redact
from flows.actions import Change

SECRET = re.compile(
    r"pass(word|wd|phrase)?|secret|token|credential|private|auth|cert|dsn|(^|[-_.])(key|pwd)$"
    r"|(api|access|signing|encryption)[-_]?key",
    re.IGNORECASE,
)
"""Names of what may hold a secret."""
NAMES = ("name", "mountPath", "containerPort", "key", "ip", "topologyKey")
"""Fields by which the items of a list are told apart."""
PLACES = {
    "containers": "container",
    "initContainers": "init container",
    "volumes": "volume",
    "annotations": "annotation",
    "labels": "label",
}
LONGEST = 120
MOST = 15
Path = tuple[str, ...]


def changes(subject: str, before: Any, after: Any) -> tuple[Change, ...]:
    """Return a line for each field that differs, `MOST` at most; `subject` heads each."""
    old, new = dict(_leaves(templates.plain(before))), dict(_leaves(templates.plain(after)))
    different = [path for path in {**new, **old} if old.get(path) != new.get(path)]
    lines = [
        _line(subject, path, old.get(path), new.get(path)) for path in sorted(different, key=_rank)
    ]
    if len(lines) > MOST:
        more = f"{len(lines) - MOST + 1} fields"
        rest = Change(subject=f"{subject}: further", before=more, after=f"{more}, changed")
        return (*lines[: MOST - 1], rest)
    return tuple(lines)


def _rank(path: Path) -> tuple[bool, Path]:
    """Put images first: they say which release it is."""
    return path[-1] != "image", path


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    match value:
        case Mapping():
            for key, each in value.items():
                yield from _leaves(each, (*path, str(key)))
        case list() if all(isinstance(each, Mapping) for each in value):
            for number, each in enumerate(value):
                key = next((key for key in NAMES if key in each), "")
                inner = (*path, str(each.get(key, number)))
                rest = {name: field for name, field in each.items() if name != key}
                yield from _leaves(rest, inner) if rest else ((inner, "there"),)
        case list():
            yield path, " ".join(str(each) for each in value)
        case _:
            yield path, str(value)


def _line(subject: str, path: Path, before: str | None, after: str | None) -> Change:
    old, new = _shown(path, before), _shown(path, after)
    if old == new:
        new = "another value, not shown"
    return Change(subject=f"{subject}: {_place(path)}", before=old, after=new)


def _is_secret(path: Path, value: str) -> bool:
    """Say whether a value may be a secret: by its name, and for commands by their words."""
    if path[-1] in ("command", "args"):
        return bool(SECRET.search(value))
    if path[0] == "metadata" or path[-1] == "value":
        return any(SECRET.search(part) for part in path[-2:])
    return False


def _shown(path: Path, value: str | None) -> str | None:
    if value is None:
        return None
    if _is_secret(path, value):
        return "a value, not shown"
    text = templates.short(value) if path[-1] == "image" else redact(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _place(path: Path) -> str:
    """Write where a field is: `container checkout image`, `container checkout env DEBUG`."""
    parts = [*path[1:]]
    if parts and parts[0] in PLACES and len(parts) > 1:
        parts[0] = PLACES[parts[0]]
    if "env" in parts and parts[-1] == "value":
        parts.pop()
    return " ".join(parts) if parts else path[0]
