"""The second factor: codes of an authenticator app, each of which proves a person once.

People are enrolled by `backout totp`; `bot.control.door` and `bot.slack` have codes checked here.
A record a person and system holds the secret, sealed with the vault's key, and what must outlive
a restart: the last code that was taken, and how many wrong ones were given.  Whoever checks a code
holds the record meanwhile, so that several replicas take it once.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyotp
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.wording.factors import LOCK, MOST_WRONG, STEP, Doubt
from flows.actions import PermanentError, Vault
from flows.files import FilesError, Records

ISSUER = "Backout"
KIND = "totp"
BEFORE_AND_AFTER = (-1, 0, 1)


class EnrolmentError(Exception):
    """Somebody can't be enrolled.  The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Why a code proves nothing; `until` where none is taken before that time (UTC)."""

    doubt: Doubt
    until: datetime | None = None


class _Kept(BaseModel):
    """What a record holds; `last` counts steps of 30 s since 1970, `locked_until` is POSIX time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sealed: str
    last: int = 0
    wrong: int = 0
    locked_until: float = 0.0


class Factors:
    """Enrols people and checks their codes.  Nothing of a secret or a code is ever logged."""

    def __init__(
        self,
        records: Records,
        vault: Vault,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records = records
        self._vault = vault
        self._clock = clock

    @property
    def place(self) -> str:
        """Where the records are, for people."""
        return self._records.place

    def enrolled(self, system: str, person: str) -> bool:
        """Say whether a person has a second factor for a system."""
        return self._records.find(_name(system, person)) is not None

    def enrol(self, system: str, person: str, *, replace: bool = False) -> str:
        """Make a secret and return it as an `otpauth://` address; it is never shown again.

        Raises `EnrolmentError` where there is one and it is not to be replaced, and
        `PermanentError` where the vault has no key.
        """
        secret = pyotp.random_base32()
        sealed = self._vault.seal({"system": system, "person": person, "secret": secret})
        content = _Kept(sealed=sealed).model_dump_json().encode()
        if replace:
            with self._records.held(_name(system, person)) as held:
                held.after = content
        elif not self._records.put(_name(system, person), content):
            raise EnrolmentError(
                f"{person} has a second factor for {system} already. --replace makes a new "
                "one; codes of the old one are worthless then."
            )
        return pyotp.TOTP(secret).provisioning_uri(name=f"{person} ({system})", issuer_name=ISSUER)

    def remove(self, system: str, person: str) -> None:
        """Forget a person's second factor.  Raises `EnrolmentError` where there is none."""
        if not self._records.remove(_name(system, person)):
            raise EnrolmentError(f"{person} has no second factor for {system}.")

    def check(self, system: str, person: str, code: str) -> Unproven | None:
        """Take a code, or say why it proves nothing.  A code that was taken never is again.

        Raises `AwayError` where the database that has the records does not answer.
        """
        try:
            with self._records.held(_name(system, person)) as held:
                if held.content is None:
                    return Unproven(doubt=Doubt.NOT_ENROLLED)
                kept = _Kept.model_validate_json(held.content)
                secret = self._secret(kept, system, person)
                after, unproven = _judge(kept, secret, "".join(code.split()), self._clock())
                if after is not None:
                    held.after = after.model_dump_json().encode()
            return unproven
        except (FilesError, ValidationError, PermanentError, EnrolmentError):
            return Unproven(doubt=Doubt.UNREADABLE)

    def _secret(self, kept: _Kept, system: str, person: str) -> str:
        """Return the secret, which says whose it is: one under another name proves nothing."""
        opened = self._vault.unseal(kept.sealed)
        match opened:
            case {"system": whose, "person": who, "secret": str(secret)}:
                if (whose, who) == (system, person):
                    return secret
            case _:
                pass
        raise EnrolmentError(f"what is kept for {person} is the second factor of somebody else")


def _name(system: str, person: str) -> str:
    return f"{system}/{person}.json"


def _judge(
    kept: _Kept, secret: str, code: str, now: datetime
) -> tuple[_Kept | None, Unproven | None]:
    """Return what is to be kept from now on, if anything, and why the code proves nothing."""
    if now.timestamp() < kept.locked_until:
        until = datetime.fromtimestamp(kept.locked_until, UTC)
        return None, Unproven(doubt=Doubt.LOCKED, until=until)
    matching = _matching(secret, code, now)
    fresh = [counter for counter in matching if counter > kept.last]
    if fresh:
        return _Kept(sealed=kept.sealed, last=fresh[0]), None
    if matching:
        return None, Unproven(doubt=Doubt.REPLAYED)
    wrong = kept.wrong + 1
    if wrong < MOST_WRONG:
        return kept.model_copy(update={"wrong": wrong}), Unproven(doubt=Doubt.WRONG)
    until = now + timedelta(seconds=LOCK)
    locked = kept.model_copy(update={"wrong": 0, "locked_until": until.timestamp()})
    return locked, Unproven(doubt=Doubt.LOCKED, until=until)


def _matching(secret: str, code: str, now: datetime) -> list[int]:
    """Return the steps, of the present one and those beside it, whose code this is."""
    totp, step = pyotp.TOTP(secret), int(now.timestamp()) // STEP
    given = code.encode()
    return [
        step + offset
        for offset in BEFORE_AND_AFTER
        if hmac.compare_digest(totp.generate_otp(step + offset).encode(), given)
    ]
