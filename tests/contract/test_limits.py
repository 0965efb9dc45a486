"""docs/limits.md says what the code does."""

import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest

import bot

pytestmark = pytest.mark.contract
PAGE = Path(bot.__file__).parent.parent / "docs" / "limits.md"
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<figure>[^|]+) \| [^|]+ \| `(?P<name>[\w.]+)` \|$")
UNITS = {"": 1, "characters": 1, "s": 1, "min": 60, "h": 3_600, "KiB": 1024, "MiB": 1024**2}
ROWS = [found for line in PAGE.read_text("utf-8").splitlines() if (found := ROW.match(line))]


def test_every_row_is_read() -> None:
    """A row that is not understood would never be compared."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    heads = [line for line in rows if line.startswith("| what |")]
    assert len(ROWS) == len(rows) - len(heads) > 30


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_figure_is_that_of_the_code(row: re.Match[str]) -> None:
    """The page and the constant that it names say the same."""
    module, _, name = row["name"].rpartition(".")
    value = getattr(importlib.import_module(module), name)
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    number, _, unit = row["figure"].partition(" ")
    assert float(number.replace(",", "")) * UNITS[unit] == float(seconds)
