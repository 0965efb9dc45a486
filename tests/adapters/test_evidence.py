"""Evidence: written once, hashed, for its owner only, inside its folder only."""

import asyncio
import hashlib
import stat
from pathlib import Path

import pytest

from adapters.evidence import EvidenceFolder
from flows.actions import PermanentError, Stored

NAME = "INC-7/logs/checkout.log"
CONTENT = b"a line\n"


@pytest.fixture
def store(tmp_path: Path) -> EvidenceFolder:
    """An empty store."""
    return EvidenceFolder(tmp_path / "evidence")


async def test_a_piece_is_kept_with_its_hash(store: EvidenceFolder) -> None:
    """What was put is found and read, and only its owner may read it."""
    stored = await store.put(NAME, CONTENT)
    assert stored == Stored(name=NAME, sha256=hashlib.sha256(CONTENT).hexdigest(), size=7)
    assert await store.find(NAME) == stored
    assert await store.read(NAME) == CONTENT
    assert stat.S_IMODE((store.root / NAME).stat().st_mode) == 0o400
    assert stat.S_IMODE(store.root.stat().st_mode) & 0o077 == 0


async def test_a_piece_is_never_replaced(store: EvidenceFolder) -> None:
    """The same content again is fine, other content is refused and leaves no file behind."""
    await store.put(NAME, CONTENT)
    await store.put(NAME, CONTENT)
    with pytest.raises(PermanentError, match="never replaced"):
        await store.put(NAME, b"another line\n")
    assert await store.read(NAME) == CONTENT
    assert [path.name for path in (store.root / "INC-7/logs").iterdir()] == ["checkout.log"]


async def test_one_of_many_writers_wins(store: EvidenceFolder) -> None:
    """Side by side, one content is kept whole, and the others are told."""
    contents = [bytes([number]) * 10_000 for number in range(8)]
    results = await asyncio.gather(
        *(store.put(NAME, content) for content in contents), return_exceptions=True
    )
    won = [content for content, r in zip(contents, results, strict=True) if isinstance(r, Stored)]
    assert [await store.read(NAME)] == won


async def test_what_is_not_there_is_said_so(store: EvidenceFolder) -> None:
    """Not found is None; reading it is an error with its name."""
    assert await store.find(NAME) is None
    with pytest.raises(PermanentError, match=NAME):
        await store.read(NAME)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../journal.db", "INC-7/../../x", "a\0b"])
async def test_names_stay_inside(store: EvidenceFolder, name: str) -> None:
    """No name leads out of the folder."""
    with pytest.raises(PermanentError, match="is no name for evidence"):
        await store.put(name, CONTENT)


async def test_a_folder_that_can_not_be_written_is_said_so(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "evidence").write_text("in the way")
    with pytest.raises(PermanentError, match="can't be written"):
        await EvidenceFolder(tmp_path / "evidence").put(NAME, CONTENT)
