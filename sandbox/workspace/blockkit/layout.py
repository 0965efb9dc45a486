"""The layout blocks of Block Kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.workspace.blockkit.elements import ELEMENTS, IN_ACTIONS, IN_INPUT, IN_SECTION
from sandbox.workspace.blockkit.shapes import (
    Check,
    Problems,
    Shape,
    anything,
    boolean,
    choice,
    integer,
    listing,
    string,
    typed,
    url,
)
from sandbox.workspace.blockkit.texts import plain, rich

BLOCK_ID = string(255)


def _block(
    name: str,
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    more: Check = anything,
) -> Shape:
    return Shape(
        required={"type": choice(name), **(required or {})},
        optional={"block_id": BLOCK_ID, **(optional or {})},
        more=more,
    )


def _text_or_fields(block: Any, pointer: str, problems: Problems) -> None:
    if not block.get("text") and not block.get("fields"):
        problems.add("must have text or fields", pointer)


def _unique_action_ids(block: Any, pointer: str, problems: Problems) -> None:
    ids = [
        str(element["action_id"])
        for element in block.get("elements") or []
        if isinstance(element, dict) and element.get("action_id")
    ]
    for twice in sorted({one for one in ids if ids.count(one) > 1}):
        problems.add(f"action_id already exists: {twice}", f"{pointer}/elements")


_STYLE = Shape(
    optional=dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean),
)
_RICH_LEAVES: dict[str, Check] = {
    "text": Shape(
        required={"type": choice("text"), "text": string(4000)}, optional={"style": _STYLE}
    ),
    "link": Shape(
        required={"type": choice("link"), "url": url()},
        optional={"text": string(4000), "style": _STYLE, "unsafe": boolean},
    ),
    "emoji": Shape(
        required={"type": choice("emoji"), "name": string(100)},
        optional={"unicode": string(50), "skin_tone": integer(1, 6), "style": _STYLE},
    ),
    "user": Shape(
        required={"type": choice("user"), "user_id": string(20)}, optional={"style": _STYLE}
    ),
    "usergroup": Shape(
        required={"type": choice("usergroup"), "usergroup_id": string(20)},
        optional={"style": _STYLE},
    ),
    "channel": Shape(
        required={"type": choice("channel"), "channel_id": string(20)},
        optional={"style": _STYLE},
    ),
    "broadcast": Shape(
        required={"type": choice("broadcast"), "range": choice("here", "channel", "everyone")},
        optional={"style": _STYLE},
    ),
    "date": Shape(
        required={
            "type": choice("date"),
            "timestamp": integer(0, 9_999_999_999),
            "format": string(255),
        },
        optional={"fallback": string(255), "url": url(), "style": _STYLE},
    ),
}
_LEAVES = listing(typed(_RICH_LEAVES, "a rich text element"), 0, 1000)
_BORDER: dict[str, Check] = {"border": integer(0, 1)}
_SECTION = Shape(required={"type": choice("rich_text_section"), "elements": _LEAVES})
_RICH_GROUPS: dict[str, Check] = {
    "rich_text_section": _SECTION,
    "rich_text_preformatted": Shape(
        required={"type": choice("rich_text_preformatted"), "elements": _LEAVES},
        optional=_BORDER,
    ),
    "rich_text_quote": Shape(
        required={"type": choice("rich_text_quote"), "elements": _LEAVES}, optional=_BORDER
    ),
    "rich_text_list": Shape(
        required={
            "type": choice("rich_text_list"),
            "style": choice("bullet", "ordered"),
            "elements": listing(_SECTION, 1, 1000),
        },
        optional={"indent": integer(0, 8), "offset": integer(0, 1000), **_BORDER},
    ),
}


def _in_context(value: Any, pointer: str, problems: Problems) -> None:
    if isinstance(value, dict) and value.get("type") == "image":
        ELEMENTS["image"](value, pointer, problems)
    else:
        rich(3000)(value, pointer, problems)


BLOCKS: dict[str, Check] = {
    "section": _block(
        "section",
        optional={
            "text": rich(3000),
            "fields": listing(rich(2000), 1, 10),
            "accessory": IN_SECTION,
            "expand": boolean,
        },
        more=_text_or_fields,
    ),
    "header": _block("header", {"text": plain(150)}),
    "divider": _block("divider"),
    "image": _block(
        "image", {"image_url": url(), "alt_text": string(2000)}, {"title": plain(2000)}
    ),
    "context": _block("context", {"elements": listing(_in_context, 1, 10)}),
    "actions": _block("actions", {"elements": listing(IN_ACTIONS, 1, 25)}, more=_unique_action_ids),
    "input": _block(
        "input",
        {"label": plain(2000), "element": IN_INPUT},
        {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": _block(
        "rich_text", {"elements": listing(typed(_RICH_GROUPS, "a rich text block"), 0, 500)}
    ),
    "markdown": _block("markdown", {"text": string(12_000)}),
}
BLOCK = typed(BLOCKS, "a block")
