"""Tables of figures: printed, as JSON, and put into docs/performance.md between their marks.

Every benchmark returns a `Report`; `main` is what runs when one is started by its name.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MACHINE = "2 shared cores, Debian 12, Python 3.11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures of one benchmark, as a table.  `name` is also the mark in the page."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Return the table with its notes."""
        lines = [_line(self.columns), _line(["---"] + ["---:"] * (len(self.columns) - 1))]
        lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes)])

    def text(self) -> str:
        """Return the table for a terminal."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = [
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in table
        ]
        return "\n".join([f"\n{self.title}", *lines, *self.notes, ""])


Measure = Callable[[], Awaitable[Report]]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def ms(seconds: float) -> str:
    """Show seconds as milliseconds."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def times(one: float, other: float) -> str:
    """Show a ratio."""
    return f"{one / other:.2f} ×"


def run(measures: Mapping[str, Measure]) -> None:
    """Measure one after the other; print, and write the page where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(measures)}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    wanted = parser.parse_args()
    for name in wanted.names or measures:
        if name not in measures:
            parser.error(f"there is no benchmark {name}: choose of {', '.join(measures)}")
        report = asyncio.run(_one(measures[name]))
        sys.stdout.write(f"{json.dumps(asdict(report))}\n" if wanted.json else report.text())
        sys.stdout.flush()
        if wanted.write:
            write(report)


async def _one(measure: Measure) -> Report:
    return await measure()


def write(report: Report, page: Path = PAGE) -> None:
    """Replace a report's part of the page.  Raises `LookupError` where it has no marks."""
    begin, end = f"<!-- {report.name}: begin -->", f"<!-- {report.name}: end -->"
    text = page.read_text(encoding="utf-8")
    part = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not part.search(text):
        raise LookupError(f"{page.name} has no marks for {report.name}: add {begin} and {end}")
    body = f"{begin}\n{report.markdown()}\n\n{end}"
    page.write_text(part.sub(lambda _: body, text), encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
