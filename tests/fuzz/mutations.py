"""Payloads made wrong: what is there is dropped, retyped, nested, enlarged or filled with junk.

Every mutation starts from something real, so that most of what arrives gets past the first look.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]
HUGE = "A" * 70_000
DEEP = 120


def _nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = {"n": [value]}
    return value


NASTY: Sequence[Any] = (
    None,
    True,
    False,
    0,
    -1,
    2**70,
    1e308,
    0.5,
    "",
    " ",
    "\x00",
    "a\x00b\n\r\t",
    "\ud800",
    "\u202etxet\u202c\ufeff\u200b",
    "<!channel> <@U0JENNIFER> <https://example.invalid|x>",
    "&lt;!channel&gt;",
    "“INC-1” ‘plan’ ‹…›",
    "😀" * 2_000,
    HUGE,
    "'; DROP TABLE events; --",
    "{{ 7 * 7 }}{% for a in b %}",
    "../../../../etc/passwd",
    "INC-1",
    "INC-99999999999999999999999999",
    "INC-²",
    "backout:approve",
    [],
    {},
    [[]],
    [None, {}],
    {"id": None},
    {"": ""},
    _nested(DEEP),
    ["x"] * 3_000,
)
"""Values that no honest sender puts where they will stand."""

JUNK = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.integers(), st.floats())


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the place of every part of a payload."""
    pairs: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        pairs = iter(value.items())
    elif isinstance(value, list):
        pairs = iter(enumerate(value))
    else:
        return
    for key, part in pairs:
        yield (*at, key)
        yield from paths(part, (*at, key))


def _parent(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


@st.composite
def mutated(draw: st.DrawFn, original: Any, most: int = 3) -> Any:
    """Draw a payload that was changed in up to `most` places; sometimes it is left as it was."""
    value = deepcopy(original)
    for _ in range(draw(st.integers(0, most))):
        places = sorted(paths(value), key=str)
        if not places:
            break
        path = draw(st.sampled_from(places))
        parent, key = _parent(value, path), path[-1]
        match draw(st.sampled_from(("drop", "junk", "wrap", "add"))):
            case "drop":
                del parent[key]
            case "junk":
                parent[key] = deepcopy(draw(JUNK))
            case "wrap":
                parent[key] = draw(st.sampled_from(([parent[key]], {"value": parent[key]})))
            case _ if isinstance(parent, dict):
                parent[draw(st.text(max_size=10))] = deepcopy(draw(JUNK))
            case _:
                parent.append(deepcopy(draw(JUNK)))
    return value
