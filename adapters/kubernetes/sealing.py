"""What counts as secret, how it is shown, and how it is kept for undo.

Called by the actions that change ConfigMaps and Secrets.  ConfigMaps hold credentials in real
life, so values of theirs are looked at one by one.
"""

import difflib
import re
from typing import Any

from adapters.values import SECRETS, masked
from flows.actions import JsonObject, Vault

TELLING_KEY = re.compile(
    r"passw(?:or)?d|passphrase|(?:^|[^a-z])pass(?:$|[^a-z])|secret|token|credential"
    r"|(?:api|access|private)[-_.]?key",
    re.IGNORECASE,
)
"""Names of entries that hold secrets: `DB_PASSWORD`, `api-key`."""
TELLING_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[a-z]_\w{20,}|//[^/\s@]+@|"
    r"[\"'][\w-]*(?:password|passwd|secret|token|api_?key)[\w-]*[\"']\s*:\s*[\"'][^\"']|"
    r"\w(?:password|passwd|secret|token|api_?key)[=:]\s*\S",
    re.IGNORECASE,
)
"""What `redact` does not look for: keys, user names in URLs, JSON, `DB_PASSWORD=…` in a file."""
LONGEST = 160
Json = Any


def looks_secret(text: str) -> bool:
    """Say whether a text holds what looks like a credential."""
    return bool(SECRETS.search(text) or TELLING_VALUE.search(text))


def is_secret(key: str, text: str) -> bool:
    """Say whether an entry of a ConfigMap looks like a secret, by its name or its text."""
    return bool(TELLING_KEY.search(key)) or looks_secret(text)


def shown(vault: Vault, text: str, *, secret: bool) -> str:
    """Write a value for people: a secret by its mark, a long text by its beginning."""
    if secret:
        return masked(vault, text)
    plain = text if text else "(empty)"
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"


def contrast(before: str, after: str) -> tuple[str, str]:
    """Return the lines of two texts in which they differ."""
    if "\n" not in before.strip() and "\n" not in after.strip():
        return before, after
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    gone = [line[2:] for line in lines if line.startswith("- ")]
    come = [line[2:] for line in lines if line.startswith("+ ")]
    return "\n".join(gone) or "(lines left out)", "\n".join(come) or "(without these lines)"


def token(vault: Vault, value: Json, *, secret: bool) -> Json:
    """Return what stands for a value in a fingerprint."""
    return vault.mark(value) if secret else value


def keep(vault: Vault, value: Json, *, secret: bool) -> dict[str, Json]:
    """Return a value as a capture holds it: encrypted where it is secret.

    Raises `PermanentError` where it would have to be, and there is no key.
    """
    return {"sealed": vault.seal(value)} if secret else {"open": value}


def recall(vault: Vault, kept: JsonObject) -> Json:
    """Return what `keep` kept; raise `PermanentError` where the key is another one."""
    return vault.unseal(kept["sealed"]) if "sealed" in kept else kept["open"]
