"""The vault: secrets encrypted with a key from the environment, or compared without being told.

Implements `flows.actions.Vault`; made by the wiring in `bot`.
"""

import hashlib
import hmac
import importlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from flows.actions import PermanentError

VARIABLE = "BACKOUT_CAPTURE_KEY"
MARK_LENGTH = 32
Json = Any


def make_key() -> str:
    """Return a new key: 32 random bytes in URL-safe base64."""
    return str(_fernet().Fernet.generate_key().decode())


class KeyVault:
    """Encrypts with the first of its keys and reads with each of them, so that keys can change."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def seal(self, value: Json) -> str:
        """Encrypt a JSON value."""
        return str(self._cipher.encrypt(_bytes(value)).decode())

    def unseal(self, sealed: str) -> Json:
        """Return what was sealed."""
        try:
            return json.loads(self._cipher.decrypt(sealed.encode()))
        except _fernet().InvalidToken:
            raise PermanentError(
                f"What was captured can't be read with {VARIABLE}: put the key of before behind "
                "the present one, with a comma between them, and start again."
            ) from None

    def mark(self, value: Json) -> str:
        """Return an HMAC-SHA256 of the value, cut to 32 hex digits."""
        self._require()
        key = hashlib.sha256(f"mark:{self._keys[-1]}".encode()).digest()
        return hmac.new(key, _bytes(value), hashlib.sha256).hexdigest()[:MARK_LENGTH]

    def _require(self) -> None:
        if not self._keys:
            raise PermanentError(
                f"{VARIABLE} is not set: what holds secrets is captured encrypted, and this is the "
                "key for it. Make one with `backout key`, set it and start again."
            )

    @cached_property
    def _cipher(self) -> Any:
        self._require()
        fernet = _fernet()
        try:
            return fernet.MultiFernet([fernet.Fernet(key) for key in self._keys])
        except ValueError:
            raise PermanentError(
                f"{VARIABLE} is not a key: it must be what `backout key` prints."
            ) from None


def _bytes(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _fernet() -> Any:
    return importlib.import_module("cryptography.fernet")
