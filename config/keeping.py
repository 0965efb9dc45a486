"""What is kept, for how long, and where what proves it goes: `BACKOUT_RETENTION`, `BACKOUT_ANCHOR`.

Read by `config.settings`, so that a mistake in either stops a start with a sentence.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

KEPT = ("journal", "evidence")
RULE = re.compile(r"(?P<what>[a-z]+)=(?P<days>[1-9][0-9]{0,4})d")
CHANNEL = re.compile(r"#?[^\s,:/#]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long ended incidents, and their evidence, are kept; None is for ever."""

    journal: timedelta | None = None
    evidence: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPlace:
    """Where anchors go: a Slack channel, a file, an address.  `where` may hold a secret."""

    kind: Literal["slack", "file", "http"]
    where: str


def retention(text: str) -> Retention:
    """Read `journal=400d,evidence=90d`.  Raises `ValueError`."""
    found: dict[str, timedelta] = {}
    for part in _parts(text):
        match = RULE.fullmatch(part)
        if match is None or match["what"] not in KEPT or match["what"] in found:
            raise ValueError(
                f"`{part}` is no rule: write for instance journal=400d,evidence=90d, each once"
            )
        found[match["what"]] = timedelta(days=int(match["days"]))
    return Retention(**found)


def rule(what: str, kept: timedelta) -> str:
    """Write one rule as it is configured."""
    return f"{what}={kept.days}d"


def anchor_places(text: str) -> tuple[AnchorPlace, ...]:
    """Read `slack:#audit,file:/var/log/anchors.jsonl`.  Raises `ValueError`, without the text."""
    return tuple(_place(number, part) for number, part in enumerate(_parts(text), start=1))


def _place(number: int, part: str) -> AnchorPlace:
    kind, _, where = part.partition(":")
    if kind == "slack" and CHANNEL.fullmatch(where):
        return AnchorPlace(kind="slack", where=where)
    if kind == "file" and where.startswith("/"):
        return AnchorPlace(kind="file", where=where)
    if kind in {"http", "https"} and len(where.strip("/")) > 0:
        return AnchorPlace(kind="http", where=part)
    raise ValueError(
        f"place {number} is none for anchors: write slack:#CHANNEL, file:/PATH, or https://…"
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
