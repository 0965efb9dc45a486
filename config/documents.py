"""One YAML file as plain data, with the place of every key and value.

The data is built from libyaml's node tree, so that every later complaint can point at a line and
column.  Plain values mean what they do in YAML 1.2: `yes` is a word, and 010 is ten.  What a
configuration doesn't need is refused here: tags, duplicate keys, several documents, merge keys,
oversized files.  Called by `config.loader`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, MarkedYAMLError, Node, ScalarNode, SequenceNode, YAMLError
from yaml.events import CollectionEndEvent, CollectionStartEvent

from config.places import ConfigurationError, Place, Problem, shown

MAX_CHARACTERS = 256 * 1024
MAX_VALUES = 20_000
MAX_DEPTH = 30
MAX_BRACKETS = 100
BRACKET = re.compile(r"[\[\]{}]")
TOO_DEEP = "the values are nested too deeply"
TAG = "tag:yaml.org,2002:"
FLOAT = (
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
PLAIN: Mapping[str, tuple[str, str]] = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", "~nN"),
    "float": (FLOAT, "-+0123456789."),
    "int": (r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)", "-+0123456789"),
    "merge": (r"<<", "<"),
}
"""What an unquoted value is taken for: its tag, the whole of it, what it begins with."""
BASES = {"0b": 2, "0o": 8, "0x": 16}

Trail = tuple[str | int, ...]
Scalar = str | int | float | bool | None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes, their plain values tagged as in YAML 1.2."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 PyYAML's own


for _name, (_pattern, _first) in PLAIN.items():
    _Loader.add_implicit_resolver(TAG + _name, re.compile(f"(?:{_pattern})\\Z"), [*_first])
_Loader.yaml_implicit_resolvers.setdefault("", []).append((TAG + "null", re.compile(r"\Z")))


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
        if _depth(text) > MAX_DEPTH:
            raise ConfigurationError([Problem(place=whole, message=TOO_DEEP)])
        node = yaml.compose(text, Loader=_Loader)
    except YAMLError as error:
        raise ConfigurationError([_form_problem(error, path)]) from None
    if node is None:
        raise ConfigurationError([Problem(place=whole, message="the file is empty")])
    builder = _Builder(path=path, lines=text.splitlines())
    data = builder.build(node, (), whole)
    if builder.problems:
        raise ConfigurationError(builder.problems)
    return Document(path=path, data=data, spots=builder.spots)


def _brackets(text: str) -> int:
    """Return how deep brackets stand in brackets, those in texts among them.

    The time that parsing takes grows with the square of it.
    """
    depth = deepest = 0
    for found in BRACKET.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _depth(text: str) -> int:
    """Return how deep values stand in values: libyaml's nodes are made by recursion in C."""
    depth = deepest = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        deepest = max(deepest, depth)
    return deepest


def _form_problem(error: YAMLError, path: str) -> Problem:
    """Turn libyaml's report of broken YAML into a problem in plain words."""
    if not isinstance(error, MarkedYAMLError):
        message = "this is not text that YAML allows: look for a control character"
        return Problem(place=Place(path=path), message=message)
    mark = error.problem_mark or error.context_mark
    place = Place(path=path)
    if mark is not None:
        place = Place(path=path, line=mark.line + 1, column=mark.column + 1)
    said = str(error.problem or error.context or "can't be read")
    hints = {
        "mapping values are not allowed in this context": "is a value with `: ` in it left "
        "unquoted, or a line indented too far?",
        "found character that cannot start any token": "indent with spaces, not tabs, and put "
        "quotes around what begins with @ or `",
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

    def __init__(self, *, path: str, lines: list[str]) -> None:
        self.path = path
        self.spots: dict[Trail, Spot] = {}
        self.problems: list[Problem] = []
        self._lines = lines
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
        kind = str(node.tag).removeprefix(TAG)
        if not isinstance(node, ScalarNode) or not self._plain(node, kind):
            return None
        try:
            value = _scalar(kind, node.value)
        except LookupError:
            self._complain(place, f"the tag `{node.tag}` is not allowed")
            return None
        except ValueError:
            self._complain(place, f"`{node.value}` can't be read as a number")
            return None
        if isinstance(value, float) and not isfinite(value):
            self._complain(place, "a number must be finite")
        return value

    def _plain(self, node: Node, kind: str) -> bool:
        """Tell whether a node has YAML's own tag; complain where it brings its own."""
        if str(node.tag) == TAG + kind:
            return True
        place = self._place(node.start_mark)
        self._complain(place, f"the tag `{node.tag}` is not allowed", "write the value alone")
        return False

    def _complain(self, place: Place, message: str, hint: str = "") -> None:
        self.problems.append(Problem(place=place, message=message, hint=hint))

    def _place(self, mark: yaml.Mark) -> Place:
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


def _scalar(kind: str, text: str) -> Scalar:
    """Return what a value means.  Raises `LookupError` for a tag that nothing needs."""
    match kind:
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            digits = text.replace("_", "").lower()
            return int(digits, BASES.get(digits.lstrip("+-")[:2], 10))
        case "float":
            digits = text.replace("_", "").lower()
            return float(digits.replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            raise LookupError(kind)
