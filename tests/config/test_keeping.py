"""What the settings say about keeping: read right, or refused with what is right."""

from datetime import timedelta

import pytest

from config.keeping import AnchorPlace, Retention, anchor_places, retention
from config.settings import SettingsError, load


def test_rules_are_read() -> None:
    """Each alone, both, none."""
    assert retention("") == Retention()
    assert retention("journal=400d") == Retention(journal=timedelta(days=400))
    both = Retention(journal=timedelta(days=400), evidence=timedelta(days=90))
    assert retention(" evidence=90d , journal=400d") == both


@pytest.mark.parametrize(
    "text", ["journal", "journal=400", "journal=0d", "logs=4d", "journal=1d,journal=2d", "1d"]
)
def test_what_is_no_rule_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt rule must not mean "for ever", and even less "remove everything"."""
    monkeypatch.setenv("BACKOUT_RETENTION", text)
    with pytest.raises(SettingsError, match=r"BACKOUT_RETENTION: .*write for instance"):
        load()


def test_places_are_read() -> None:
    """A channel, a file, an address with whatever it needs."""
    text = "slack:#audit, file:/var/log/anchors.jsonl,https://user:key@example.com/a?b=c"
    assert anchor_places(text) == (
        AnchorPlace(kind="slack", where="#audit"),
        AnchorPlace(kind="file", where="/var/log/anchors.jsonl"),
        AnchorPlace(kind="http", where="https://user:key@example.com/a?b=c"),
    )


@pytest.mark.parametrize("text", ["audit", "file:relative", "slack:", "https://", "ftp://hunter2"])
def test_what_is_no_place_stops_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by its number: an address may hold a secret."""
    monkeypatch.setenv("BACKOUT_ANCHOR", f"slack:#audit,{text}")
    with pytest.raises(SettingsError, match=r"BACKOUT_ANCHOR: .*place 2 is none") as told:
        load()
    assert "hunter2" not in str(told.value)
