"""A start trusts what was found right before, and only as long as nothing has changed."""

import shutil
from pathlib import Path

import pytest

from adapters.registry import ActionRegistry
from bot import starting
from config import checks
from config.places import ConfigurationError
from config.settings import PACKAGED, Settings
from flows.engine import AwayError, JournalError


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with systems of their own."""
    shutil.copytree(PACKAGED, tmp_path / "systems")
    monkeypatch.setenv("BACKOUT_SYSTEMS", str(tmp_path / "systems"))
    monkeypatch.setenv("BACKOUT_DATA", str(tmp_path / "data"))
    return Settings()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often everything is checked."""
    counted: list[int] = []
    original = checks.check_all

    def counting(*arguments: object) -> object:
        counted.append(1)
        return original(*arguments)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(checks, "check_all", counting)
    return counted


def test_unchanged_files_are_checked_once(settings: Settings, checked: list[int]) -> None:
    """The second start loads the same systems without checking them again."""
    registry = ActionRegistry()
    first = starting.load_checked(settings, registry)
    assert starting.load_checked(settings, registry) == first
    assert len(checked) == 1


def test_a_changed_file_is_checked_again(settings: Settings, checked: list[int]) -> None:
    """A wrong word that came in since then refuses the start, with its place."""
    registry = ActionRegistry()
    starting.load_checked(settings, registry)
    service = settings.systems / "aivo" / "procedures" / "service.yaml"
    service.write_text(service.read_text().replace("uses: helm.rollback", "uses: helm.rolback"))
    with pytest.raises(ConfigurationError, match=r"service\.yaml:\d+:\d+: .*helm\.rolback"):
        starting.load_checked(settings, registry)
    assert len(checked) == 2


def test_what_was_found_wrong_is_not_remembered_as_right(
    settings: Settings, checked: list[int]
) -> None:
    """A refused start is refused again."""
    registry = ActionRegistry()
    service = settings.systems / "aivo" / "procedures" / "service.yaml"
    service.write_text(service.read_text().replace("uses: helm.rollback", "uses: helm.rolback"))
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            starting.load_checked(settings, registry)
    assert len(checked) == 2


async def test_a_database_that_starts_later_is_waited_for() -> None:
    """In a container that starts beside it, the bot waits and tells so."""
    engine = object()
    tries: list[Exception | object] = [AwayError("refused"), AwayError("starting up"), engine]

    def open_it() -> object:
        found = tries.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    opened = await starting.opened(open_it, every=0.0)  # type: ignore[arg-type]  # handed through
    assert opened is engine


async def test_a_database_that_stays_away_ends_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """After its time the start ends with what is wrong; a wrong schema is not waited for."""

    def open_it() -> object:
        raise AwayError("the database is not reached")

    with pytest.raises(AwayError):
        await starting.opened(open_it, within=0.05, every=0.01)  # type: ignore[arg-type]
    assert "the database is not reached; it is tried for" in caplog.text

    def refuse() -> object:
        tries.append(1)
        raise JournalError("run `backout migrate`")

    tries: list[int] = []
    with pytest.raises(JournalError):
        await starting.opened(refuse)  # type: ignore[arg-type]
    assert tries == [1]
