"""What controls carry comes back as it was sent, and nothing else is taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import limits
from bot.views.controls import (
    ACTION,
    Act,
    Control,
    ControlError,
    action_id,
    button,
    menu,
    parse,
    read,
)
from bot.views.forms import QUESTION, errors, read_form

IDS = st.from_regex(r"[a-z][a-z0-9_-]{0,59}", fullmatch=True)
CONTROLS = st.builds(
    lambda **given: Control(**given),  # noqa: PLW0108 builds() would add aliases
    act=st.sampled_from(Act),
    incident=st.from_regex(r"INC-[1-9][0-9]{0,5}", fullmatch=True),
    scope=st.none() | IDS,
    digest=st.none() | st.from_regex(r"[0-9a-f]{8,64}", fullmatch=True),
    answer=st.none() | st.booleans(),
    origin=st.none() | st.just("C0123"),
)


@given(CONTROLS)
def test_a_control_comes_back_as_it_was_sent(control: Control) -> None:
    """A button carries everything that is needed to act on it."""
    element = button(control, "Press")
    assert read(element) == control
    assert len(element["value"]) <= limits.VALUE
    assert ACTION.match(element["action_id"])


@given(CONTROLS)
def test_a_menu_entry_comes_back_as_it_was_sent(control: Control) -> None:
    """A menu entry carries the same, within the smaller limit of menus, or is left out."""
    element = menu([(control, "Choose")], control.incident)
    if element is None:
        assert len(control.dump()) > limits.OPTION_VALUE
    else:
        assert read({"selected_option": element["options"][0]}) == control


@given(CONTROLS, CONTROLS)
def test_different_controls_of_one_message_have_different_ids(one: Control, two: Control) -> None:
    """No two controls of a message share an id, unless they ask for the same."""
    told = [(c.act, c.incident, c.scope, c.answer) for c in (one, two)]
    assert (action_id(one) == action_id(two)) == (told[0] == told[1])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"v":"approve","i":"INC-7","x":1}',
        '{"v":"destroy","i":"INC-7"}',
        '{"v":"approve","i":"INC-7","d":"not hex"}',
        '{"v":"approve","i":7}',
        json.dumps({"v": "approve", "i": "x" * 5000}),
        "[" * 100_000,
    ],
)
def test_what_is_none_of_ours_is_refused(value: str) -> None:
    """Unknown keys, acts and shapes are refused, never guessed at."""
    with pytest.raises(ControlError):
        parse(value)


@pytest.mark.parametrize("action", [{}, {"value": None}, {"selected_option": {}}, {"value": 7}])
def test_a_control_without_a_value_is_refused(action: dict[str, object]) -> None:
    """An action that carries nothing is refused."""
    with pytest.raises(ControlError):
        read(action)


def test_a_form_is_read_as_it_was_filled_in() -> None:
    """Reason, system and the answered questions come out; open ones stay open."""
    control = Control(act=Act.DECLARE, origin="C0123")

    def chosen(value: str) -> dict[str, object]:
        return {"x": {"type": "static_select", "selected_option": {"value": value}}}

    view = {
        "private_metadata": control.dump(),
        "state": {
            "values": {
                "reason": {"reason": {"type": "plain_text_input", "value": " 5xx & more "}},
                "system": chosen("aivo"),
                f"{QUESTION}security": chosen("yes"),
                f"{QUESTION}data": {"x": {"type": "static_select", "selected_option": None}},
            }
        },
    }
    form = read_form(view)
    assert form.control == control
    assert (form.reason, form.system) == ("5xx & more", "aivo")
    assert form.answers == {"security": True}


@pytest.mark.parametrize(
    "view", [{}, {"private_metadata": "x"}, {"private_metadata": '{"v":"deny"}'}]
)
def test_a_form_that_is_none_of_ours_is_refused(view: dict[str, object]) -> None:
    """A view without our metadata or without values is refused."""
    with pytest.raises(ControlError):
        read_form(view)


def test_a_form_can_be_sent_back_with_what_is_wrong() -> None:
    """The answer that keeps a form open names the field."""
    assert errors("Say why.") == {
        "response_action": "errors",
        "errors": {"reason": "Say why."},
    }
