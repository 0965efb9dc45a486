"""The registry of Web API methods: name, scopes, rate tier and function.

Each module of this package registers its methods at import; `api.Api` looks them up.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sandbox.workspace.arguments import Arguments
from sandbox.workspace.context import Context
from sandbox.workspace.limits import Tier
from sandbox.workspace.values import Json, SlackError

Run = Callable[[Context, Arguments], Json]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One Web API method; any one of `scopes` opens it."""

    name: str
    run: Run
    tier: Tier
    scopes: frozenset[str]
    app_level: bool = False


METHODS: dict[str, Method] = {}


def method(
    name: str, *scopes: str, tier: Tier = Tier.THREE, app_level: bool = False
) -> Callable[[Run], Run]:
    """Register a function as a Web API method."""

    def register(run: Run) -> Run:
        if name in METHODS:
            raise ValueError(f"method registered twice: {name}")
        METHODS[name] = Method(
            name=name, run=run, tier=tier, scopes=frozenset(scopes), app_level=app_level
        )
        return run

    return register


def page(items: Sequence[T], args: Arguments, *, default: int = 100) -> tuple[list[T], Json]:
    """Cut one page out of a list and return it with its response_metadata."""
    limit = args.number("limit", default, lowest=1, highest=1000)
    start = _start(args.text("cursor"))
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"response_metadata": {"next_cursor": following}}


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except (ValueError, binascii.Error):
        raise SlackError("invalid_cursor") from None
