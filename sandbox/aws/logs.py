"""CloudWatch Logs: refuse filter patterns that moto would let match everything."""

from __future__ import annotations

import re
from typing import Any

from sandbox.aws.patches import Patches, arguments
from sandbox.aws.progress import Progress

UNDERSTOOD = re.compile(r'(?:[A-Za-z][^\s"?%{}\[\]]*(?: (?!-)[^\s"?%{}\[\]]+)*|"[^"]*")?')
"""Plain words, all of which must be there, or one phrase in quotation marks."""


def tighten(patches: Patches, _: Progress) -> None:
    """Refuse a pattern that is not judged, so that nobody relies on it."""
    from moto.logs.exceptions import LogsClientError
    from moto.logs.models import LogGroup

    def search(original: Any, group: Any, *values: Any, **named: Any) -> Any:
        pattern = arguments(original, group, values, named).get("filter_pattern") or ""
        if not UNDERSTOOD.fullmatch(pattern):
            raise LogsClientError(
                "InvalidParameterException",
                f"The simulation judges plain words and one phrase only, not {pattern!r}.",
            )
        return original(group, *values, **named)

    patches.around(LogGroup, "filter_log_events", search)
