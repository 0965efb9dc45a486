"""The second factor: a code proves one person, once; it can be neither guessed nor read."""

import json
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.vault import KeyVault
from bot.factors import EnrolmentError, Factors, Unproven
from bot.messages import unproven
from bot.wording.factors import Doubt
from flows.actions import PermanentError
from flows.files import FolderFiles
from tests.bot.approving import Clock
from tests.bot.authenticators import Authenticator, vault

SYSTEM, PERSON, OTHER = "aivo", "jennifer-liu", "alex-thompson"


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def key() -> KeyVault:
    """The bot's key."""
    return vault()


@pytest.fixture
def factors(tmp_path: Path, key: KeyVault, clock: Clock) -> Factors:
    """Where nobody is enrolled yet."""
    return Factors(FolderFiles(tmp_path / "totp"), key, clock)


@pytest.fixture
def phone(factors: Factors, clock: Clock) -> Authenticator:
    """The phone of Jennifer Liu, who was enrolled."""
    return Authenticator(factors.enrol(SYSTEM, PERSON), clock)


def doubt(found: Unproven | None) -> Doubt | None:
    """Return only why."""
    return found.doubt if found else None


def test_the_code_that_is_shown_proves_a_person(factors: Factors, phone: Authenticator) -> None:
    """It counts as people type it, with a space in the middle."""
    code = phone.code()
    assert factors.check(SYSTEM, PERSON, f"{code[:3]} {code[3:]}\n") is None


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_one_step_of_difference_between_clocks_is_allowed(
    factors: Factors, phone: Authenticator, steps: int
) -> None:
    """Phones are a little early or late."""
    assert factors.check(SYSTEM, PERSON, phone.code(steps)) is None


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_two_steps_are_too_many(factors: Factors, phone: Authenticator, steps: int) -> None:
    """A code that was written down a minute ago proves nothing."""
    assert doubt(factors.check(SYSTEM, PERSON, phone.code(steps))) is Doubt.WRONG


def test_a_code_counts_once(
    factors: Factors, phone: Authenticator, tmp_path: Path, key: KeyVault, clock: Clock
) -> None:
    """A code that was seen over somebody's shoulder is worthless, also after a restart."""
    code = phone.code()
    assert factors.check(SYSTEM, PERSON, code) is None
    assert doubt(factors.check(SYSTEM, PERSON, code)) is Doubt.REPLAYED
    restarted = Factors(FolderFiles(tmp_path / "totp"), key, clock)
    assert doubt(restarted.check(SYSTEM, PERSON, code)) is Doubt.REPLAYED
    assert doubt(restarted.check(SYSTEM, PERSON, phone.code(-1))) is Doubt.REPLAYED
    clock.wait(30)
    assert restarted.check(SYSTEM, PERSON, phone.code()) is None


def test_a_clock_set_back_brings_no_code_back(
    factors: Factors, phone: Authenticator, clock: Clock
) -> None:
    """What was used stays used, whatever the clock says."""
    clock.wait(60)
    assert factors.check(SYSTEM, PERSON, phone.code()) is None
    clock.wait(-60)
    assert doubt(factors.check(SYSTEM, PERSON, phone.code())) is Doubt.REPLAYED


def test_five_wrong_codes_lock_for_five_minutes(
    factors: Factors, phone: Authenticator, tmp_path: Path, key: KeyVault, clock: Clock
) -> None:
    """Guessing ends soon; the right code does not open it either, until the time is over."""
    for _ in range(4):
        assert doubt(factors.check(SYSTEM, PERSON, phone.wrong())) is Doubt.WRONG
    locked = factors.check(SYSTEM, PERSON, phone.wrong())
    assert locked is not None
    assert locked.doubt is Doubt.LOCKED
    assert locked.until == clock() + timedelta(minutes=5)
    restarted = Factors(FolderFiles(tmp_path / "totp"), key, clock)
    clock.wait(299)
    assert doubt(restarted.check(SYSTEM, PERSON, phone.code())) is Doubt.LOCKED
    clock.wait(1)
    assert restarted.check(SYSTEM, PERSON, phone.code()) is None


def test_a_right_code_forgives_the_wrong_ones(
    factors: Factors, phone: Authenticator, clock: Clock
) -> None:
    """Four slips, a right code and a slip lock nobody out."""
    for _ in range(4):
        factors.check(SYSTEM, PERSON, phone.wrong())
    assert factors.check(SYSTEM, PERSON, phone.code()) is None
    assert doubt(factors.check(SYSTEM, PERSON, phone.wrong())) is Doubt.WRONG


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "abcdef", "0" * 5000])
def test_what_is_no_code_proves_nothing(factors: Factors, phone: Authenticator, code: str) -> None:
    """Whatever comes in, it is a wrong code at most."""
    assert doubt(factors.check(SYSTEM, PERSON, code)) is Doubt.WRONG


def test_without_enrolment_nobody_is_proven(factors: Factors, phone: Authenticator) -> None:
    """Neither another person nor the same one on another system."""
    assert doubt(factors.check(SYSTEM, OTHER, phone.code())) is Doubt.NOT_ENROLLED
    assert doubt(factors.check("boardroom", PERSON, phone.code())) is Doubt.NOT_ENROLLED


def test_a_file_under_another_name_proves_nobody(
    factors: Factors, phone: Authenticator, tmp_path: Path
) -> None:
    """Whoever copies their own enrolment to somebody else's name is not that person."""
    folder = tmp_path / "totp" / SYSTEM
    shutil.copy(folder / f"{PERSON}.json", folder / f"{OTHER}.json")
    assert doubt(factors.check(SYSTEM, OTHER, phone.code())) is Doubt.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"{}", b'{"sealed": "x"}', b"\xff"])
def test_a_broken_file_proves_nobody(
    factors: Factors, phone: Authenticator, tmp_path: Path, content: bytes
) -> None:
    """It fails closed, and says how it is mended."""
    (tmp_path / "totp" / SYSTEM / f"{PERSON}.json").write_bytes(content)
    assert doubt(factors.check(SYSTEM, PERSON, phone.code())) is Doubt.UNREADABLE


def test_something_else_that_was_sealed_proves_nobody(
    factors: Factors, phone: Authenticator, tmp_path: Path, key: KeyVault
) -> None:
    """A capture that the same key has sealed is no second factor."""
    path = tmp_path / "totp" / SYSTEM / f"{PERSON}.json"
    for value in (["secret"], {"password": "x"}, "text"):
        path.write_text(json.dumps({"sealed": key.seal(value)}))
        assert doubt(factors.check(SYSTEM, PERSON, phone.code())) is Doubt.UNREADABLE


def test_another_key_reads_nothing(
    factors: Factors, phone: Authenticator, tmp_path: Path, clock: Clock
) -> None:
    """The bot must have the key with which somebody was enrolled."""
    other = Factors(FolderFiles(tmp_path / "totp"), vault(), clock)
    assert doubt(other.check(SYSTEM, PERSON, phone.code())) is Doubt.UNREADABLE


def test_without_a_key_nobody_is_enrolled(tmp_path: Path) -> None:
    """A secret is never kept in the clear."""
    with pytest.raises(PermanentError, match="BACKOUT_CAPTURE_KEY"):
        Factors(FolderFiles(tmp_path / "totp"), KeyVault([])).enrol(SYSTEM, PERSON)
    assert not (tmp_path / "totp" / SYSTEM).exists()


def test_replacing_takes_a_word_and_ends_the_old_codes(
    factors: Factors, phone: Authenticator, clock: Clock
) -> None:
    """Nobody's factor is replaced by accident, and a lost phone is worthless at once."""
    with pytest.raises(EnrolmentError, match="--replace"):
        factors.enrol(SYSTEM, PERSON)
    again = Authenticator(factors.enrol(SYSTEM, PERSON, replace=True), clock)
    if phone.code() != again.code():
        assert doubt(factors.check(SYSTEM, PERSON, phone.wrong())) is Doubt.WRONG
    assert factors.check(SYSTEM, PERSON, again.code()) is None
    factors.remove(SYSTEM, PERSON)
    clock.wait(30)
    assert doubt(factors.check(SYSTEM, PERSON, again.code())) is Doubt.NOT_ENROLLED


def test_nothing_secret_is_kept_in_the_clear_or_logged(
    factors: Factors, phone: Authenticator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the secret nor a code is in a file, a log, or a file that others may read."""
    caplog.set_level(logging.DEBUG)
    code = phone.code()
    factors.check(SYSTEM, PERSON, phone.wrong())
    factors.check(SYSTEM, PERSON, code)
    path = tmp_path / "totp" / SYSTEM / f"{PERSON}.json"
    assert set(json.loads(path.read_text())) == {"sealed", "last", "wrong", "locked_until"}
    assert phone.secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert phone.secret not in caplog.text
    assert code not in caplog.text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("why", Doubt)
def test_every_doubt_says_what_to_do(why: Doubt, clock: Clock) -> None:
    """Nobody is turned away without a way on."""
    text = unproven(why, name="Jennifer Liu", person=PERSON, until=clock())
    assert text.startswith("Nothing was done: ")
    assert text.count(".") >= 2
