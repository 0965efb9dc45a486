"""Where in a file something stands, and what is wrong there.

`config.documents` makes the places, `config.loader` and `config.checks` the problems; the
command line and the start-up print them as they are: `path:line:column: message`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

NEARNESS = 0.6
SHORTEST = 3


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A spot in a file.  Lines and columns count from 1, as editors do."""

    path: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that must be changed before the configuration can be used."""

    place: Place
    message: str
    hint: str = ""

    @property
    def path(self) -> str:
        """The file."""
        return self.place.path

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.place.column

    def __str__(self) -> str:
        text = f"{self.path}:{self.line}:{self.column}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class ConfigurationError(Exception):
    """The configuration can't be used.  Carries every problem that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest valid word, or lists a few when none is near."""
    words = sorted(set(known))
    near = get_close_matches(word, words, n=1, cutoff=NEARNESS) or [
        each for each in words if len(word) >= SHORTEST and each.startswith(word)
    ]
    if near:
        return f"did you mean `{near[0]}`?"
    if not words:
        return ""
    shown = ", ".join(f"`{word}`" for word in words[:12])
    return f"known: {shown}{', …' if len(words) > 12 else ''}"


def shown(path: Path) -> str:
    """Return a path as short as it can be found from where the person stands."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
