"""Whole messages, modals and Homes: counts, sizes and ids across blocks."""

from __future__ import annotations

import copy
import json
import secrets
from typing import Any

from sandbox.workspace.blockkit.layout import BLOCK
from sandbox.workspace.blockkit.shapes import (
    Check,
    Problems,
    Shape,
    boolean,
    choice,
    listing,
    string,
)
from sandbox.workspace.blockkit.texts import plain
from sandbox.workspace.values import Json, SlackError

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
# Undocumented: beyond about this much text in its blocks a message is refused.
MESSAGE_TEXT = 13_000
VIEW_BYTES = 250_000

_SHARED: dict[str, Check] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}


def _submit_where_input(view: Any, pointer: str, problems: Problems) -> None:
    kinds = [block.get("type") for block in view.get("blocks") or [] if isinstance(block, dict)]
    if "input" in kinds and not view.get("submit"):
        problems.add("`submit` is required when an input block is present", pointer)


_MODAL = Shape(
    required={
        "type": choice("modal"),
        "title": plain(24),
        "blocks": listing(BLOCK, 0, VIEW_BLOCKS),
    },
    optional={
        **_SHARED,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
    more=_submit_where_input,
)
_HOME = Shape(
    required={"type": choice("home"), "blocks": listing(BLOCK, 0, VIEW_BLOCKS)},
    optional=_SHARED,
)


def check_message(blocks: Any) -> None:
    """Refuse what a message may not hold."""
    problems = Problems()
    listing(BLOCK, 0, MESSAGE_BLOCKS)(blocks, "/blocks", problems)
    if isinstance(blocks, list):
        _unique_block_ids(blocks, problems)
    if problems.messages:
        marked = [f"[ERROR] {message}" for message in problems.messages]
        raise SlackError(
            "invalid_blocks", errors=problems.messages, response_metadata={"messages": marked}
        )
    if _text_length(blocks) > MESSAGE_TEXT:
        raise SlackError("msg_blocks_too_long")


def check_view(view: Any, *, kind: str) -> Json:
    """Refuse what a modal or a Home may not hold; return the view."""
    problems = Problems()
    shape = _MODAL if kind == "modal" else _HOME
    shape(view, "/view", problems)
    if isinstance(view, dict) and isinstance(view.get("blocks"), list):
        _unique_block_ids(view["blocks"], problems)
    if problems.messages or not isinstance(view, dict):
        raise SlackError.arguments(*problems.messages)
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")
    return view


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return a copy in which every block and element has the id that Slack would give it."""
    copied = copy.deepcopy(blocks)
    for block in copied:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        elements = [block.get("accessory"), block.get("element")]
        if block.get("type") == "actions":
            elements += block["elements"]
        for element in elements:
            if isinstance(element, dict) and element.get("type") != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return copied


def _unique_block_ids(blocks: list[Any], problems: Problems) -> None:
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    for twice in sorted({str(one) for one in ids if ids.count(one) > 1}):
        problems.add(f"block_id already exists: {twice}", "/blocks")


def _text_length(value: Any) -> int:
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_text_length(entry) for entry in value.values())
    if isinstance(value, list):
        return sum(_text_length(entry) for entry in value)
    return 0
