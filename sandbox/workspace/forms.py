"""The state of input elements: initial values, what people choose, what is still missing.

Used by the views methods, by clicks and submissions, and mirrored by the browser page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.workspace.blockkit.texts import all_options
from sandbox.workspace.values import Json, SlackError

# Element type: the key of its value in the state, and the key of its initial value.
KEYS = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_OPTION_KEYS = {"selected_option", "selected_options"}
REQUIRED = "Please complete this required field."


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield every element of the blocks with the block that holds it."""
    for block in blocks:
        held = block.get("elements") if block.get("type") == "actions" else None
        for element in [*(held or []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and element.get("type") != "image":
                yield block, element


def initial(blocks: list[Json]) -> Json:
    """Return the state of freshly shown blocks."""
    state: Json = {}
    for block, element in elements(blocks):
        if element["type"] in KEYS:
            key, initial_key = KEYS[element["type"]]
            value = element.get(initial_key)
            if value is None and key.endswith("s"):
                value = []
            entry = {"type": element["type"], key: value}
            state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return state


def carried(old: Json, new: Json) -> Json:
    """Keep what was entered where block id, action id and type are the same."""
    return {
        block_id: {
            action_id: _kept(old.get(block_id, {}).get(action_id), entry)
            for action_id, entry in entries.items()
        }
        for block_id, entries in new.items()
    }


def chosen(element: Json, given: Any) -> Json:
    """Return the state of an element after a person chose or typed something."""
    key, _ = KEYS[element["type"]]
    if key not in _OPTION_KEYS:
        return {"type": element["type"], key: given}
    wanted = given if isinstance(given, list) else [given]
    found = [_option(element, value) for value in wanted if value is not None]
    return {
        "type": element["type"],
        key: found if key == "selected_options" else (found[0] if found else None),
    }


def fill(blocks: list[Json], state: Json, values: Json) -> Json:
    """Return the state with a person's values put in.

    `values` maps a block id to {action id: value}, or straight to the value, or maps an action
    id to the value; options are named by their `value`.
    """
    filled: Json = {block_id: dict(entries) for block_id, entries in state.items()}
    unused = set(values)
    for block, element in elements(blocks):
        if element["type"] not in KEYS:
            continue
        block_id, action_id = block["block_id"], element["action_id"]
        for name in (block_id, action_id):
            if name not in values:
                continue
            unused.discard(name)
            given = values[name]
            if isinstance(given, dict) and action_id in given:
                given = given[action_id]
            elif isinstance(given, dict):
                continue
            filled.setdefault(block_id, {})[action_id] = chosen(element, given)
            break
    if unused:
        raise SlackError("no_such_input", unknown=sorted(unused), known=sorted(state))
    return filled


def missing(blocks: list[Json], state: Json) -> dict[str, str]:
    """Return what Slack's own client refuses before it sends a submission."""
    errors = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        key, _ = KEYS[element["type"]]
        value = state.get(block["block_id"], {}).get(element["action_id"], {}).get(key)
        if value in (None, "", []):
            if not block.get("optional"):
                errors[block["block_id"]] = REQUIRED
        elif isinstance(value, str) and len(value) < element.get("min_length", 0):
            errors[block["block_id"]] = f"Use at least {element['min_length']} characters."
        elif isinstance(value, str) and len(value) > element.get("max_length", 3000):
            errors[block["block_id"]] = (
                f"Use {element.get('max_length', 3000)} characters or fewer."
            )
    return errors


def _kept(old: Json | None, new: Json) -> Json:
    return old if old is not None and old["type"] == new["type"] else new


def _option(element: Json, value: Any) -> Json:
    for option in all_options(element):
        if option["value"] == value:
            return dict(option)
    raise SlackError("no_such_option", known=[one["value"] for one in all_options(element)])
