"""Small pure helpers that actions share: keys, fingerprints, wording, redaction.

Called by every folder under `adapters`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from flows.actions import Vault

SECRETS = re.compile(
    r"(?P<keep>\b(?:Bearer|OAuth|Basic)\s+|//[^/\s:@]+:|"
    r"\b(?:token|password|passwd|secret|api_?key)[=:]\s*)[^\s\"'&@,;]+"
    r"|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*",
    re.IGNORECASE,
)
SPACES = re.compile(r"\s+")


def _tuple_of(value: Any) -> Any:
    return (value,) if isinstance(value, str) and value else value


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple_of)]
"""Several names; a single one may be given without brackets."""


def step_key(key: str) -> str:
    """Return `incident/step` of `incident/step/attempt`: what a repeat must find again."""
    return key.rsplit("/", 1)[0]


def fingerprint_of(value: Any) -> str:
    """Return a short stable hash of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def count(number: int, noun: str) -> str:
    """Write `1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """Write `a, b and 3 more`."""
    every = list(names)
    if len(every) <= limit:
        return ", ".join(every)
    return f"{', '.join(every[:limit])} and {len(every) - limit} more"


def redact(text: str) -> str:
    """Return the text on one line, with what looks like a credential masked."""
    one_line = SPACES.sub(" ", text).strip()
    return SECRETS.sub(lambda found: f"{found['keep'] or ''}***", one_line)


def masked(vault: Vault, value: Any) -> str:
    """Write a secret so that people can tell whether it is another one, and nothing more."""
    return f"secret {vault.mark(value)[:6]}"


def lookup(value: Any, path: str) -> tuple[bool, Any]:
    """Follow a dotted path through mappings and lists: (whether it is there, the value)."""
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value
