"""Paging: who is called, in what order, and whether somebody has answered.

A chain is a list of rungs.  The first is called when an incident is declared; a rung that nobody
answers within its time is followed by the next, and the last is called again and again.  Who
declared is never called for that: they know.  Rungs may be called out of turn, by a rule of the
policy or by a person, and so may roles, people and vendors.
"""

from dataclasses import dataclass
from datetime import datetime

from flows.gates import Person

UNANSWERED = "nobody has acknowledged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """People who are called together.  `lasts` is how long (seconds) they have to answer."""

    level: int
    title: str
    people: tuple[Person, ...]
    lasts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What came of calling one person in one way; `note` says why it failed."""

    person: str
    via: str
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One call for people, numbered from 1 within an incident.

    `subject` tells what was called (`level:2`, `approvers`, `role:dba`, `person:ann`), `why`
    says it to people.  `reached` stays empty until the call has left.
    """

    number: int
    subject: str
    title: str
    people: tuple[Person, ...]
    why: str
    at: datetime
    reached: tuple[Reached, ...] = ()

    @property
    def unanswered(self) -> bool:
        """Whether it was sent because nobody had answered."""
        return self.why == UNANSWERED

    @property
    def failures(self) -> tuple[Reached, ...]:
        """Return the ways that failed."""
        return tuple(each for each in self.reached if not each.ok)

    @property
    def unreached(self) -> tuple[Person, ...]:
        """Return who was reached in no way, as far as is known."""
        got = {each.person for each in self.reached if each.ok}
        return tuple(p for p in self.people if p.id not in got) if self.reached else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Who answered the calls, how (`slack`, `pagerduty`), and when."""

    person: Person
    via: str
    at: datetime


def subject_of(level: int) -> str:
    """Return a level of the chain as the subject of a page."""
    return f"level:{level}"
