"""A file that points systems at other endpoints without touching their own files.

The demo and the tests run the AIVO of the repository against a simulated estate this way
(BACKOUT_OVERLAY).  Only what says *where* may be changed, never who approves or what is done.

    aivo:
      connections: {prometheus: {url: "http://127.0.0.1:9090"}}
      variables: {health_url: "http://127.0.0.1:8080/health"}
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config import documents
from config.documents import Document, Spot, Trail
from config.places import ConfigurationError, Problem, did_you_mean

ALLOWED = ("channels", "connections", "live", "variables")


def load(path: Path, systems: Iterable[str]) -> Document:
    """Read an overlay; `systems` are the names that it may use.

    Raises `ConfigurationError` for unknown systems and for keys that an overlay can't change.
    """
    document = documents.read(path)
    if not isinstance(document.data, dict):
        raise ConfigurationError([document.problem((), "expected systems by name, as a mapping")])
    problems = list(_problems(document, tuple(systems)))
    if problems:
        raise ConfigurationError(problems)
    return document


def _problems(document: Document, systems: tuple[str, ...]) -> Iterable[Problem]:
    for name, changes in document.data.items():
        if name not in systems:
            hint = did_you_mean(name, systems)
            yield document.problem((name,), f"unknown system `{name}`", hint, at_key=True)
        elif not isinstance(changes, dict):
            yield document.problem((name,), f"expected keys among {', '.join(ALLOWED)}")
        else:
            for key in changes:
                if key not in ALLOWED:
                    hint = did_you_mean(key, ALLOWED)
                    message = f"an overlay can't change `{key}`"
                    yield document.problem((name, key), message, hint, at_key=True)


def apply(document: Document, overlay: Document, system: str) -> Document:
    """Return a system.yaml with the overlay's part merged in; its values keep their own places.

    Mappings are merged key by key, anything else is replaced whole.
    """
    changes = overlay.data.get(system)
    if not changes or not isinstance(document.data, dict):
        return document
    data = _merged(document.data, changes)
    above = {trail[1:]: spot for trail, spot in overlay.spots.items() if trail[:1] == (system,)}
    spots: dict[Trail, Spot] = {**document.spots, **above, (): document.spot(())}
    there = {trail: spot for trail, spot in spots.items() if _leads_somewhere(data, trail)}
    return Document(path=document.path, data=data, spots=there)


def _leads_somewhere(data: Any, trail: Trail) -> bool:
    try:
        for part in trail:
            data = data[part]
    except (LookupError, TypeError):
        return False
    return True


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(below[key], value) if key in below else value
    return merged
