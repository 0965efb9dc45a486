"""Values from outside of the cluster: references to secrets, and files of a system.

Called by the actions that change ConfigMaps and Secrets.  Errors name what is wrong and where,
never a value.
"""

import importlib
import json
from collections.abc import Mapping
from typing import Any

from adapters import files
from adapters.kubernetes import entries
from adapters.kubernetes.entries import BINARY, DATA, Entry
from adapters.values import listed
from config.models.systems import System
from config.places import ConfigurationError
from flows.actions import Context, PermanentError


def values(context: Context, references: Mapping[str, str]) -> dict[str, str]:
    """Resolve references to secrets; raise `PermanentError` that names one which leads nowhere."""
    return {key: context.surroundings.secret(each) for key, each in references.items()}


def mapping(context: Context, reference: str) -> dict[str, str]:
    """Resolve a reference to a JSON object of texts.

    Raises `PermanentError` where it is none, without a word of what it is.
    """
    try:
        found = json.loads(context.surroundings.secret(reference))
    except ValueError:
        raise PermanentError(
            f"{reference} is no JSON: it must be an object of texts, {{KEY: VALUE}}."
        ) from None
    if not isinstance(found, dict) or not found:
        raise PermanentError(f"{reference} must be a JSON object of texts, {{KEY: VALUE}}.")
    if odd := [key for key, value in found.items() if not isinstance(value, str)]:
        raise PermanentError(f"{reference} holds something else than a text at {listed(odd)}.")
    if odd := [key for key in found if not entries.is_key(key)]:
        raise PermanentError(
            f"{reference} has keys that no Secret takes, such as {odd[0]!r}: letters, digits, "
            "- _ and . are allowed."
        )
    return found


def file_entries(system: System, reference: str) -> dict[str, Entry]:
    """Return the entries of a ConfigMap in a file of the system, YAML or JSON.

    The file holds either `{KEY: VALUE}` or a whole ConfigMap, of which only the entries count.
    Raises `PermanentError` that says what is wrong with it.
    """
    found = _document(reference, files.read(system, reference))
    if not isinstance(found, Mapping):
        raise PermanentError(f"{reference} must hold {{KEY: VALUE}}, or a ConfigMap.")
    if found.get("kind") == "ConfigMap" and "apiVersion" in found:
        parts = {part: found.get(part) or {} for part in (DATA, BINARY)}
    else:
        parts = {DATA: found}
    for part in parts.values():
        _check(reference, part)
    return {key: (part, value) for part, pairs in parts.items() for key, value in pairs.items()}


def _document(reference: str, content: bytes) -> Any:
    # ruamel is loaded by what needs it, not at the start.
    documents: Any = importlib.import_module("config.documents")
    try:
        return documents.parse(content.decode(), reference).data
    except UnicodeDecodeError:
        raise PermanentError(f"{reference} is no UTF-8 text.") from None
    except ConfigurationError as error:
        raise PermanentError(str(error.problems[0])) from error


def _check(reference: str, pairs: Any) -> None:
    if not isinstance(pairs, Mapping):
        raise PermanentError(f"{reference}: the entries must be {{KEY: VALUE}}.")
    for key, value in pairs.items():
        if not entries.is_key(key):
            raise PermanentError(
                f"{reference}: no ConfigMap takes the key {key!r}: letters, digits, - _ and . "
                "are allowed."
            )
        if not isinstance(value, str):
            raise PermanentError(
                f"{reference}: the value of {key} is no text: put it into quotation marks."
            )
