"""How commands print: a console without colours when piped, JSON, and one-line errors.

Rich is imported at the first use: `--json` and `--help` of a command don't pay for it.
"""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PIPED_WIDTH = 400
"""Wide enough that a pipe sees each row on a line of its own."""


def console(*, stderr: bool = False) -> "Console":
    """Return a console on today's stdout or stderr; colours only on a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True)


def say(text: str = "") -> None:
    """Print a line to stdout as it is: no markup, no wrapping."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Print a line to stderr as it is."""
    sys.stderr.write(f"{text}\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headings; the last column takes what room is left."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != headings[-1], overflow="fold")
    for row in rows:
        table.add_row(*(_safe(each) for each in row))
    out = console()
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        say(line.rstrip())


def _safe(text: str) -> "Text":
    """Keep what people wrote from being read as markup or as a terminal's control codes."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else " " for c in text))


def print_json(value: Any) -> None:
    """Print a value as JSON that is pleasant to read and to feed to jq."""
    say(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """Turn our values into what JSON has: durations in seconds, times in ISO 8601."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = (field.name for field in dataclasses.fields(value))
            return {name: plain(getattr(value, name)) for name in names}
        case _:
            return str(value)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show a progress line on a terminal's stderr while something takes its time."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(what):
        yield


def plural(count: int, one: str, many: str = "") -> str:
    """Write "1 step", "3 steps"."""
    return f"{count} {one if count == 1 else many or one + 's'}"
