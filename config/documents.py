"""One YAML file as plain data, with the place of every key and value.

The data is built from ruamel's node tree instead of its loader, so that every later complaint
can point at a line and column.  What a configuration doesn't need is refused here: tags,
duplicate keys, several documents, merge keys, oversized files.  Called by `config.loader`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.places import ConfigurationError, Place, Problem, shown

MAX_CHARACTERS = 256 * 1024
MAX_VALUES = 20_000
MAX_DEPTH = 30
MAX_BRACKETS = 100
BRACKET = re.compile(r"[\[\]{}]")
TOO_DEEP = "the values are nested too deeply"
SCALAR_TAGS = frozenset({"str", "int", "float", "bool", "null"})

Trail = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where one value stands: its key (or list item) and the value itself.

    `text` is the place where the characters of a string begin; None where a string is folded
    over lines, so that a column in it says nothing about the file.
    """

    key: Place
    value: Place
    text: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file's data and the spots of its parts, keyed by path from the top."""

    path: str
    data: Any
    spots: Mapping[Trail, Spot]

    def spot(self, path: Trail) -> Spot:
        """Return the spot of a path, or of its nearest parent that is in the file."""
        for length in range(len(path), -1, -1):
            if (found := self.spots.get(path[:length])) is not None:
                return found
        top = Place(path=self.path)
        return Spot(key=top, value=top)

    def data_at(self, path: Trail) -> Any:
        """Return the value at a path that is in the file."""
        value = self.data
        for part in path:
            value = value[part]
        return value

    def inside(self, path: Trail, offset: int) -> Place:
        """Return the place `offset` characters into the string at a path."""
        spot = self.spot(path)
        if spot.text is None:
            return spot.value
        value = self.data_at(path)
        before = value[:offset] if isinstance(value, str) else ""
        line = before.count("\n")
        column = len(before) - (before.rfind("\n") + 1)
        return Place(
            path=spot.text.path, line=spot.text.line + line, column=spot.text.column + column
        )

    def problem(
        self, path: Trail, message: str, hint: str = "", *, at_key: bool = False
    ) -> Problem:
        """Return a problem at the key or the value of a path."""
        spot = self.spot(path)
        return Problem(place=spot.key if at_key else spot.value, message=message, hint=hint)


def read_text(path: Path) -> str:
    """Read a UTF-8 file; raise `ConfigurationError` where it is missing, unreadable or huge."""
    place = Place(path=shown(path))
    try:
        if path.stat().st_size > 4 * MAX_CHARACTERS:
            raise ConfigurationError([Problem(place=place, message="the file is far too large")])
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError([Problem(place=place, message="this file is missing")]) from None
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 text (at byte {error.start})"
        raise ConfigurationError([Problem(place=place, message=message)]) from None
    except OSError as error:
        message = f"the file can't be read: {error.strerror}"
        raise ConfigurationError([Problem(place=place, message=message)]) from None


def read(path: Path) -> Document:
    """Read a YAML file.  Raises `ConfigurationError` with every problem of its form."""
    return parse(read_text(path), shown(path))


def parse(text: str, path: str) -> Document:
    """Read YAML 1.2 text; `path` is what problems call the file.

    Raises `ConfigurationError` with every problem of the file's form.
    """
    whole = Place(path=path)
    if len(text) > MAX_CHARACTERS:
        limit = f"{MAX_CHARACTERS // 1024} thousand"
        raise ConfigurationError(
            [Problem(place=whole, message=f"the file is larger than {limit} characters")]
        )
    if _brackets(text) > MAX_BRACKETS:
        raise ConfigurationError([Problem(place=whole, message=TOO_DEEP)])
    try:
        yaml = YAML(typ="safe", pure=True)
        node = yaml.compose(text)
        if node is None:
            raise ConfigurationError([Problem(place=whole, message="the file is empty")])
        builder = _Builder(path=path, yaml=yaml, lines=text.splitlines())
        data = builder.build(node, (), whole)
    except YAMLError as error:
        raise ConfigurationError([_form_problem(error, path)]) from None
    except RecursionError:
        raise ConfigurationError([Problem(place=whole, message=TOO_DEEP)]) from None
    if builder.problems:
        raise ConfigurationError(builder.problems)
    return Document(path=path, data=data, spots=builder.spots)


def _brackets(text: str) -> int:
    """Return how deep brackets stand in brackets, those in texts among them.

    The time that ruamel takes grows with the square of it.
    """
    depth = deepest = 0
    for found in BRACKET.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _form_problem(error: YAMLError, path: str) -> Problem:
    """Turn ruamel's report of broken YAML into a problem in plain words."""
    if not isinstance(error, MarkedYAMLError):
        message = "this is not text that YAML allows: look for a control character"
        return Problem(place=Place(path=path), message=message)
    mark = error.problem_mark or error.context_mark
    place = Place(path=path)
    if mark is not None:
        place = Place(path=path, line=mark.line + 1, column=mark.column + 1)
    said = str(error.problem or error.context or "can't be read")
    hints = {
        "mapping values are not allowed here": "is a value with `: ` in it left unquoted, "
        "or a line indented too far?",
        "found character '\\t' that cannot start any token": "indent with spaces, not tabs",
        "but found another document": "one document a file: remove the `---`",
    }
    hint = hints.get(said, "")
    if not hint and error.context and error.problem:
        hint = str(error.context)
        if error.context_mark is not None:
            hint += f" that begins in line {error.context_mark.line + 1}"
    return Problem(place=place, message=f"broken YAML: {said}", hint=hint)


class _Builder:
    """Walks the node tree once, collecting data, spots and problems."""

    def __init__(self, *, path: str, yaml: YAML, lines: list[str]) -> None:
        self.path = path
        self.spots: dict[Trail, Spot] = {}
        self.problems: list[Problem] = []
        self._lines = lines
        self._scalar = partial(yaml.constructor.construct_object, deep=True)
        self._seen = 0

    def build(self, node: Node, path: Trail, key: Place) -> Any:
        """Return the plain value of a node, noting where it stands."""
        place = self._place(node.start_mark)
        self._seen += 1
        if self._seen > MAX_VALUES or len(path) > MAX_DEPTH:
            message = "too many or too deeply nested values: does an alias contain itself?"
            raise ConfigurationError([Problem(place=place, message=message)])
        self.spots[path] = Spot(key=key, value=place, text=self._text_place(node, place))
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, SequenceNode) and self._plain(node, "seq"):
            return [
                self.build(item, (*path, index), self._place(item.start_mark))
                for index, item in enumerate(node.value)
            ]
        return self._scalar_value(node, place)

    def _pairs(self, node: MappingNode, path: Trail) -> Iterator[tuple[str, Any]]:
        self._plain(node, "map")
        seen: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node.start_mark)
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or str(key_node.tag).endswith(":merge"):
                self._complain(place, "a key must be a plain word here")
                continue
            if key in seen:
                first = f"it stands in line {seen[key].line} as well"
                self._complain(place, f"the key `{key}` is there twice", first)
            seen.setdefault(key, place)
            yield key, self.build(value_node, (*path, key), place)

    def _scalar_value(self, node: Node, place: Place) -> Any:
        kind = str(node.tag).rpartition(":")[2]
        if kind == "timestamp":  # dates are texts for us
            return node.value
        if not isinstance(node, ScalarNode) or not self._plain(node, kind):
            return None
        if kind not in SCALAR_TAGS:
            self._complain(place, f"the tag `{node.tag}` is not allowed")
            return None
        try:
            value = self._scalar(node)
        except ValueError:
            self._complain(place, f"`{node.value}` can't be read as a number")
            return None
        if isinstance(value, float) and not isfinite(value):
            self._complain(place, "a number must be finite")
        return value

    def _plain(self, node: Node, kind: str) -> bool:
        """Tell whether a node has YAML's own tag; complain where it brings its own."""
        if str(node.tag) == f"tag:yaml.org,2002:{kind}":
            return True
        place = self._place(node.start_mark)
        self._complain(place, f"the tag `{node.tag}` is not allowed", "write the value alone")
        return False

    def _complain(self, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place=place, message=message, hint=hint))

    def _place(self, mark: StreamMark) -> Place:
        return Place(path=self.path, line=mark.line + 1, column=mark.column + 1)

    def _text_place(self, node: Node, place: Place) -> Place | None:
        """Return where a string's characters begin, if columns in it mean anything."""
        if not isinstance(node, ScalarNode):
            return None
        if node.style == "|":
            line = node.start_mark.line + 1
            text = self._lines[line] if line < len(self._lines) else ""
            indent = len(text) - len(text.lstrip(" "))
            return Place(path=self.path, line=line + 1, column=indent + 1)
        if node.style == ">" or node.start_mark.line != node.end_mark.line:
            return None
        quoted = 1 if node.style in {"'", '"'} else 0
        return Place(path=place.path, line=place.line, column=place.column + quoted)
