"""YAML documents of Kubernetes objects, read as the API server would read them.  Pure.

Called by `manifests`.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.actions import PermanentError

Object = dict[str, Any]


def read(text: str, source: str) -> list[Object]:
    """Return the objects of YAML documents, those of a `List` one by one.

    Raises `PermanentError` that names `source` and the line where it is no YAML, and for what is
    no object.
    """
    # PyYAML's C loader is twelve times as fast as ruamel.yaml, and a drift check waits for this.
    yaml: Any = importlib.import_module("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it can't be read"
        raise PermanentError(f"{source} is no YAML{where}: {what}.") from error
    return [found for each in documents for found in _objects(each, source)]


def _objects(document: Any, source: str) -> Iterator[Object]:
    if document is None:
        return  # nothing between two separators
    if not isinstance(document, Mapping) or not document.get("kind"):
        raise PermanentError(f"{source} holds something that is no object: it has no kind.")
    if str(document["kind"]).endswith("List") and isinstance(document.get("items"), list):
        for each in document["items"]:
            yield from _objects(each, source)
        return
    try:
        json.dumps(document)
    except (TypeError, ValueError) as error:
        name = (document.get("metadata") or {}).get("name")
        raise PermanentError(
            f"{document['kind']}/{name} in {source} holds a value that JSON has not, such as a "
            "date: put it in quotes."
        ) from error
    yield dict(document)
