"""The rights that a system's procedures and facts need, computed from their inputs.

Called by `backout permissions`.  Asks no service: what is only known during an incident (an
earlier step's output, a fact, an input without a default) counts as "any".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from config import templates
from config.models.bundles import Bundle
from flows.actions import ANY, Action, Permission, Registry


class RightsError(Exception):
    """The rights of a step can't be told.  The message names the step, and what to mend."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place that uses an action: `where` is `service/rollback`, or `facts/availability`."""

    where: str
    uses: str
    inputs: Mapping[str, Any]


def needed(bundle: Bundle, registry: Registry) -> dict[Permission, tuple[str, ...]]:
    """Return every right with the places that need it.  Raises `RightsError`."""
    found: dict[Permission, list[str]] = {}
    for use in _uses(bundle):
        action = registry.find(use.uses)
        for permission in action.permissions(_inputs(action, use), bundle.system):
            found.setdefault(permission, []).append(use.where)
    return {permission: tuple(found[permission]) for permission in sorted(found)}


def _uses(bundle: Bundle) -> Iterator[Use]:
    system = dict(bundle.system.variables)
    for fact in bundle.policy.facts:
        inputs = _known(fact.with_, {"system": system})
        yield Use(where=f"facts/{fact.id}", uses=fact.uses, inputs=inputs)
    for procedure in bundle.procedures.values():
        given = {name: i.default for name, i in procedure.inputs.items() if i.default is not None}
        for step in procedure.steps():
            inputs = _known(step.with_, {"system": system, "inputs": given})
            where = f"{procedure.procedure}/{step.id}"
            yield Use(where=where, uses=step.uses, inputs=inputs)


def _known(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what is known already; the rest is `ANY`."""
    found: dict[str, Any] = {}
    for name, value in inputs.items():
        try:
            found |= templates.render_inputs({name: value}, values)
        except templates.TemplateError:
            found[name] = ANY
    return found


def _inputs(action: Action, use: Use) -> Any:
    """Return the action's inputs; what is not known is `ANY`, in the shape of the example's."""
    unknown = {name for name, value in use.inputs.items() if value == ANY}
    stand_in = {name: found for name in unknown if (found := _example(action, name)) is not None}
    known = {name: value for name, value in use.inputs.items() if name not in unknown}
    try:
        inputs = action.Inputs.model_validate(known | stand_in)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise RightsError(f"{use.where} ({use.uses}): {place}: {problem['msg']}") from error
    return inputs.model_copy(update={name: _any_like(stand_in.get(name)) for name in unknown})


def _example(action: Action, name: str) -> Any:
    """Return a value that an input takes: the action's example's, or the input's own."""
    if name in action.example:
        return action.example[name]
    field = action.Inputs.model_fields.get(name)
    return field.examples[0] if field is not None and field.examples else None


def _any_like(value: Any) -> Any:
    match value:
        case list() | tuple():
            return (ANY,)
        case Mapping():
            return {ANY: ANY}
        case _:
            return ANY
