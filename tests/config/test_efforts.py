"""A few characters of configuration can't hang the bot, nor take its memory."""

import pytest

from config import efforts
from config.expressions import ExpressionError, compile_expression, evaluate
from config.templates import TemplateError, render, render_value

TOO_MUCH = r"too much work|too large"
TEN = "[1,2,3,4,5,6,7,8,9,10]"
VALUES = {"steps": {"many": list(range(100)), "text": "x" * 100}}


def nested(depth: int) -> str:
    """Return loops within loops."""
    text = "true"
    for number in range(depth):
        text = f"{TEN}.all(x{number}, {text})"
    return text


@pytest.mark.parametrize(
    "text",
    [
        nested(7),
        '["aaaaaaaaaa"]' + ".map(a, a+a+a+a+a+a+a+a)" * 12,
        '["a"]' + ".map(x,[x,x,x,x,x,x,x,x])" * 9,
        '["a"]'
        + ".map(x,[x,x,x,x,x,x,x,x])" * 9
        + "=="
        + '["a"]'
        + ".map(x,[x,x,x,x,x,x,x,x])" * 9,
        "facts.many.map(a, facts.many.map(b, facts.many.map(c, 1)))",
    ],
    ids=["loops", "texts", "lists", "comparison", "lists of lists"],
)
def test_an_expression_that_works_too_much_is_refused(text: str) -> None:
    """It is stopped by what it does, not by a clock."""
    with pytest.raises(ExpressionError, match=TOO_MUCH):
        evaluate(compile_expression(text), {"facts": {"many": list(range(1_000))}})


def test_an_expression_over_a_thousand_pods_is_fine() -> None:
    """What an estate really has is far within the limits."""
    pods = [{"name": f"pod-{number}", "ready": number % 7 > 0} for number in range(1_000)]
    text = "facts.pods.filter(p, !p.ready).map(p, p.name).size() < 150"
    assert evaluate(compile_expression(text), {"facts": {"pods": pods}}) is True


def test_three_texts_and_three_lists_are_joined() -> None:
    """A joined text is a text, so that it can be joined again."""
    assert evaluate(compile_expression('"a" + "b" + "c"'), {}) == "abc"
    assert evaluate(compile_expression("[1] + [2] + [3]"), {}) == [1, 2, 3]


LOOPS = "{% for a in steps.many %}" * 4 + "{% endfor %}" * 4


@pytest.mark.parametrize(
    "text",
    [
        LOOPS,
        "{% set a = steps.text %}" + "{% set a = a ~ a ~ a ~ a %}" * 14,
        "{% set a = steps.text %}" + "{% set a = a + a + a + a %}" * 14,
        "{% set a = [1] %}" + "{% set a = [a, a, a, a] %}" * 40 + "{{ a | length }}",
        "{% with a = [1] %}" + "{% with a = [a, a, a, a] %}" * 30 + "{% endwith %}" * 31,
        "{{ steps.text" + "|replace('x', 'xxxxxxxxxx')" * 9 + "|length }}",
        "{{ steps.many|join('" + "x" * 20_000 + "')|length }}",
        "{{ 1.5|round(400000000) }}",
        "{{ steps|tojson(indent=900000000)|length }}",
        "{% set a = 9 %}" + "{% set a = a * a %}" * 20,
    ],
    ids=["loops", "~", "+", "set", "with", "replace", "join", "round", "tojson", "numbers"],
)
def test_a_template_that_works_too_much_is_refused(text: str) -> None:
    """It is stopped before a huge value is made."""
    with pytest.raises(TemplateError, match=TOO_MUCH):
        render(text, VALUES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 'a'.ljust(3000000000) }}", "can't call `ljust`"),
        ("{{ '{:>900000000}'.format(1) }}", "can't call `format`"),
        ("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}", "define macros"),
        ("{% for a in steps.many recursive %}{{ loop(steps.many) }}{% endfor %}", "call itself"),
        ("{% set a %}{{ steps.text }}{% endset %}", "set a name to a block"),
        ("{{ steps.many|_counted }}", "no filter `_counted`"),
    ],
)
def test_what_can_grow_without_end_is_no_part_of_templates(text: str, said: str) -> None:
    """The sentence names what can't be used."""
    with pytest.raises(TemplateError, match=said):
        render(text, VALUES)


def test_a_template_over_an_estate_is_fine() -> None:
    """Loops with their numbers, joined texts and methods that look work as before."""
    text = "{% for n in steps.many %}{{ loop.index }}/{{ loop.length }}: {{ n ~ '!' }} {% endfor %}"
    assert render(text, VALUES).startswith("1/100: 0! 2/100: 1! ")
    assert render_value("{{ steps.text.upper().count('X') }}", VALUES) == 100


def test_work_is_counted_only_where_it_is_bounded() -> None:
    """Elsewhere the same functions do not count."""
    efforts.spend(10 * efforts.MOST_STEPS)
    with efforts.bounded(2):
        efforts.spend(2)
        with pytest.raises(efforts.EffortError):
            efforts.spend()
