"""The second factor in words: why a code proves nothing, and what to do."""

from datetime import datetime
from enum import StrEnum
from typing import assert_never

from bot.wording.texts import bold, clock, code, duration, inline
from flows.runs import Run

STEP = 30
"""Seconds for which an authenticator app shows a code."""
MOST_WRONG = 5
"""How many wrong codes in a row lock a person's second factor."""
LOCK = 300.0
"""Seconds for which it is locked."""


class Doubt(StrEnum):
    """Why a code proves nothing."""

    NOT_ENROLLED = "not_enrolled"
    WRONG = "wrong"
    REPLAYED = "replayed"
    LOCKED = "locked"
    UNREADABLE = "unreadable"


def code_wanted(run: Run) -> str:
    """Point from a typed approval to the button, which asks for the code."""
    return (
        f"Nothing was done: what {inline(run.id, 60)} asks you to approve destroys something, so a "
        "code of your authenticator app must say that it is you. Press *Approve* on the card, "
        "which asks for it; never type a code into a channel. In a terminal of the bot's machine: "
        f"{code(f'backout approve {run.id}', 80)}."
    )


def unproven(doubt: Doubt, *, name: str, person: str, until: datetime | None = None) -> str:
    """Say why a code proves nothing; `person` is the id in people.yaml, `name` what people say."""
    who = bold(name, 80)
    match doubt:
        case Doubt.NOT_ENROLLED:
            return (
                f"Nothing was done: {who} has no second factor here, so nobody can tell that it "
                "is them. Whoever runs Backout makes one on its machine with "
                f"{code(f'backout totp enroll {person}', 120)}."
            )
        case Doubt.WRONG:
            return (
                f"Nothing was done: that is not the code of {who} right now. Type the one that the "
                f"authenticator app shows; it is another one every {STEP} s, and the clocks of "
                f"both machines must be right. After {MOST_WRONG} wrong ones none is taken for "
                f"{duration(LOCK)}."
            )
        case Doubt.REPLAYED:
            return (
                "Nothing was done: that code was used already, and each one counts once. Wait for "
                f"the next one, at most {STEP} s, and try again."
            )
        case Doubt.LOCKED:
            when = f"until {clock(until)}" if until else f"for {duration(LOCK)}"
            return (
                f"Nothing was done: {MOST_WRONG} wrong codes were given for {who}, so none is "
                f"taken {when}. Somebody else can decide meanwhile; if it was not {who} who tried, "
                "tell whoever runs Backout."
            )
        case Doubt.UNREADABLE:
            return (
                f"Nothing was done: the second factor of {who} can't be read with the key that "
                "the bot has. Give `backout totp` the same BACKOUT_CAPTURE_KEY and make it again: "
                f"{code(f'backout totp enroll {person} --replace', 120)}."
            )
        case _:
            assert_never(doubt)
