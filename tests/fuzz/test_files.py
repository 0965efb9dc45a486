"""Configuration that is damaged, hostile or no text at all: a sentence with its place."""

import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.registry import ActionRegistry
from config import checks, documents
from config.expressions import ExpressionError, compile_expression, evaluate
from config.loader import load_system
from config.places import ConfigurationError
from config.settings import PACKAGED
from config.templates import TemplateError, render
from tests.fuzz.mutations import NASTY
from tests.fuzz.profiles import bounded

AIVO = PACKAGED / "aivo"
FILES = ("system.yaml", "people.yaml", "policy.yaml", "procedures/service.yaml")
HOSTILE = (
    "a: &a [1]\nb: [*a, *a]",
    "a: &a\n  b: *a",
    "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 1}]" for n in range(12)),
    "!!python/object/apply:os.system ['true']",
    "!!binary gICA",
    "a: !!set {x, y}",
    "[" * 5_000,
    "{a: " * 2_000,
    "- " * 3_000,
    "a: 1\na: 2",
    "? [a, b]\n: c",
    "<<: {a: 1}",
    "---\na: 1\n---\nb: 2",
    "%YAML 9.9\n---\na: 1",
    "%TAG ! tag:x,2000:\n---\na: !b c",
    "\ufeffa: 1",
    "a: \x00",
    "a: \x85\u2028\u2029",
    "a: 0o9",
    "a: 1_000",
    "a: .inf",
    "a: " + "9" * 5_000,
    "a: 0x" + "f" * 5_000,
    "a: 2026-99-99",
    "a: 1:60:60",
    "x" * 300_000,
    '"' + "\\" * 999,
    "'",
    "|",
    "*a",
    "&a",
    "a: |9\n b",
    "",
)
RAW = (b"\xff\xfe\x00a", b"\x80", b"\xef\xbb\xbf", b"\x00" * 100, "ä".encode("latin-1"))


def complaint(text: str) -> str:
    """Read a text as YAML and return what is said about it, or nothing."""
    try:
        documents.parse(text, "system.yaml")
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_yaml_is_read_or_refused_with_its_place(text: str) -> None:
    """Bombs of aliases, foreign tags, depth without end and control characters."""
    said = complaint(text)
    assert said == "" or said.startswith("system.yaml")


@bounded(120)
@given(text=st.text(alphabet="ab: -[]{}&*!|>'\"#%@`,?\n\t0.~<", max_size=120))
def test_any_yaml_is_read_or_refused_with_its_place(text: str) -> None:
    """Whatever the characters of YAML spell."""
    said = complaint(text)
    assert said == "" or said.startswith("system.yaml")


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A copy of AIVO's files."""
    return Path(shutil.copytree(AIVO, tmp_path / "aivo"))


def damaged(lines: list[str], draw: st.DrawFn) -> list[str]:
    """Drop, double, indent, retype or replace lines."""
    at = draw(st.integers(0, len(lines) - 1))
    line = lines[at]
    key = line.partition(":")[0]
    changed: dict[str, list[str]] = {
        "drop": [],
        "double": [line, line],
        "indent": [f"  {line}"],
        "outdent": [line.removeprefix("  ")],
        "retype": [
            f"{key}: {draw(st.sampled_from(('[]', '{}', 'null', '1', 'true', 'x', '!!int a')))}"
        ],
        "junk": [draw(st.sampled_from([str(each)[:500] for each in NASTY]))],
        "value": [f"{key}: {draw(st.text(max_size=20))}"],
    }
    return lines[:at] + changed[draw(st.sampled_from(sorted(changed)))] + lines[at + 1 :]


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, str]:
    """Draw one of AIVO's files with up to three damaged lines."""
    name = draw(st.sampled_from(FILES))
    lines = (AIVO / name).read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 3))):
        lines = damaged(lines, draw) or [""]
    return name, "\n".join(lines)


REGISTRY = ActionRegistry()


@bounded(4)
@given(file=broken())
def test_a_damaged_system_is_refused_or_checked_with_sentences(
    system: Path, file: tuple[str, str]
) -> None:
    """Every complaint names its file; where its form is right, its checks run through."""
    name, text = file
    path = system / name
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        problems = list(checks.check_all((load_system(system),), REGISTRY))
    except ConfigurationError as error:
        problems = list(error.problems)
    finally:
        shutil.copy(AIVO / name, path)
    assert all(".yaml" in str(each) or ".md" in str(each) for each in problems)


@pytest.mark.parametrize("raw", RAW, ids=range(len(RAW)))
def test_what_is_no_text_is_refused_with_its_file(tmp_path: Path, raw: bytes) -> None:
    """Another encoding, or no text at all."""
    (tmp_path / "system.yaml").write_bytes(raw)
    with pytest.raises(ConfigurationError, match=r"system\.yaml"):
        documents.read(tmp_path / "system.yaml")


CEL = "abfx.()[]{}!<>=&|+-*/%?:,'\"0123456789 \n"
WORDS = ("facts", "true", "null", "has(", "all(", ".map(", ".filter(", "size(", "in", "matches(")


@bounded(150)
@given(
    text=st.one_of(
        st.text(alphabet=CEL, max_size=80),
        st.lists(st.sampled_from((*WORDS, *CEL)), max_size=30).map("".join),
        st.text(max_size=60),
    )
)
@example(text="0." + "a" * 1_900)
@example(text="1 in 1")
@example(text='"\\ud800"')
@example(text="'a'.matches('(')")
@example(text='timestamp("x").getHours()')
def test_any_expression_gives_a_value_or_a_sentence(text: str) -> None:
    """Nothing but our own errors comes out of whatever the language spells."""
    values = {"facts": {"a": 1, "b": "x", "f": [1, 2.5, None], "x": {"a": True}}}
    try:
        evaluate(compile_expression(text), values)
    except ExpressionError as error:
        assert str(error)  # noqa: PT017  # a value is as good as a sentence


JINJA = (
    "{{",
    "}}",
    "{%",
    "%}",
    " ",
    "a",
    ".",
    "|",
    "(",
    ")",
    "[",
    "]",
    "'",
    "for",
    "in",
    "if",
    "endif",
    "endfor",
    "set",
    "=",
    "+",
    "~",
    "*",
    "1",
    "raw",
    "endraw",
    "{#",
    "#}",
    "tojson",
    "join",
    "replace",
    "percent",
    "not",
    "is",
    "defined",
    "loop",
    "else",
    ",",
    ":",
    "-",
)


@bounded(150)
@given(
    text=st.one_of(
        st.lists(st.sampled_from(JINJA), max_size=25).map("".join),
        st.lists(st.sampled_from(JINJA), max_size=25).map(" ".join),
        st.text(max_size=60),
    )
)
@example(text="{{ a" + ".a" * 3_000 + " }}")
@example(text="{{ '\\ud800' }}")
@example(text="{{ a|percent|duration }}")
def test_any_template_gives_a_text_or_a_sentence(text: str) -> None:
    """Nothing but our own errors comes out of whatever the language spells."""
    try:
        assert len(render(text, {"a": {"a": [1, "x", None]}, "loop": 1})) <= 20_000
    except TemplateError as error:
        assert str(error)  # noqa: PT017  # a value is as good as a sentence
