"""Which names a text may read where it stands, and whether it can be parsed at all.

Every template and every expression of a system goes through here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config import expressions, templates
from config.checks.notes import Notes
from config.documents import Trail
from config.expressions import ExpressionError
from config.places import did_you_mean
from config.references import Reference
from config.templates import TemplateError

# What `flows` puts under `incident`.
INCIDENT = frozenset(
    {
        "id",
        "reason",
        "severity",
        "system",
        "declared_by",
        "declared_at",
        "channel",
        "channel_name",
    }
)
KINDS = {
    "facts": "fact",
    "inputs": "input",
    "steps": "step",
    "system": "variable",
    "incident": "value of an incident",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The names that can be read: by root the names below it, None where anything goes.

    `later` are steps that exist and are not done yet; `outputs` are the fields that steps give.
    """

    roots: Mapping[str, frozenset[str] | None]
    later: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def objection(self, reference: Reference) -> tuple[str, str] | None:
        """Return why a name can't be read here, and a hint."""
        root, *rest = reference.path
        if root not in self.roots:
            return f"`{root}` is not known here", did_you_mean(root, self.roots)
        known = self.roots[root]
        if not rest or known is None:
            return None
        if root == "steps" and rest[0] in self.later:
            return f"the step `{rest[0]}` {self.later[rest[0]]}", "read a step of an earlier stage"
        if rest[0] not in known:
            return f"there is no {KINDS[root]} `{rest[0]}`", did_you_mean(rest[0], known)
        fields = self.outputs.get(rest[0]) if root == "steps" else None
        if fields and len(rest) > 1 and rest[1] not in fields:
            return f"`{rest[0]}` gives no `{rest[1]}`", did_you_mean(rest[1], fields)
        return None


def base(notes: Notes) -> dict[str, frozenset[str] | None]:
    """Return what can be read everywhere."""
    return {"system": frozenset(notes.bundle.system.variables), "incident": INCIDENT}


def facts(notes: Notes) -> frozenset[str]:
    """Return the names of facts: what is looked up, and what people answer."""
    policy = notes.bundle.policy
    return frozenset({fact.id for fact in policy.facts} | {q.id for q in policy.questions})


def check_expression(notes: Notes, file: str, trail: Trail, text: str, scope: Scope) -> None:
    """Note what is wrong with a CEL expression."""
    note = _noting(notes, file, trail)
    try:
        compiled = expressions.compile_expression(text)
    except ExpressionError as error:
        note(error.offset, error.message, "")
        return
    _check_references(compiled.references, scope, note)


def check_template(notes: Notes, file: str, trail: Trail, text: str, scope: Scope) -> None:
    """Note what is wrong with a template."""
    _check_template(text, scope, _noting(notes, file, trail))


def check_message(notes: Notes, name: str, scope: Scope) -> None:
    """Note what is wrong with a message template."""
    text = notes.bundle.messages[name]

    def note(offset: int, message: str, hint: str) -> None:
        notes.in_message(name, text, offset, message, hint)

    _check_template(text, scope, note)


def check_templates(notes: Notes, file: str, trail: Trail, value: Any, scope: Scope) -> None:
    """Note what is wrong with the templates anywhere in a value."""
    match value:
        case str():
            check_template(notes, file, trail, value, scope)
        case Mapping():
            for key, item in value.items():
                check_templates(notes, file, (*trail, key), item, scope)
        case list() | tuple():
            for index, item in enumerate(value):
                check_templates(notes, file, (*trail, index), item, scope)
        case _:
            pass


Note = Callable[[int, str, str], None]


def _noting(notes: Notes, file: str, trail: Trail) -> Note:
    def note(offset: int, message: str, hint: str) -> None:
        notes.inside(file, trail, offset, message, hint)

    return note


def _check_template(text: str, scope: Scope, note: Note) -> None:
    if "{" not in text:
        return
    try:
        compiled = templates.compile_template(text)
    except TemplateError as error:
        note(error.offset, error.message, "")
        return
    _check_references(compiled.references, scope, note)


def _check_references(references: Iterable[Reference], scope: Scope, note: Note) -> None:
    for reference in references:
        if objection := scope.objection(reference):
            note(reference.offset, *objection)
