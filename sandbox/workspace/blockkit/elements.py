"""The interactive elements of Block Kit and where each of them may stand."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.workspace.blockkit.shapes import (
    Check,
    Shape,
    anything,
    boolean,
    choice,
    date,
    integer,
    listing,
    string,
    time,
    typed,
    url,
)
from sandbox.workspace.blockkit.texts import (
    CONFIRM,
    OPTION_GROUP,
    OVERFLOW_OPTION,
    PLAIN_OPTION,
    RICH_OPTION,
    initial_is_an_option,
    options_or_groups,
    plain,
)

ACTION_ID = string(255)
PLACEHOLDER = plain(150)
_STYLE = choice("primary", "danger")
_DISPATCH = Shape(
    optional={
        "trigger_actions_on": listing(choice("on_enter_pressed", "on_character_entered"), 1, 2)
    }
)
_FILTER = Shape(
    optional={
        "include": listing(choice("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)


def _element(
    name: str,
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    more: Check = anything,
) -> Shape:
    return Shape(
        required={"type": choice(name), **(required or {})},
        optional={"action_id": ACTION_ID, **(optional or {})},
        more=more,
    )


def _menu(name: str, fields: Mapping[str, Check], more: Check = anything) -> Shape:
    shared: dict[str, Check] = {
        "placeholder": PLACEHOLDER,
        "confirm": CONFIRM,
        "focus_on_load": boolean,
    }
    if name.startswith("multi_"):
        shared["max_selected_items"] = integer(1, 1000)
    return _element(name, optional={**shared, **fields}, more=more)


def _text_input(name: str, extra: Mapping[str, Check] | None = None) -> Shape:
    shared: dict[str, Check] = {
        "initial_value": string(3000, 0),
        "placeholder": PLACEHOLDER,
        "dispatch_action_config": _DISPATCH,
        "focus_on_load": boolean,
    }
    return _element(name, optional={**shared, **(extra or {})})


def _picker(name: str, initial: str, check: Check, extra: Mapping[str, Check]) -> Shape:
    shared: dict[str, Check] = {"confirm": CONFIRM, "focus_on_load": boolean}
    return _element(name, optional={initial: check, **shared, **extra})


_STATIC: dict[str, Check] = {
    "options": listing(PLAIN_OPTION, 1, 100),
    "option_groups": listing(OPTION_GROUP, 1, 100),
}
_URL_RESPONSE: dict[str, Check] = {"response_url_enabled": boolean}
_LABEL: dict[str, Check] = {"accessibility_label": string(75)}

ELEMENTS: dict[str, Shape] = {
    "button": _element(
        "button",
        {"text": plain(75)},
        {"value": string(2000, 0), "url": url(), "style": _STYLE, "confirm": CONFIRM, **_LABEL},
    ),
    "overflow": _element(
        "overflow",
        {"options": listing(OVERFLOW_OPTION, 1, 5)},
        {"confirm": CONFIRM},
        initial_is_an_option,
    ),
    "static_select": _menu(
        "static_select", {**_STATIC, "initial_option": PLAIN_OPTION}, options_or_groups
    ),
    "multi_static_select": _menu(
        "multi_static_select",
        {**_STATIC, "initial_options": listing(PLAIN_OPTION, 1, 100)},
        options_or_groups,
    ),
    "external_select": _menu(
        "external_select",
        {"initial_option": PLAIN_OPTION, "min_query_length": integer(0, 255)},
    ),
    "users_select": _menu("users_select", {"initial_user": string(20)}),
    "multi_users_select": _menu(
        "multi_users_select", {"initial_users": listing(string(20), 1, 1000)}
    ),
    "channels_select": _menu("channels_select", {"initial_channel": string(20), **_URL_RESPONSE}),
    "conversations_select": _menu(
        "conversations_select",
        {
            "initial_conversation": string(20),
            "default_to_current_conversation": boolean,
            "filter": _FILTER,
            **_URL_RESPONSE,
        },
    ),
    "multi_conversations_select": _menu(
        "multi_conversations_select",
        {
            "initial_conversations": listing(string(20), 1, 1000),
            "default_to_current_conversation": boolean,
            "filter": _FILTER,
        },
    ),
    "radio_buttons": _element(
        "radio_buttons",
        {"options": listing(RICH_OPTION, 1, 10)},
        {"initial_option": RICH_OPTION, "confirm": CONFIRM, "focus_on_load": boolean},
        initial_is_an_option,
    ),
    "checkboxes": _element(
        "checkboxes",
        {"options": listing(RICH_OPTION, 1, 10)},
        {
            "initial_options": listing(RICH_OPTION, 1, 10),
            "confirm": CONFIRM,
            "focus_on_load": boolean,
        },
        initial_is_an_option,
    ),
    "plain_text_input": _text_input(
        "plain_text_input",
        {"multiline": boolean, "min_length": integer(0, 3000), "max_length": integer(1, 3000)},
    ),
    "email_text_input": _text_input("email_text_input"),
    "url_text_input": _text_input("url_text_input"),
    "number_input": _element(
        "number_input",
        {"is_decimal_allowed": boolean},
        {
            "initial_value": string(100),
            "min_value": string(100),
            "max_value": string(100),
            "placeholder": PLACEHOLDER,
            "dispatch_action_config": _DISPATCH,
            "focus_on_load": boolean,
        },
    ),
    "datepicker": _picker("datepicker", "initial_date", date, {"placeholder": PLACEHOLDER}),
    "timepicker": _picker(
        "timepicker",
        "initial_time",
        time,
        {"placeholder": PLACEHOLDER, "timezone": string(255)},
    ),
    "datetimepicker": _picker(
        "datetimepicker", "initial_date_time", integer(1_000_000_000, 9_999_999_999), {}
    ),
    "image": Shape(
        required={"type": choice("image"), "alt_text": string(2000)},
        optional={"image_url": url()},
    ),
}

_SINGLE_MENUS = (
    "static_select",
    "external_select",
    "users_select",
    "channels_select",
    "conversations_select",
)
_MULTI_MENUS = ("multi_static_select", "multi_users_select", "multi_conversations_select")
_PICKERS = ("datepicker", "timepicker", "datetimepicker")
_GROUPS = ("radio_buttons", "checkboxes")
_TEXTS = ("plain_text_input", "email_text_input", "url_text_input", "number_input")


def _allowed(what: str, *names: str) -> Check:
    return typed({name: ELEMENTS[name] for name in names}, what)


IN_ACTIONS = _allowed(
    "an actions element", "button", "overflow", *_SINGLE_MENUS, *_PICKERS, *_GROUPS
)
IN_SECTION = _allowed(
    "a section accessory",
    "button",
    "overflow",
    "image",
    *_SINGLE_MENUS,
    *_MULTI_MENUS,
    *_PICKERS,
    *_GROUPS,
)
IN_INPUT = _allowed("an input element", *_TEXTS, *_SINGLE_MENUS, *_MULTI_MENUS, *_PICKERS, *_GROUPS)
