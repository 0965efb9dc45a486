"""Files that steps name are read below the system's folder, and nowhere else."""

from pathlib import Path

import pytest

from adapters import files
from config.models.systems import System
from flows.actions import PermanentError
from tests.adapters.fakes import system_for


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A system in a folder of its own, beside which there is a file."""
    folder = tmp_path / "aivo"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "page.yaml").write_text("kind: ConfigMap\n")
    (tmp_path / "beside.yaml").write_text("not ours")
    return system_for().placed_in(folder)


def test_a_file_of_the_system_is_read(system: System) -> None:
    """What stands below the folder is found by its reference."""
    assert files.read(system, "file:files/page.yaml") == b"kind: ConfigMap\n"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("file:files/pgae.yaml", "can't be read \\(No such file or directory\\)"),
        ("file:files", "can't be read \\(Is a directory\\)"),
        ("file:../beside.yaml", "leads out of the folder of aivo"),
        ("file:files/link.yaml", "leads out of the folder of aivo"),
        ("file:files/large.yaml", "larger than 1 MiB"),
    ],
)
def test_other_files_are_refused(system: System, reference: str, said: str) -> None:
    """A missing file, a folder, a way out and a large file are told apart."""
    assert system.folder is not None
    (system.folder / "files" / "link.yaml").symlink_to(system.folder.parent / "beside.yaml")
    (system.folder / "files" / "large.yaml").write_bytes(b"x" * (files.MOST + 1))
    with pytest.raises(PermanentError, match=said):
        files.read(system, reference)


def test_a_system_without_a_folder_has_no_files() -> None:
    """A system that no loader read is said to have none."""
    with pytest.raises(PermanentError, match="was not read from a folder"):
        files.read(system_for(), "file:files/page.yaml")
