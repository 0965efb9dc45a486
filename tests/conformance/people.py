"""What people do: declare, approve, look at what is in doubt, hold, deny, undo, and say it twice.

Whoever they tell it to may be dead, so they say it until it was recorded, under one id, as Slack
sends its events.  They read the journal as a card would show it, and they can look at the estate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Flag, auto
from random import Random
from typing import Any

from flows import codec, events
from flows.declaring import declaration
from flows.events import Actor, Event
from flows.gates import PLAN_SCOPE, Person, Verb
from flows.runs import Run
from flows.states import Outcome, State, StepState
from tests.conformance import systems
from tests.conformance.clocks import SharedClock
from tests.conformance.estates import Estate
from tests.conformance.systems import ALEX, EMILY, JENNIFER, MARCUS

Json = Any
THINKING = 0.3  # seconds in which what a dead bot asked for lands, before people look
TWICE = 0.2  # how often a word is said twice


class Mood(Flag):
    """What people do beside what they must."""

    PLAIN = 0
    UNDOES = auto()
    HOLDS = auto()
    DENIES = auto()
    TALKS = auto()
    ALONE = auto()  # nobody approves but one


MOODS = (Mood.PLAIN, Mood.HOLDS, Mood.DENIES, Mood.UNDOES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody says."""

    id: str
    incident: str
    event: Event
    by: Person

    @property
    def line(self) -> Json:
        """Return what `bots.hear` takes."""
        actor = Actor(id=self.by.id, name=self.by.name)
        return {
            "id": self.id,
            "incident": self.incident,
            "kind": type(self.event).__name__,
            "body": codec.encode(self.event),
            "actor": codec.encode(actor),
        }


Say = Callable[[Word], bool]


class People:
    """Everybody, and what they have said so far."""

    def __init__(
        self, estate: Estate, say: Say, clock: SharedClock, seed: str, moods: dict[str, Mood]
    ) -> None:
        self.said: list[tuple[str, str]] = []
        self._heard: set[str] = set()
        self._estate, self._say, self._clock = estate, say, clock
        self._chance = Random(f"{seed}/people")
        self._moods = moods
        self._held_since: dict[str, float] = {}

    def declare(self, system: str, number: int = 1, *, brief: bool = False) -> bool:
        """Declare an incident on a system."""
        bundle = systems.bundles(1, brief=brief)[systems.name_of(1)]
        made = declaration(bundle, "INC-0", reason="checkout 5xx", person=MARCUS)
        named = {"system": system, "system_title": system, "channel_name": f"inc-{system}"}
        answered = {"answers": {"security": False}}
        body = json.loads(codec.encode(made)) | named | answered
        event = codec.decode_event("IncidentDeclared", json.dumps(body))
        word = Word(id=f"declared:{system}:{number}", incident=system, event=event, by=MARCUS)
        return self._tell(word)

    def act(self, run: Run) -> None:
        """Do what there is to do about one incident."""
        for word in self._words(run):
            if not self._tell(word):
                return

    def _tell(self, word: Word) -> bool:
        if word.id in self._heard:
            return True
        if self._chance.random() < TWICE:
            self._say(word)
        if not self._say(word):
            return False
        self._heard.add(word.id)
        self.said.append((word.incident, word.id))
        return True

    def _words(self, run: Run) -> Iterator[Word]:
        mood = self._moods.get(run.system, Mood.PLAIN)
        if run.state is State.APPROVE:
            yield from self._decide(run, mood)
        elif run.state is State.HOLD:
            yield from self._unhold(run)
        elif run.state is State.ASSESS and run.blocked:
            asked = events.PlanAsked(procedure="back")
            yield self._word(run, "plan", asked, MARCUS, run.planning)
        elif run.working:
            yield from self._steps(run)
            yield from self._interfere(run, mood)
        if Mood.TALKS in mood and run.outcome is Outcome.RESTORED:
            yield from self._talk(run)
        if run.state is not State.HOLD:
            self._held_since.pop(run.id, None)

    def _word(self, run: Run, about: str, event: Event, by: Person, seq: int | None = None) -> Word:
        """Name a word after what it is about, and after the state that its author saw."""
        seen = len(run.spans) if seq is None else seq
        return Word(id=f"{run.id}:{about}:{by.id}:{seen}", incident=run.id, event=event, by=by)

    def _verdict(self, run: Run, scope: str, by: Person, verb: Verb) -> Word:
        gate = run.gate_of(scope)
        assert gate is not None
        event = events.Decided(
            scope=scope, person=by, verb=verb, digest=gate.digest, reason="as I see it"
        )
        return self._word(run, f"{verb}:{scope}:{gate.digest[:8]}", event, by, 0)

    def _decide(self, run: Run, mood: Mood) -> Iterator[Word]:
        """Decide; ask for another plan where this one is too old, as a clock set forth makes it."""
        if run.plan is not None and run.plan.expires_at < self._clock():
            asked = events.PlanAsked(procedure=run.plan.procedure)
            yield self._word(run, "another plan", asked, MARCUS, run.planning)
            return
        if Mood.DENIES in mood and run.planning < 2:
            yield self._verdict(run, PLAN_SCOPE, ALEX, Verb.DENY)
            return
        for who in (EMILY,) if Mood.ALONE in mood else (EMILY, JENNIFER):
            yield self._verdict(run, PLAN_SCOPE, who, Verb.APPROVE)

    def _steps(self, run: Run) -> Iterator[Word]:
        for name, record in run.steps.items():
            if record.state is StepState.WAITING:
                yield self._verdict(run, name, ALEX, Verb.APPROVE)

    def _unhold(self, run: Run) -> Iterator[Word]:
        """Look at the estate, and say what is to be done about what failed."""
        since = self._held_since.setdefault(run.id, time.monotonic())
        if time.monotonic() - since < THINKING:
            return
        failed = run.failed()
        if any("plan again" in run.steps[step.id].summary for step in failed):
            yield self._word(run, "replan", events.ReplanAsked(reason="old"), JENNIFER, run.seq)
            return
        done = [step for step in failed if self._estate.struck(run.id, step.id)]
        for step in done:
            skip = events.SkipAsked(step=step.id, reason="it was done")
            yield self._word(run, f"skip:{step.id}", skip, JENNIFER, run.seq)
        if failed and not done:
            yield self._word(run, "retry", events.RetryAsked(), JENNIFER, run.seq)
        if not failed:
            yield self._word(run, "resume", events.ResumeAsked(), EMILY, run.seq)

    def _interfere(self, run: Run, mood: Mood) -> Iterator[Word]:
        began = "drop" in run.steps and run.steps["drop"].started
        if Mood.HOLDS in mood and began:
            yield self._word(run, "hold", events.HoldAsked(reason="wait"), EMILY, 0)
        if Mood.UNDOES in mood and began:
            yield self._word(run, "undo", events.UndoAsked(reason="no"), JENNIFER, 0)

    def _talk(self, run: Run) -> Iterator[Word]:
        """Say one thing of each kind; too late for any of them to change what is done."""
        said: tuple[Event, ...] = (
            events.NoteAdded(text="a note"),
            events.QuestionAnswered(question="security", answer=False),
            events.FollowUpDone(follow_up="learn"),
            events.StallNoticed(why="it does not move"),
            events.PageAsked(subject="all", title="All", people=(ALEX,), why="to look"),
            events.PageAcknowledged(person=ALEX, via="slack"),
            events.BreakGlassAsked(person=ALEX, digest="0" * 8, reason="quick"),
            events.NoRollbackChosen(reason="no need"),
            events.ReplanAsked(reason="again"),
            events.AbortAsked(reason="stop"),
            events.HoldAsked(reason="wait"),
            events.ResumeAsked(),
            events.RetryAsked(),
            events.SkipAsked(step="drop", reason="no need"),
            events.UndoAsked(reason="no"),
            events.PlanAsked(procedure="back"),
        )
        if run.ended:
            for event in said:
                yield self._word(run, f"talk:{type(event).__name__}", event, ALEX, 0)
