"""The registry as Markdown: what `backout actions --markdown` prints and `docs/` carries.

Generated from the classes themselves, so that the reference can't disagree with the code.
"""

import inspect
import json
from collections.abc import Iterable, Iterator

from config.models.base import Model
from flows.actions import Action, Effect

EFFECTS = {
    Effect.READS: "reads",
    Effect.CHANGES: "changes",
    Effect.INTERRUPTS: "interrupts service",
    Effect.DESTROYS: "destroys data or credentials",
}


def markdown(actions: Iterable[Action]) -> str:
    """Return the reference, one section an action, headed by a table of all."""
    every = list(actions)
    parts = ["# Actions", "", *_table(every)]
    for action in every:
        parts += ["", *_section(action)]
    return "\n".join(parts) + "\n"


def _table(actions: list[Action]) -> Iterator[str]:
    yield "| action | effect | can be undone | what it does |"
    yield "|---|---|---|---|"
    for action in actions:
        link = f"[`{action.uses}`](#{action.uses.replace('.', '')})"
        yield f"| {link} | {EFFECTS[action.effect]} | {_undo(action)} | {summary(action)} |"


def summary(action: Action) -> str:
    """Return the first sentence of an action's docstring."""
    return inspect.cleandoc(type(action).__doc__ or "").partition("\n")[0]


def _undo(action: Action) -> str:
    if action.effect is Effect.READS:
        return "–"
    return "yes" if action.undoable else "no"


def _section(action: Action) -> Iterator[str]:
    yield f"## {action.uses}"
    yield ""
    yield inspect.cleandoc(type(action).__doc__ or "")
    yield ""
    yield from _fields("Input", action.Inputs)
    yield ""
    yield from _fields("Output", action.Output)
    yield ""
    yield "```yaml"
    yield f"uses: {action.uses}"
    yield "with:"
    yield from (f"  {key}: {json.dumps(value)}" for key, value in action.example.items())
    yield "```"


def _fields(head: str, model: type[Model]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    with_defaults = head == "Input"
    yield f"| {head} | Type |{' Default |' if with_defaults else ''} Meaning |"
    yield f"|---|---|{'---|' if with_defaults else ''}---|"
    for name, each in schema.get("properties", {}).items():
        default = "required" if name in required else f"`{json.dumps(each.get('default'))}`"
        meaning = str(each.get("description", "")).replace("|", "\\|")
        told = f" {default} |" if with_defaults else ""
        yield f"| `{name}` | {_type(each)} |{told} {meaning} |"


def _type(schema: dict[str, object]) -> str:
    if "enum" in schema and isinstance(schema["enum"], list):
        return " / ".join(f"`{each}`" for each in schema["enum"])
    if isinstance(schema.get("anyOf"), list):
        options = schema["anyOf"]
        assert isinstance(options, list)
        return " / ".join(_type(each) for each in options)
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        items = schema["items"]
        assert isinstance(items, dict)
        return f"list of {_type(items)}"
    return str(schema.get("type", "object" if "$ref" in schema else "any"))
