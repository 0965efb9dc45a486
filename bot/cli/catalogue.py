"""`backout actions`, `schemas`, `diagram` and `version`: what Backout is made of, generated."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import plural, print_json, print_table, say

if TYPE_CHECKING:
    from config.models.base import Model
    from flows.actions import Action

DIAGRAM_START = "<!-- diagram: written by `backout diagram --write`, compared by a test -->"
DIAGRAM_END = "<!-- end of diagram -->"
EFFECTS = {
    "reads": "only looks",
    "changes": "changes something that users don't notice",
    "interrupts": "users notice an interruption",
    "destroys": "data or credentials are lost",
}


def version() -> ExitCode:
    """Print the version."""
    from importlib.metadata import version as installed

    say(f"backout {installed('backout')}")
    return ExitCode.OK


# --- actions -------------------------------------------------------------------------------------


def actions(name: str | None, *, markdown: bool, as_json: bool) -> ExitCode:
    """List all actions, or show one."""
    from adapters import reference
    from adapters.registry import ActionRegistry

    registry = ActionRegistry()
    chosen = (registry.find(name),) if name else registry.all()
    if as_json:
        entries = [describe(action) for action in chosen]
        print_json(entries[0] if name else entries)
    elif markdown:
        say(reference.markdown(chosen).rstrip())
    elif name:
        _print_action(chosen[0])
    else:
        _print_actions(chosen)
    return ExitCode.OK


def describe(action: "Action") -> dict[str, Any]:
    """Return what there is to know about an action, as plain values."""
    return {
        "uses": action.uses,
        "effect": str(action.effect),
        "undoable": action.undoable,
        "idempotent": action.idempotent,
        "about": _about(action),
        "inputs": fields_of(action.Inputs),
        "output": fields_of(action.Output),
        "example": dict(action.example),
    }


def fields_of(model: "type[Model]") -> list[dict[str, Any]]:
    """Return a model's fields: name, type, required, default, about."""
    schema = model.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "type": _type(part, schema),
            "required": name in required,
            "default": part.get("default"),
            "about": part.get("description", ""),
        }
        for name, part in schema.get("properties", {}).items()
    ]


def _type(part: Mapping[str, Any], top: Mapping[str, Any]) -> str:
    """Write a JSON Schema type in a word or two."""
    if "$ref" in part:
        return _type(top["$defs"][part["$ref"].rpartition("/")[2]], top)
    if choices := part.get("anyOf") or part.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(each, top) for each in choices))
    if "enum" in part or "const" in part:
        return " or ".join(str(each) for each in part.get("enum", [part.get("const")]))
    if part.get("type") == "array":
        inner = part.get("items")
        return f"list of {_type(inner, top)}" if inner else "list"
    words = {"object": "mapping", "string": "text", "null": "nothing", "boolean": "true or false"}
    kind = str(part.get("type", "anything"))
    return words.get(kind, kind)


def _about(action: "Action") -> str:
    return inspect.cleandoc(type(action).__doc__ or "")


def _print_actions(chosen: "tuple[Action, ...]") -> None:
    from adapters import reference

    rows = [
        (
            action.uses,
            str(action.effect),
            "yes" if action.undoable else "-",
            reference.summary(action),
        )
        for action in chosen
    ]
    print_table(("action", "effect", "undo", "what it does"), rows)
    say(f"\n{plural(len(chosen), 'action')}. `backout actions NAME` shows one in full.")


def _print_action(action: "Action") -> None:
    undo = "can be undone" if action.undoable else "can't be undone"
    undo = "nothing to undo" if action.effect == "reads" else undo
    say(f"{action.uses}   {action.effect}: {EFFECTS[action.effect]}; {undo}\n")
    say(f"{_about(action)}\n")
    for title, model in (("Inputs", action.Inputs), ("Output", action.Output)):
        say(title)
        for field in fields_of(model) or ():
            say(f"  {field['name']}: {_field_note(field, with_need=title == 'Inputs')}")
        if not model.model_fields:
            say("  none")
        say()
    say("Example")
    say("\n".join(f"  {line}" for line in example_of(action).splitlines()))


def _field_note(field: Mapping[str, Any], *, with_need: bool) -> str:
    need = ""
    if with_need and field["required"]:
        need = ", required"
    elif with_need and field["default"] not in (None, "", [], {}):
        need = f", {json.dumps(field['default'], ensure_ascii=False)} by default"
    about = f" - {field['about']}" if field["about"] else ""
    return f"{field['type']}{need}{about}"


def example_of(action: "Action") -> str:
    """Write the example as a step of a procedure; flow style is YAML, too."""
    lines = [f"uses: {action.uses}"]
    if action.example:
        pairs = (f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in action.example.items())
        lines.append(f"with: {{{', '.join(pairs)}}}")
    return "\n".join(lines)


# --- schemas and diagram -------------------------------------------------------------------------


def schemas(write: Path | None) -> ExitCode:
    """Print the JSON Schemas, or write one file a kind."""
    from config import schemas as ours

    if write is None:
        print_json({kind: ours.schema(kind) for kind in ours.KINDS})
    else:
        ours.write_all(write)
        say(f"wrote {plural(len(ours.KINDS), 'schema')} to {write}")
    return ExitCode.OK


def diagram(write: Path | None) -> ExitCode:
    """Print the state diagram, or put it between the markers of a file."""
    from flows.table import mermaid

    if write is None:
        say(mermaid().rstrip())
        return ExitCode.OK
    before = write.read_text(encoding="utf-8")
    after = with_diagram(before, mermaid())
    if after is None:
        message = f"{write} has no place for it: two lines,\n{DIAGRAM_START}\n{DIAGRAM_END}"
        raise CommandError(message)
    if after != before:
        write.write_text(after, encoding="utf-8")
    say(f"{write}: {'the diagram was the same' if after == before else 'wrote the diagram'}")
    return ExitCode.OK


def with_diagram(text: str, mermaid: str) -> str | None:
    """Return a Markdown text with its diagram replaced, or None where it has no markers."""
    head, start, rest = text.partition(DIAGRAM_START)
    _, end, tail = rest.partition(DIAGRAM_END)
    if not start or not end:
        return None
    return f"{head}{start}\n```mermaid\n{mermaid.rstrip()}\n```\n{end}{tail}"
