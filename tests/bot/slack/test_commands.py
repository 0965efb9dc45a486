"""What is typed after `!incident` is read as it was meant, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.commands import Misspelt, Request, Verb, is_command, parse, rest_of

SYSTEMS = ("aivo", "aivo-production")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("!incident status", True),
        ("  !INCIDENT", True),
        ("`!incident declare x`", True),
        ("!incidents list", True),
        ("!incidnet list", True),
        ("!invite me", False),
        ("incident list", False),
        ("the !incident command", False),
        ("", False),
    ],
)
def test_which_messages_are_for_us(text: str, is_one: bool) -> None:
    """A command begins with its prefix, spelt right or nearly; other talk is left alone."""
    assert is_command(text) is is_one


def test_what_follows_the_prefix() -> None:
    """The rest comes without decoration, and empty where there is none."""
    assert rest_of("`!incident  declare “x y”`") == 'declare "x y"'
    assert rest_of("!incident") == ""


@pytest.mark.parametrize(
    ("text", "reason", "system"),
    [
        ('declare "checkout 5xx"', "checkout 5xx", ""),
        ('declare "checkout 5xx" aivo', "checkout 5xx", "aivo"),
        ('declare "checkout 5xx" on AIVO', "checkout 5xx", "AIVO"),
        ('declare "checkout 5xx" somewhere else', "checkout 5xx", "somewhere else"),
        ("declare checkout 5xx", "checkout 5xx", ""),
        ("declare checkout 5xx on aivo", "checkout 5xx", "aivo"),
        ('declare aivo "checkout 5xx"', "checkout 5xx", "aivo"),
        ("declare aivo", "aivo", ""),
        ("declare people can't log in", "people can't log in", ""),
        ('declare "never closed', "never closed", ""),
        (r"declare C:\temp is full", r"C:\temp is full", ""),
        ("DECLARE x", "x", ""),
        ("declare", "", ""),
        ('declare ""', "", ""),
    ],
)
def test_declarations(text: str, reason: str, system: str) -> None:
    """Reason and system are found with and without quotes, in either order."""
    request = parse(text, SYSTEMS)
    assert isinstance(request, Request)
    assert (request.verb, request.text, request.subject) == (Verb.DECLARE, reason, system)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Request(verb=Verb.HELP)),
        ("help declare", Request(verb=Verb.HELP, text="declare")),
        ("status INC-7", Request(verb=Verb.STATUS, incident="INC-7")),
        ("status inc7", Request(verb=Verb.STATUS, incident="INC-7")),
        ("plan service", Request(verb=Verb.PLAN, subject="service")),
        ("approve 3F9A2C1B", Request(verb=Verb.APPROVE, digest="3f9a2c1b")),
        ("approve cut_over", Request(verb=Verb.APPROVE, text="cut_over")),
        ("deny it is bad", Request(verb=Verb.DENY, text="it is bad")),
        ("deny 3f9a2c1b too old", Request(verb=Verb.DENY, digest="3f9a2c1b", text="too old")),
        ("hold INC-7 let me look", Request(verb=Verb.HOLD, incident="INC-7", text="let me look")),
        ("hold see INC-7 first", Request(verb=Verb.HOLD, text="see INC-7 first")),
        ("skip rollout nodes gone", Request(verb=Verb.SKIP, subject="rollout", text="nodes gone")),
        ("retry", Request(verb=Verb.RETRY)),
        ("answer data no", Request(verb=Verb.ANSWER, subject="data", answer=False)),
        ("answer Yes!", Request(verb=Verb.ANSWER, answer=True)),
        ("answer data", Request(verb=Verb.ANSWER, subject="data")),
        ('note it\'s 14:05 "now"', Request(verb=Verb.NOTE, text="it's 14:05 now")),
    ],
)
def test_other_requests(text: str, expected: Request) -> None:
    """Each verb finds its own parts; an incident is named at either end."""
    assert parse(text, SYSTEMS) == expected


def test_what_is_no_verb() -> None:
    """An unknown word is handed back, never guessed at."""
    assert parse("aprove", SYSTEMS) == Misspelt(word="aprove")


@given(st.text())
def test_nothing_typed_breaks_it(text: str) -> None:
    """Whatever is typed is read or handed back."""
    assert isinstance(parse(text, SYSTEMS), Request | Misspelt)
    assert is_command(text) in (True, False)
