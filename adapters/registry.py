"""Names of actions to actions, by discovery: adding an action is adding one module.

Made once by the wiring in `bot`; `config`'s loader checks steps against `problems`.
Importing every module of actions is cheap, because vendor SDKs load inside functions.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

import adapters
from flows.actions import Action, UnknownActionError

Problem = tuple[tuple[str, ...], str]


class DuplicateActionError(Exception):
    """Two classes claim the same name."""


class ActionRegistry:
    """Implements `flows.actions.Registry`.  Without `actions` it finds all under `adapters`."""

    def __init__(self, actions: Mapping[str, Action] | None = None) -> None:
        self._actions = dict(actions) if actions is not None else discover(adapters)

    def find(self, uses: str) -> Action:
        """Return the action; raise `UnknownActionError` that lists near names."""
        if uses in self._actions:
            return self._actions[uses]
        raise UnknownActionError(self._unknown(uses))

    def names(self) -> tuple[str, ...]:
        """Return every name, sorted."""
        return tuple(sorted(self._actions))

    def all(self) -> tuple[Action, ...]:
        """Return every action, sorted by name."""
        return tuple(self._actions[name] for name in self.names())

    def outputs(self, uses: str) -> frozenset[str]:
        """Return the names of what an action puts out, for templates that read them."""
        return frozenset(self._actions[uses].Output.model_fields)

    def problems(
        self, uses: str, with_: Mapping[str, Any], unknown: frozenset[str] = frozenset()
    ) -> list[Problem]:
        """Check a step's inputs: (path inside `with`, what is wrong).

        Inputs named in `unknown` hold templates that are resolved later: they count as given,
        and what they hold is not judged.
        """
        if uses not in self._actions:
            return [((), self._unknown(uses))]
        model = self._actions[uses].Inputs
        try:
            model.model_validate(dict(with_))
        except ValidationError as error:
            known = tuple(model.model_fields)
            return [
                (tuple(str(part) for part in found["loc"]), _explain(found, known))
                for found in error.errors(include_url=False, include_context=False)
                if not (found["loc"] and found["loc"][0] in unknown)
            ]
        return []

    def _unknown(self, uses: str) -> str:
        near = difflib.get_close_matches(uses, self._actions, n=3, cutoff=0.5)
        provider = uses.split(".", 1)[0]
        near = near or [name for name in self.names() if name.startswith(f"{provider}.")]
        hint = f"did you mean {' or '.join(near)}?" if near else "see `backout actions`."
        return f'there is no action "{uses}": {hint}'


def _explain(found: ErrorDetails, known: tuple[str, ...]) -> str:
    name = str(found["loc"][-1]) if found["loc"] else ""
    if found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known)}."
        return f'there is no input "{name}": {hint}'
    if found["type"] == "missing":
        return f'the input "{name}" is missing'
    return found["msg"].removeprefix("Value error, ")


def discover(package: ModuleType) -> dict[str, Action]:
    """Import every module below the package's folders and make one of each concrete action.

    Raises `DuplicateActionError`.
    """
    found: dict[str, Action] = {}
    for kind in sorted(_concrete(package), key=lambda kind: (kind.uses, kind.__module__)):
        if kind.uses in found:
            other = type(found[kind.uses])
            raise DuplicateActionError(
                f"{kind.uses} is claimed by {other.__module__} and by {kind.__module__}: "
                "rename one of them."
            )
        found[kind.uses] = kind()
    return found


def _concrete(package: ModuleType) -> Iterator[type[Action]]:
    for entry in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if entry.name.count(".") < package.__name__.count(".") + 2:
            continue  # this module and its neighbours hold no actions
        module = importlib.import_module(entry.name)
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ != module.__name__ or not issubclass(kind, Action):
                continue  # a base class, or a value that the module imports
            if hasattr(kind, "uses") and not inspect.isabstract(kind):
                yield kind
