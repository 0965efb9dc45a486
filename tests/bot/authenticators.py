"""A phone with an authenticator app: what people who were enrolled have in their pocket."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pyotp

from adapters.vault import KeyVault, make_key

STEP = 30


class Authenticator:
    """Shows codes for one `otpauth://` address."""

    def __init__(self, address: str, clock: Callable[[], datetime]) -> None:
        self.secret = parse_qs(urlsplit(address).query)["secret"][0]
        self._clock = clock

    def code(self, steps: int = 0) -> str:
        """Return the code that is shown now, or so many steps of 30 s from now."""
        counter = int(self._clock().timestamp()) // STEP + steps
        return pyotp.TOTP(self.secret).generate_otp(counter)

    def wrong(self) -> str:
        """Return a code that is not shown anywhere near now."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in (f"{n:06d}" for n in range(10)) if code not in near)


def vault() -> KeyVault:
    """Return a vault with a key of its own."""
    return KeyVault([make_key()])
