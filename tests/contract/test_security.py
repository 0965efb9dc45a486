"""What SECURITY.md says is tested, is tested."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(?P<file>tests/[\w/]+\.py)(?:::(?P<test>\w+))?`")
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)")
DOCUMENTS = ("SECURITY.md", "docs/authority.md")


def read(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_is_named_is_there(document: str) -> None:
    """A reader can look at what makes the attack."""
    named = list(NAMED.finditer(read(document)))
    assert named
    for found in named:
        path = ROOT / found["file"]
        assert path.is_file(), found[0]
        if found["test"]:
            assert re.search(rf"def {found['test']}\(", path.read_text(encoding="utf-8")), found[0]


def test_every_attack_names_its_test() -> None:
    """A row of an attack without a test would be a promise."""
    rows = [line for line in read("SECURITY.md").splitlines() if line.startswith("| ")]
    attacks = [row for row in rows if row.count(" | ") == 2 and not row.startswith("| attack ")]
    assert len(attacks) > 30
    assert [row for row in attacks if "::test_" not in row] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    """Links are relative to the document that has them."""
    for found in LINK.finditer(read(document)):
        assert ((ROOT / document).parent / found["target"]).exists(), found["target"]


@pytest.mark.parametrize("document", ["README.md", "docs/architecture.md", "docs/configuration.md"])
def test_readers_are_led_to_the_model(document: str) -> None:
    """Nobody has to know that the page is there."""
    assert "authority.md" in read(document)
