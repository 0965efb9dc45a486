"""CEL: numbers of different kinds, unknown values, errors with a column, names that are read."""

import logging
from math import inf, nan
from typing import Any

import pytest

from config import expressions
from config.expressions import (
    ExpressionError,
    UnknownValueError,
    compile_expression,
    evaluate,
    evaluate_condition,
)


def run(text: str, **values: Any) -> Any:
    """Compile and evaluate."""
    return evaluate(compile_expression(text), values)


def holds(text: str, **values: Any) -> bool | None:
    """Compile and evaluate as a condition."""
    return evaluate_condition(compile_expression(text), values)


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("value < 0.9", 0, True),
        ("value < 0.9", 1, False),
        ("value <= 1.0", 1, True),
        ("value > 1000", 1000.5, True),
        ("value > 1000", 1500, True),
        ("value >= 1000", 1000, True),
        ("value > 3", inf, True),
        ("0.5 < value", 1, True),
        ("value == 1", 1.0, True),
        ("value == 1.0", 1, True),
        ("value != 1", 1.0, False),
        ("value == 'a'", 1, False),
        ("value != 'a'", 1, True),
        ("value == true", 1, False),
        ("value == null", 1, False),
        ("value in [1, 2]", 1.0, True),
        ("value in ['a', 2]", 2, True),
        ("value in [1, 2]", "a", False),
        ("'a' in value", {"a": 1}, True),
        ("'b' in value", ["a"], False),
        ("value == [1, 2.0]", [1.0, 2], True),
        ("value == {'a': 1}", {"a": 1.0}, True),
        ("size(value) > 0", [], False),
        ("value.exists(each, each > 1)", [0.5, 2], True),
        ("value.all(each, each.startsWith('a'))", ["ab", "b"], False),
        ("value.matches('^pay')", "payment-service", True),
        ("-value < 0", 1, True),
        ("!value", False, True),
    ],
)
def test_conditions_compare_as_people_expect(text: str, given: Any, expected: bool) -> None:
    """A condition holds for a number whichever way the number was written."""
    assert holds(text, value=given) is expected


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("value.ready / value.desired", {"ready": 9, "desired": 12}, 0.75),
        ("value.a + 1", {"a": 41}, 42),
        ("value.a - 0.5", {"a": 1}, 0.5),
        ("value.a * 100", {"a": 0.5}, 50),
        ("value.a * 100.0 + 1", {"a": 1}, 101),
        ("value.a % 2 == 0", {"a": 42}, True),
        ("7 / 2", None, 3),
        ("string(value) + '%'", 42, "42%"),
        ("string(value)", 1.5, "1.5"),
        ("double(value)", "0.5", 0.5),
        ("[1, 2.5, 'a', true, null]", None, [1, 2.5, "a", True, None]),
        ("{'ready': value.a, 'list': [value.a]}", {"a": 1}, {"ready": 1, "list": [1]}),
        ("value.filter(each, each.bad).map(each, each.name)", [{"bad": True, "name": "x"}], ["x"]),
        ("value[1]", ["a", "b"], "b"),
        ("value.list[value.at]", {"list": ["a", "b"], "at": 1}, "b"),
        ("value == null ? 'no answer' : value", None, "no answer"),
        ("value", 2**60, 2**60),
        ("value", inf, None),
        ("duration('5m')", None, 300),
        ("value", 'a text with "quotes" and ünïcode', 'a text with "quotes" and ünïcode'),
    ],
)
def test_results_are_plain_values(text: str, given: Any, expected: Any) -> None:
    """A result is what JSON would hold: no wrapper of the library's is left."""
    result = run(text, value=given)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("facts.availability < 0.9", "facts.availability"),
        ("facts.pods.ready < 3", "facts.pods.ready"),
        ("facts.none < 0.9", "facts.none"),
        ("facts.nan < 0.9", "facts.nan"),
        ("facts.pods.nan < 0.9", "facts.pods.nan"),
        ("!facts.security", "facts.security"),
        ("steps.history.last_good > 3", "steps"),
        ("facts.known == 1 && facts.availability < 0.9", "facts.availability"),
        ("facts.availability < 0.9 || facts.known == 2", "facts.availability"),
        ("facts.list.exists(each, each.missing == 1)", "missing"),
        ("facts['absent'] == 1", "absent"),
        ("size(facts.absent) > 0", "facts.absent"),
        ("facts.absent + 1 > 0", "facts.absent"),
    ],
)
def test_a_missing_value_is_named(text: str, path: str) -> None:
    """What is not known is named, and a condition on it is neither true nor false."""
    facts = {"known": 1, "none": None, "pods": {"nan": nan}, "nan": nan, "list": [{"a": 1}]}
    with pytest.raises(UnknownValueError) as caught:
        run(text, facts=facts)
    assert caught.value.path == path
    assert holds(text, facts=facts) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("facts.absent == 1 || facts.known == 1", True),
        ("facts.known == 1 || facts.absent == 1", True),
        ("facts.absent == 1 && facts.known == 2", False),
        ("facts.known == 2 && facts.absent == 1", False),
        ("has(facts.absent)", False),
        ("has(facts.none)", False),
        ("has(facts.known) && facts.known == 1", True),
        ("has(facts.absent) ? facts.absent : true", True),
    ],
)
def test_the_known_side_may_settle_it(text: str, expected: bool) -> None:
    """A condition is decided where no value of what is unknown could change it."""
    assert holds(text, facts={"known": 1, "none": None}) is expected


@pytest.mark.parametrize(
    ("text", "offset", "part"),
    [
        ("facts.a <", 8, "not valid CEL"),
        ("facts.a < < 2", 10, "not valid CEL"),
        ("", 0, "not valid CEL"),
        ("(facts.a", 7, "not valid CEL"),
        ("facts.a == 1 and facts.b", 13, "not valid CEL"),
        ("facts.a > 1 && now() > 2", 15, "no function `now`"),
        ("facts.a.lower() == 'x'", 8, "no function `lower`"),
        ("__import__('os')", 0, "no function `__import__`"),
    ],
)
def test_a_broken_expression_is_pointed_at(text: str, offset: int, part: str) -> None:
    """The error says what is wrong and puts a caret under it."""
    with pytest.raises(ExpressionError, match=part) as caught:
        compile_expression(text)
    assert caught.value.offset == offset
    assert str(caught.value).endswith("\n  " + " " * offset + "^")


def test_the_caret_stands_in_its_own_line() -> None:
    """An expression over several lines is shown by the line that is wrong."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression("facts.a > 1\n  && nope(2)")
    assert caught.value.column == 6
    assert str(caught.value).splitlines()[1:] == ["    && nope(2)", "       ^"]


@pytest.mark.parametrize(
    ("text", "given", "part"),
    [
        ("value < 0.9", "high", "can't compare a text with a number"),
        ("value < 0.9", True, "can't compare true or false with a number"),
        ("value + 1 > 0", "a", "can't combine a text and a number"),
        ("value / 0.0 > 1", 1, "zero"),
        ("value / 0 > 1", 1, "zero"),
        ("1 in value", 1, "needs a list"),
        ("value", 1, "true or false"),
        ("value && true", 1, "."),
    ],
)
def test_values_that_do_not_fit_are_an_error(text: str, given: Any, part: str) -> None:
    """A condition that makes no sense for its values is an error, never false."""
    with pytest.raises(ExpressionError, match=part):
        holds(text, value=given)


def test_references_say_what_an_expression_reads() -> None:
    """Names are found with their places; variables of macros are none, guarded ones are marked."""
    text = "steps.a.list.map(x, x.name).size() > 0 && has(facts.q.z) || f1 == inputs.y[0].z"
    found = {(r.name, r.offset, r.guarded) for r in compile_expression(text).references}
    assert found == {
        ("steps.a.list", 0, False),
        ("facts.q.z", 46, True),
        ("f1", 60, False),
        ("inputs.y", 66, False),
    }


def test_an_expression_is_compiled_once() -> None:
    """The same text gives the same program."""
    assert compile_expression("value > 41") is compile_expression("value > 41")


def test_an_endless_expression_is_refused() -> None:
    """A text beyond the limit is not even parsed."""
    with pytest.raises(ExpressionError, match="longer than"):
        compile_expression("1 + " * expressions.MAX_LENGTH + "1")


def test_deep_nesting_is_refused_in_words() -> None:
    """Parentheses without end give an error of ours, not a crash."""
    with pytest.raises(ExpressionError):
        evaluate(compile_expression("(" * 900 + "1" + ")" * 900), {})


def test_an_unknown_fact_leaves_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Looking at what is not known is no error, and values must not leak into logs."""
    with caplog.at_level(logging.DEBUG):
        assert holds("facts.secret < 1", facts={"other": "s3cret"}) is None
    assert "s3cret" not in caplog.text


def test_what_has_no_place_in_json_is_refused() -> None:
    """An object that is not JSON-like is a mistake of the caller."""
    with pytest.raises(TypeError):
        run("value", value=object())
