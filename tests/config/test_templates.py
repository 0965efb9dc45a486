"""Templates: native values, missing names, the sandbox, bounds, escaping for Slack."""

from datetime import timedelta
from typing import Any

import pytest

from config import filters, templates
from config.templates import MissingValueError, TemplateError, render, render_inputs, render_value

VALUES: dict[str, Any] = {
    "inputs": {"release": "aivo-platform", "replicas": 3, "force": False},
    "facts": {"availability": 0.84},
    "steps": {"history": {"last_good": 41, "names": ["a", "b"], "none": None}},
    "incident": {"reason": "<!channel> checkout & 5xx"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ steps.history.last_good }}", 41),
        ("  {{ steps.history.last_good }}\n", 41),
        ("{{- inputs.force -}}", False),
        ("{{ steps.history.names }}", ["a", "b"]),
        ("{{ steps.history }}", VALUES["steps"]["history"]),
        ("{{ steps.history.none }}", None),
        ("{{ inputs.replicas + 1 }}", 4),
        ("{{ inputs.replicas * 2 }}", 6),
        ("{{ facts.availability | percent }}", "84 %"),
        ("{{ steps.history['last_good'] }}", 41),
        ("{{ steps.history.names[1] }}", "b"),
        ("{{ facts.absent | default(5) }}", 5),
        ("revision {{ steps.history.last_good }}", "revision 41"),
        ("{{ inputs.release }}-{{ inputs.replicas }}", "aivo-platform-3"),
        ("{% if inputs.force %}yes{% else %}no{% endif %}", "no"),
        ("no template", "no template"),
        ("", ""),
        ("force: {{ inputs.force }}, {{ steps.history.names }}", "force: false, a, b"),
    ],
)
def test_one_expression_gives_its_value(text: str, expected: Any) -> None:
    """A text that is one expression gives a value of its own type, anything else a text."""
    result = render_value(text, VALUES)
    assert result == expected
    assert type(result) is type(expected)


def test_inputs_are_filled_in_however_deep() -> None:
    """Every text of a mapping is a template; other values and all keys stay as they are."""
    given = {
        "release": "{{ inputs.release }}",
        "deep": {"list": ["{{ inputs.replicas }}", 7, None], "flag": True},
        "{{ key }}": "plain",
    }
    assert render_inputs(given, VALUES) == {
        "release": "aivo-platform",
        "deep": {"list": [3, 7, None], "flag": True},
        "{{ key }}": "plain",
    }


@pytest.mark.parametrize(
    ("text", "path", "offset"),
    [
        ("{{ steps.rollback.revision }}", "steps.rollback", 3),
        ("{{ steps.history.absent }}", "steps.history.absent", 3),
        ("to {{ nowhere }}", "nowhere", 6),
        ("{{ facts.absent | percent }}", "facts.absent", 3),
        ("{{ facts.absent + 1 }}", "facts.absent", 3),
        ("{% for x in facts.absent %}{{ x }}{% endfor %}", "facts.absent", 12),
        ("ok {{ inputs.release }}\nno {{ inputs.wrong }}", "inputs.wrong", 30),
    ],
)
def test_a_missing_value_is_named(text: str, path: str, offset: int) -> None:
    """A template never writes an empty place for what is missing: it names it."""
    for attempt in (render, render_value):
        with pytest.raises(MissingValueError, match="is not known") as caught:
            attempt(text, VALUES)
        assert (caught.value.path, caught.value.offset) == (path, offset)


def test_a_value_missing_in_a_list_is_an_error() -> None:
    """What is missing where no name can tell is still an error of ours."""
    with pytest.raises(TemplateError):
        render("{% for n in steps.history.names %}{{ n.wrong }}{% endfor %}", VALUES)
    with pytest.raises(TemplateError):
        render_value("{{ steps.history.names[7] }}", VALUES)


def test_what_may_be_missing_is_let_be() -> None:
    """`is defined` and `default` are how a template says that a value may be missing."""
    text = "{% if steps.latency is defined %}p95 {{ steps.latency.value }}{% endif %}"
    assert render(text, VALUES) == ""
    assert render("{{ facts.users | default('some') }} users", VALUES) == "some users"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{{ steps.history", "broken template"),
        ("{{ inputs.release | upcase }}", "no filter `upcase`"),
        ("{{ inputs.release | uper }}", "did you mean `upper`"),
        ("{% if inputs.release is glorious %}x{% endif %}", "no test"),
        ("{% include 'other' %}", "can't load another"),
        ("{% import 'other' as o %}", "can't load another"),
        ("{% frobnicate %}", "broken template"),
        ("{{ }}", "broken template"),
        ("{% if true %}", "broken template"),
    ],
)
def test_a_broken_template_is_said_in_words(text: str, part: str) -> None:
    """What could never be rendered is found when it is parsed."""
    with pytest.raises(TemplateError, match=part):
        templates.compile_template(text)


def test_a_broken_template_points_at_its_line() -> None:
    """The offset leads to the line that is wrong."""
    text = "fine\nfine {{ inputs.release }}\nnot {{ inputs.release | upcase }}"
    with pytest.raises(TemplateError) as caught:
        templates.compile_template(text)
    assert text[caught.value.offset :].startswith("upcase")


@pytest.mark.parametrize(
    "text",
    [
        "{{ inputs.release.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ inputs.update({'release': 'x'}) }}",
        "{{ steps.history.names.append('c') }}",
        "{{ range(100000000) }}",
        "{{ cycler('a') }}",
        "{{ 'a' * 100000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000s' % 'a' }}",
        "{{ lipsum() }}",
        "{{ inputs.release | attr('__class__') }}",
        "{% for a in x %}{% for b in x %}{{ 'a long text' }}{% endfor %}{% endfor %}",
    ],
)
def test_the_sandbox_holds(text: str) -> None:
    """A template reaches no internals, changes nothing and grows without bound nowhere."""
    for attempt in (render, render_value):
        with pytest.raises(TemplateError):
            attempt(text, {**VALUES, "x": "a" * 100})


def test_references_are_dotted_names() -> None:
    """The names that a template reads are found; its own variables and methods are none."""
    text = (
        "{{ steps.history.last_good }} {{ inputs['release'].upper() }}"
        "{% set x = facts.a %}{{ x.y }}{% for n in steps.list.names %}{{ n.z }}{% endfor %}"
        "{% if steps.latency is defined %}{% endif %}"
    )
    assert templates.references(text) == {
        "steps.history.last_good",
        "inputs.release",
        "facts.a",
        "steps.list.names",
        "steps.latency",
    }
    assert templates.references("no names { at all") == frozenset()


def test_values_are_escaped_for_slack_and_the_template_is_not() -> None:
    """A reason can't ping a channel, while the template itself may format and link."""
    text = "*<https://status.aivo.edu|Status>* {{ incident.reason }}"
    assert render(text, VALUES, mrkdwn=True) == (
        "*<https://status.aivo.edu|Status>* &lt;!channel&gt; checkout &amp; 5xx"
    )
    assert render("{{ incident.reason }}", VALUES) == "<!channel> checkout & 5xx"


def test_a_template_in_a_value_stays_a_text() -> None:
    """What a person typed is never rendered itself."""
    values = {"incident": {"reason": "{{ inputs.release }}"}}
    assert render("{{ incident.reason }}!", values) == "{{ inputs.release }}!"
    assert render_value("{{ incident.reason }}", values) == "{{ inputs.release }}"


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.84, "84 %"),
        (0.9974, "99.7 %"),
        (0.99999, "99.9 %"),
        (1, "100 %"),
        (0, "0 %"),
        (0.0004, "0.04 %"),
        (0.00001, "< 0.01 %"),
        (0.05, "5 %"),
        (0.0999, "9.99 %"),
        (0.1, "10 %"),
        (1.5, "150 %"),
        (-0.1, "-10 %"),
    ],
)
def test_ratios_read_as_percentages(ratio: float, expected: str) -> None:
    """A share is short to read and never rounded to nothing or to everything."""
    assert filters.percent(ratio) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0 s"),
        (0.31, "310 ms"),
        (3.2, "3.2 s"),
        (38, "38 s"),
        (200, "3 min 20 s"),
        (300, "5 min"),
        (3599.9, "1 h"),
        (3900, "1 h 5 min"),
        (46 * 3600, "46 h"),
        (50 * 3600, "2 d 2 h"),
        (timedelta(seconds=20), "20 s"),
        ("1h30m", "1 h 30 min"),
    ],
)
def test_durations_read_as_people_say_them(value: Any, expected: str) -> None:
    """A duration has its unit, two units where one would hide something."""
    assert filters.duration(value) == expected


def test_a_value_that_does_not_fit_its_filter_is_an_error() -> None:
    """A percentage of a word is no percentage."""
    with pytest.raises(TemplateError, match="can't be filled in"):
        render("{{ inputs.release | percent }}", VALUES)
    with pytest.raises(TemplateError, match="can't be filled in"):
        render("{{ inputs.release | duration }}", VALUES)
