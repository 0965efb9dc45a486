"""A start trusts what was found right before, and only as long as nothing has changed."""

import shutil
from pathlib import Path

import pytest

from adapters.registry import ActionRegistry
from bot import starting
from config import checks
from config.places import ConfigurationError
from config.settings import PACKAGED, Settings


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
