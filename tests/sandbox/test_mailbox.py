"""The sandbox's mailbox shows the newest letters first, and not too many."""

from __future__ import annotations

from sandbox.estate.values import Object
from sandbox.mailbox import MOST, Mailbox


def _letter(at: float) -> Object:
    return {
        "at": at,
        "from": "alerts@aivo.edu",
        "to": ["ceo@aivo.edu"],
        "subject": f"Letter {at:g}",
        "text": "Production is being isolated.",
    }


def test_the_newest_letters_first() -> None:
    """However the service keeps them, the newest stands on top, and old ones are left out."""
    letters: list[Object] = []
    box = Mailbox(lambda: letters)
    assert box.state() == []
    letters.extend(_letter(at) for at in [5.0, 9.0, 7.0, *range(100, 100 + MOST)])
    shown = box.state()
    assert len(shown) == MOST
    assert [each["subject"] for each in shown[:2]] == ["Letter 119", "Letter 118"]
    assert box.name == "mails"
