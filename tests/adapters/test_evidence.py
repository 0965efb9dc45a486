"""Evidence: written once, hashed, for its owner only, inside its folder only."""

import asyncio
import hashlib
import stat
from pathlib import Path

import pytest

from adapters.evidence import EvidenceStore
from flows.actions import PermanentError, Stored, TransientError
from flows.engine import AwayError, JournalError
from flows.files import FilesError, FolderFiles

NAME = "INC-7/logs/checkout.log"
CONTENT = b"a line\n"


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    """An empty store."""
    return EvidenceStore(FolderFiles(tmp_path / "evidence"))


async def test_a_piece_is_kept_with_its_hash(store: EvidenceStore, tmp_path: Path) -> None:
    """What was put is found and read, and only its owner may read it."""
    stored = await store.put(NAME, CONTENT)
    assert stored == Stored(name=NAME, sha256=hashlib.sha256(CONTENT).hexdigest(), size=7)
    assert await store.find(NAME) == stored
    assert await store.read(NAME) == CONTENT
    root = tmp_path / "evidence"
    assert stat.S_IMODE((root / NAME).stat().st_mode) == 0o400
    assert stat.S_IMODE(root.stat().st_mode) & 0o077 == 0


async def test_a_piece_is_never_replaced(store: EvidenceStore, tmp_path: Path) -> None:
    """The same content again is fine, other content is refused and leaves no file behind."""
    await store.put(NAME, CONTENT)
    await store.put(NAME, CONTENT)
    with pytest.raises(PermanentError, match="never replaced"):
        await store.put(NAME, b"another line\n")
    assert await store.read(NAME) == CONTENT
    folder = tmp_path / "evidence" / "INC-7" / "logs"
    assert [path.name for path in folder.iterdir()] == ["checkout.log"]


async def test_one_of_many_writers_wins(store: EvidenceStore) -> None:
    """Side by side, one content is kept whole, and the others are told."""
    contents = [bytes([number]) * 10_000 for number in range(8)]
    results = await asyncio.gather(
        *(store.put(NAME, content) for content in contents), return_exceptions=True
    )
    won = [content for content, r in zip(contents, results, strict=True) if isinstance(r, Stored)]
    assert [await store.read(NAME)] == won


async def test_what_is_not_there_is_said_so(store: EvidenceStore) -> None:
    """Not found is None; reading it is an error with its name."""
    assert await store.find(NAME) is None
    with pytest.raises(PermanentError, match=NAME):
        await store.read(NAME)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../journal.db", "INC-7/../../x", "a\0b"])
async def test_names_stay_inside(store: EvidenceStore, name: str) -> None:
    """No name leads out of the folder."""
    with pytest.raises(PermanentError, match="is no name of a file"):
        await store.put(name, CONTENT)


async def test_a_folder_that_can_not_be_written_is_said_so(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "evidence").write_text("in the way")
    with pytest.raises(PermanentError, match="can't be written"):
        await EvidenceStore(FolderFiles(tmp_path / "evidence")).put(NAME, CONTENT)


async def test_what_a_rule_lets_go_leaves_a_note(store: EvidenceStore, tmp_path: Path) -> None:
    """Its pieces and their folders go, other incidents keep theirs, and the note says why."""
    await store.put(NAME, CONTENT)
    await store.put("INC-7/state.json", b"{}")
    await store.put("INC-70/state.json", b"{}")
    assert store.kept() == ("INC-7", "INC-70")
    assert store.pieces("INC-7") == (NAME, "INC-7/state.json")
    assert store.forget("INC-7", "Removed by a rule.\n") == 2
    assert store.pieces("INC-7") == ()
    assert store.forget("INC-7", "Again.\n") == 0
    assert await store.read("INC-7/removed.txt") == b"Removed by a rule.\n"
    assert store.pieces("INC-70") == ("INC-70/state.json",)
    assert [path.name for path in (tmp_path / "evidence" / "INC-7").iterdir()] == ["removed.txt"]
    assert store.kept() == ("INC-7", "INC-70")


async def test_a_piece_that_is_too_large_names_the_way_out(tmp_path: Path) -> None:
    """A store with a limit takes what fits, and points to a bucket for what does not."""
    store = EvidenceStore(FolderFiles(tmp_path), largest=1024 * 1024)
    await store.put("INC-7/fits", bytes(1024 * 1024))
    with pytest.raises(PermanentError, match=r"has 2 MiB, .* takes 1 MiB .*BACKOUT_EVIDENCE"):
        await store.put("INC-7/large", bytes(1024 * 1024 + 1))
    assert await store.find("INC-7/large") is None


class Failing(FolderFiles):
    """Files that can't be asked."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Path("nowhere"))
        self._error = error

    def find(self, name: str) -> None:
        """Fail."""
        raise self._error

    def names(self, below: str = "") -> tuple[str, ...]:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AwayError("the database does not answer"), TransientError),
        (JournalError("run `backout migrate`"), PermanentError),
        (FilesError("no rights"), PermanentError),
    ],
)
async def test_a_store_that_fails_says_whether_it_comes_back(
    error: Exception, kind: type[Exception]
) -> None:
    """An action is told in its own kinds of errors, and so is a command."""
    store = EvidenceStore(Failing(error))
    with pytest.raises(kind, match=str(error)):
        await store.find(NAME)
    with pytest.raises(kind, match=str(error)):
        store.pieces("INC-7")
