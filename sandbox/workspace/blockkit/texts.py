"""Text objects, options and confirmation dialogs: the parts that elements share."""

from __future__ import annotations

from typing import Any

from sandbox.workspace.blockkit.shapes import (
    Check,
    Problems,
    Shape,
    boolean,
    choice,
    listing,
    string,
    url,
)


def plain(highest: int, lowest: int = 1) -> Check:
    """A plain_text object."""
    return Shape(
        required={"type": choice("plain_text"), "text": string(highest, lowest)},
        optional={"emoji": boolean},
    )


def rich(highest: int, lowest: int = 1) -> Check:
    """A mrkdwn or plain_text object."""
    mrkdwn = Shape(
        required={"type": choice("mrkdwn"), "text": string(highest, lowest)},
        optional={"verbatim": boolean},
    )

    def check(value: Any, pointer: str, problems: Problems) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "mrkdwn":
            mrkdwn(value, pointer, problems)
        else:
            plain(highest, lowest)(value, pointer, problems)

    return check


def option(text: Check, *, with_url: bool = False) -> Check:
    """One option of a select, radio or checkbox group, or overflow menu."""
    optional: dict[str, Check] = {"description": rich(75)}
    if with_url:
        optional["url"] = url()
    return Shape(required={"text": text, "value": string(150)}, optional=optional)


PLAIN_OPTION = option(plain(75))
RICH_OPTION = option(rich(75))
OVERFLOW_OPTION = option(plain(75), with_url=True)
OPTION_GROUP = Shape(
    required={"label": plain(75), "options": listing(PLAIN_OPTION, 1, 100)},
)
CONFIRM = Shape(
    required={"title": plain(100), "text": rich(300), "confirm": plain(30), "deny": plain(30)},
    optional={"style": choice("primary", "danger")},
)


def all_options(element: Any) -> list[Any]:
    """Return the options of a select, those in groups included."""
    found = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        found += group.get("options") or [] if isinstance(group, dict) else []
    return found


def initial_is_an_option(element: Any, pointer: str, problems: Problems) -> None:
    """Refuse an initial option that is not among the options, and doubled values."""
    options = [_identity(one) for one in all_options(element)]
    if len(options) != len({value for _, value in options}):
        problems.add("option values must be unique", f"{pointer}/options")
    given = element.get("initial_options") or []
    given = [*given, element["initial_option"]] if element.get("initial_option") else given
    if any(_identity(one) not in options for one in given):
        problems.add("initial option must be one of the options", pointer)


def options_or_groups(element: Any, pointer: str, problems: Problems) -> None:
    """Demand either options or option groups, not both."""
    if bool(element.get("options")) == bool(element.get("option_groups")):
        problems.add("exactly one of options, option_groups is required", pointer)
    initial_is_an_option(element, pointer, problems)


def _identity(entry: Any) -> tuple[str, str]:
    if not isinstance(entry, dict):
        return ("", repr(entry))
    text = entry.get("text")
    shown = str(text.get("text")) if isinstance(text, dict) else ""
    return (shown, str(entry.get("value")))
