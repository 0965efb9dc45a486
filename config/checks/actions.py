"""One use of an action: it exists, its connection is there, its inputs fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config import templates
from config.checks import scopes
from config.checks.catalogs import ActionCatalog
from config.checks.notes import Notes
from config.checks.scopes import Scope
from config.documents import Trail
from config.places import did_you_mean
from config.templates import TemplateError

# Where an action's connection has another name than its provider.
CONNECTIONS = {"helm": "kubernetes"}
CONDITION, VALUE, BASELINE = "expect", "value", "baseline"
MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A place with `uses` and `with`; `given` are the defaults of a procedure's inputs."""

    file: str
    trail: Trail
    uses: str
    inputs: Mapping[str, Any]
    scope: Scope
    given: Mapping[str, Any] = field(default_factory=dict)


def check_use(notes: Notes, use: Use, actions: ActionCatalog) -> None:
    """Note what is wrong with one use of an action."""
    scopes.check_templates(notes, use.file, (*use.trail, "with"), use.inputs, use.scope)
    if use.uses not in actions.names():
        hint = did_you_mean(use.uses, actions.names())
        notes.add(use.file, (*use.trail, "uses"), f"there is no action `{use.uses}`", hint)
        return
    _check_connection(notes, use)
    _check_conventions(notes, use)
    known, unknown = _resolved(notes, use)
    for path, message in actions.problems(use.uses, known, unknown):
        place = (*use.trail, "with", *_steps(path, use.inputs))
        notes.add(use.file, place, message)


def _check_connection(notes: Notes, use: Use) -> None:
    provider = use.uses.partition(".")[0]
    name = CONNECTIONS.get(provider, provider)
    connections = notes.bundle.system.connections
    if name in type(connections).model_fields and getattr(connections, name) is None:
        message = f"`{use.uses}` needs `connections.{name}` in system.yaml"
        notes.add(use.file, (*use.trail, "uses"), message)


def _check_conventions(notes: Notes, use: Use) -> None:
    """Check what inputs of these names mean in every action."""
    expect, message = use.inputs.get(CONDITION), use.inputs.get(MESSAGE)
    if isinstance(expect, str) and "{{" not in expect:
        known = (VALUE, BASELINE) if BASELINE in use.inputs else (VALUE,)
        scope = Scope(roots=dict.fromkeys(known))
        place = (*use.trail, "with", CONDITION)
        scopes.check_expression(notes, use.file, place, expect, scope)
    if isinstance(message, str) and "{{" not in message:
        place = (*use.trail, "with", MESSAGE)
        notes.must_exist(use.file, place, "message", message, notes.bundle.messages)


def _resolved(notes: Notes, use: Use) -> tuple[dict[str, Any], frozenset[str]]:
    """Fill in what is known before an incident; return that, and the inputs that are not."""
    values = {"system": notes.bundle.system.variables, "inputs": use.given}
    known: dict[str, Any] = {}
    unknown: set[str] = set()
    for name, value in use.inputs.items():
        try:
            known |= templates.render_inputs({name: value}, values)
        except TemplateError:  # reads what only an incident knows, or was complained about
            known[name] = value
            unknown.add(name)
    return known, frozenset(unknown)


def _steps(path: tuple[str, ...], value: Any) -> Trail:
    """Turn an action's own path into one through the file, as far as it leads."""
    trail: list[str | int] = []
    for part in path:
        if isinstance(value, Mapping) and part in value:
            trail.append(part)
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            trail.append(int(part))
            value = value[int(part)]
        else:
            break
    return tuple(trail)
