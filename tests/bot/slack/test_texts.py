"""What people type becomes plain text that can't mention anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.limits import TEXT
from bot.slack.texts import NAME_LIMIT, channel_name, plain, reason_of, straight

NAMES = {"U0DAVID": "David Park"}


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@U0DAVID> look", "@David Park look"),
        ("<@U9|emily>", "@emily"),
        ("<@U9>", "@U9"),
        ("<!channel> <!here|here>", "@channel here"),
        ("<!subteam^S1|@sre-oncall> <!subteam^S2>", "@sre-oncall @group"),
        ("<#C1|general>", "#general"),
        ("<https://x.example/a|x.example/a>", "https://x.example/a"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("&lt;!channel&gt;", "<!channel>"),
        ("a\u202eb\u200bc\x00d", "abcd"),
    ],
)
def test_wire_text_is_read_as_it_looks(wire: str, said: str) -> None:
    """Markup becomes words, escapes become characters, invisible characters go."""
    assert plain(wire, NAMES.get) == said


def test_quotes_are_straightened() -> None:
    """What Apple's keyboards make of quotes is undone."""
    assert straight("“a” ‘b’ «c»\u00a0d") == '"a" \'b\' "c" d'


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("Production Rollback - checkout 5xx", "checkout 5xx"),
        ("production rollback – checkout", "checkout"),
        ("Production rollback", "Production rollback"),
        ("  two\n lines ", "two lines"),
        ("   ", ""),
    ],
)
def test_the_reason_stands_without_its_formula(typed: str, reason: str) -> None:
    """The document's formula before the reason says nothing; alone it stays."""
    assert reason_of(typed) == reason


def test_a_long_reason_is_cut() -> None:
    """A reason keeps to its limit and shows that it was cut."""
    cut = reason_of("x" * 5000)
    assert len(cut) == TEXT
    assert cut.endswith("…")


@pytest.mark.parametrize(
    ("reason", "number", "name"),
    [
        ("checkout 5xx", 1, "inc-7-checkout-5xx"),
        ("checkout 5xx", 3, "inc-7-checkout-5xx-3"),
        ("Ärger & Öl!", 1, "inc-7-arger-ol"),
        ("🔥🔥", 1, "inc-7"),
        ("", 2, "inc-7-2"),
    ],
)
def test_channels_are_named_after_the_reason(reason: str, number: int, name: str) -> None:
    """The name says which incident and what about, in the letters that Slack allows."""
    assert channel_name("INC-7", reason, number) == name


@given(st.text(), st.integers(1, 9))
def test_every_reason_makes_a_valid_name(reason: str, number: int) -> None:
    """Whatever is typed, Slack takes the channel's name."""
    name = channel_name("INC-12345", reason, number)
    assert len(name) <= NAME_LIMIT
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
