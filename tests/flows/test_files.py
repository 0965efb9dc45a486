"""Files in a folder: appear whole, change one at a time, for their owner only."""

import stat
import threading
from pathlib import Path

import pytest

from flows.files import FilesError, FolderFiles, kept_as

NAME = "aivo/jennifer-liu.json"


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    """An empty folder that is not there yet."""
    return FolderFiles(tmp_path / "kept")


def test_a_name_is_given_once(files: FolderFiles) -> None:
    """The first content stays, whatever comes after it."""
    assert files.find(NAME) is None
    assert files.put(NAME, b"first")
    assert not files.put(NAME, b"second")
    assert files.read(NAME) == b"first"
    assert files.find(NAME) == kept_as(NAME, b"first")


def test_a_held_file_becomes_what_is_said(files: FolderFiles) -> None:
    """Also one that was not there; what says nothing, or fails, changes nothing."""
    with files.held(NAME) as held:
        assert held.content is None
        held.after = b"first"
    with files.held(NAME):
        pass
    with pytest.raises(ZeroDivisionError):
        _fail_half_way(files)
    with files.held(NAME) as held:
        assert held.content == b"first"
        held.after = b"second"
    assert files.read(NAME) == b"second"


def _fail_half_way(files: FolderFiles) -> None:
    with files.held(NAME) as held:
        held.after = b"half"
        raise ZeroDivisionError


def test_only_the_owner_may_look(files: FolderFiles, tmp_path: Path) -> None:
    """Neither the folders nor the files are anybody else's to read."""
    files.put("once", b"x")
    with files.held(NAME) as held:
        held.after = b"x"
    for path in (tmp_path / "kept", *(tmp_path / "kept").rglob("*.json"), tmp_path / "kept/once"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_changes_of_many_are_made_one_after_the_other(files: FolderFiles) -> None:
    """None of them is lost."""
    with files.held(NAME) as held:
        held.after = b"0"

    def count() -> None:
        for _ in range(20):
            with FolderFiles(Path(files.place)).held(NAME) as held:
                held.after = str(int(held.content or b"0") + 1).encode()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert files.read(NAME) == b"80"


def test_what_is_listed_is_below_a_folder(files: FolderFiles) -> None:
    """Not what begins alike, not the latch, and nothing that is still being written."""
    for name in ("INC-7/a", "INC-7/b/c", "INC-70/a"):
        files.put(name, b"x")
    with files.held("INC-7/a"):
        (Path(files.place) / "INC-7" / ".new-abc").write_bytes(b"half")
    assert files.names("INC-7") == ("INC-7/a", "INC-7/b/c")
    assert files.names() == ("INC-7/a", "INC-7/b/c", "INC-70/a")
    assert files.names("INC-8") == ()


def test_what_is_removed_is_gone(files: FolderFiles) -> None:
    """With the folders that held nothing else; once more removes nothing."""
    files.put("INC-7/logs/a", b"x")
    files.put("INC-7/b", b"x")
    assert files.remove("INC-7/logs/a")
    assert not files.remove("INC-7/logs/a")
    assert files.names() == ("INC-7/b",)
    assert not (Path(files.place) / "INC-7" / "logs").exists()
    assert (Path(files.place) / "INC-7").exists()


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../journal.db", "a/../../b", "a\0b"])
def test_no_name_leads_out(files: FolderFiles, name: str) -> None:
    """Whatever is asked, it is about a file in the folder."""
    for ask in (files.find, files.read, files.remove):
        with pytest.raises(FilesError, match="is no name"):
            ask(name)


def test_what_can_not_be_read_is_said(files: FolderFiles) -> None:
    """With the name, the folder and what to do."""
    files.put("INC-7/a", b"x")
    with pytest.raises(FilesError, match=r"INC-7 can't be read below .*: make room or mend"):
        files.read("INC-7")
