"""Block Kit's parts, each cut to its limit so that nothing that is built here is refused.

`verbatim` keeps Slack from turning plain text (`@channel` in somebody's reason) into mentions.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.views import limits
from bot.wording.texts import cut, fit

Block = dict[str, Any]
Element = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The pinned message: `text` for notifications, `blocks` for the screen."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A new message; in the card's thread where `thread` says so."""

    text: str
    blocks: list[Block]
    thread: bool = False


def plain(text: str, limit: int) -> Element:
    """Return a plain_text object."""
    return {"type": "plain_text", "text": cut(text.strip() or "–", limit), "emoji": False}


def mrkdwn(text: str, limit: int) -> Element:
    """Return a mrkdwn object.  The text is escaped already."""
    return {"type": "mrkdwn", "text": cut(text.strip() or "–", limit), "verbatim": True}


def section(text: str, accessory: Element | None = None) -> Block:
    """Return a section."""
    block: Block = {"type": "section", "text": mrkdwn(text, limits.SECTION)}
    return {**block, "accessory": accessory} if accessory else block


def lines(texts: Sequence[str], limit: int = limits.SECTION, more: str = "{} more") -> list[Block]:
    """Return a section of lines, or nothing where there are none."""
    shown = [text for text in texts if text]
    return [section(fit(shown, limit, more))] if shown else []


def context(*texts: str) -> Block:
    """Return small print."""
    shown = [mrkdwn(text, limits.CONTEXT) for text in texts if text]
    return {"type": "context", "elements": shown or [mrkdwn("–", limits.CONTEXT)]}


def header(text: str) -> Block:
    """Return a headline; plain text, not escaped."""
    return {"type": "header", "text": plain(text, limits.HEADER)}


def divider() -> Block:
    """Return a line."""
    return {"type": "divider"}


def actions(elements: Sequence[Element | None], block_id: str | None = None) -> list[Block]:
    """Return a row of buttons, or nothing where there are none."""
    shown = [element for element in elements if element]
    if not shown:
        return []
    block: Block = {"type": "actions", "elements": shown[:25]}
    return [{**block, "block_id": block_id[: limits.ACTION_ID]} if block_id else block]


def confirm(*, title: str, text: str, yes: str, no: str, danger: bool = False) -> Element:
    """Return a dialog that asks once more, in words that name what is lost."""
    dialog: Element = {
        "title": plain(title, limits.CONFIRM_TITLE),
        "text": plain(text, limits.CONFIRM_TEXT),
        "confirm": plain(yes, limits.CONFIRM_BUTTON),
        "deny": plain(no, limits.CONFIRM_BUTTON),
    }
    return {**dialog, "style": "danger"} if danger else dialog


def text_input(  # noqa: PLR0913  # a field's properties, by name
    *,
    name: str,
    label: str,
    placeholder: str,
    optional: bool = False,
    initial: str = "",
    most: int = limits.INPUT_TEXT,
    multiline: bool = True,
) -> Block:
    """Return a field for text, of several lines unless told otherwise."""
    element: Element = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": multiline,
        "max_length": most,
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
        **({"initial_value": cut(initial, most)} if initial else {}),
    }
    return _input(name, label, element, optional)


def select_input(
    *,
    name: str,
    label: str,
    options: Sequence[tuple[str, str]],
    placeholder: str,
    initial: str | None = None,
    optional: bool = False,
) -> Block:
    """Return a field to choose one of (value, text)."""
    shown = [option(value, text) for value, text in options][: limits.SELECT_OPTIONS]
    chosen = next((one for one in shown if one["value"] == initial), None)
    element: Element = {
        "type": "static_select",
        "action_id": name,
        "placeholder": plain(placeholder, limits.PLACEHOLDER),
        "options": shown,
        **({"initial_option": chosen} if chosen else {}),
    }
    return _input(name, label, element, optional)


def option(value: str, text: str) -> Element:
    """Return one choice."""
    return {"text": plain(text, limits.OPTION_TEXT), "value": value[: limits.OPTION_VALUE]}


def _input(name: str, label: str, element: Element, optional: bool) -> Block:
    return {
        "type": "input",
        "block_id": name[: limits.ACTION_ID],
        "label": plain(label, limits.INPUT_LABEL),
        "element": element,
        "optional": optional,
    }


def modal(
    *,
    title: str,
    blocks: Sequence[Block],
    callback: str,
    metadata: str = "",
    submit: str | None = None,
    close: str = "Close",
) -> dict[str, Any]:
    """Return a modal; what is over the limit of blocks is left off with a note."""
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": callback[: limits.ACTION_ID],
        "private_metadata": metadata,
        "title": plain(title, limits.MODAL_TITLE),
        "close": plain(close, limits.MODAL_BUTTON),
        "blocks": within_bytes(capped(blocks, limits.VIEW_BLOCKS)),
    }
    return {**view, "submit": plain(submit, limits.MODAL_BUTTON)} if submit else view


def within_bytes(blocks: list[Block]) -> list[Block]:
    """Return the blocks that a view has room for, as they are sent (ASCII, escaped)."""
    sizes = [len(json.dumps(block)) for block in blocks]
    kept = len(blocks)
    while kept > 1 and sum(sizes[:kept]) > limits.VIEW_BYTES:
        kept -= 1
    return capped(blocks, kept) if kept < len(blocks) else blocks


def capped(blocks: Sequence[Block], limit: int) -> list[Block]:
    """Return at most `limit` blocks, the last one saying what was left off."""
    if len(blocks) <= limit:
        return list(blocks)
    rest = len(blocks) - limit + 1
    return [*blocks[: limit - 1], context(f"… {rest} more parts do not fit in here.")]
