"""What must be true whatever was killed: nothing lost, nothing done twice, nothing unapproved.

Computed from the estate's log, which the bots can't touch, and from the journal.  Approvals are
counted here by a reading of the events of its own, which shares nothing with `flows.gates`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from flows import commands, events
from flows.decisions import decide
from flows.events import Recorded
from flows.gates import PLAN_SCOPE, Person, Slot, Verb
from flows.plans import Plan
from flows.runs import Run
from flows.states import Outcome, StepState
from tests.conformance.estates import Effect, Estate, Message
from tests.conformance.kinds import Reader

EFFECTS = ("put", "strike", "start")


@dataclass
class Findings:
    """What is wrong, a sentence each.

    `lost`: approved or said, and never done.  `doubled`: done twice though it does harm, or told
    twice.  `unapproved`: done without the approvals, or without its intent, recorded before.
    `broken`: a record that is not whole.  `repeated` counts repeats that do no harm.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unapproved: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    repeated: int = 0

    @property
    def all(self) -> list[str]:
        """Return every sentence."""
        named = {"lost": self.lost, "doubled": self.doubled}
        named |= {"unapproved": self.unapproved, "broken": self.broken}
        return [f"{name}: {each}" for name, found in named.items() for each in found]


def look(reader: Reader, estate: Estate, *, said: Iterable[tuple[str, str]] = ()) -> Findings:
    """Compare every incident of a journal with the estate.

    `said` are the words of people that a bot has acknowledged: (incident, event id).
    """
    found = Findings()
    messages = estate.messages()
    told = Counter(each.key for each in messages)
    found.doubled += [f"{key} was told {count} times" for key, count in told.items() if count > 1]
    for incident in reader.incidents():
        history = reader.events(incident)
        if broken := reader.broken(incident):
            found.broken.append(f"{incident}: {broken}")
        effects = estate.effects(incident)
        _check_order(found, incident, history)
        _check_lost(found, reader.run(incident), effects)
        _check_told(found, incident, history, messages)
        _check_doubled(found, effects)
        _check_approved(found, incident, history, effects)
    known = reader.event_ids()
    lost = [f"{who}: the word {word} was acknowledged" for who, word in said if word not in known]
    found.lost += lost
    return found


def _check_order(found: Findings, incident: str, history: Sequence[Recorded]) -> None:
    if [each.seq for each in history] != list(range(1, len(history) + 1)):
        found.broken.append(f"{incident}: its events are not numbered one after the other")
    times = [each.at for each in history]
    if times != sorted(times):
        found.broken.append(f"{incident}: its events' times go back")


def _check_lost(found: Findings, run: Run, effects: Sequence[Effect]) -> None:
    """A run must end, and all that it says was done must have been done."""
    if not run.ended:
        found.lost.append(f"{run.id} never ended: {run.state}, {run.blocked or run.held}")
        return
    if run.plan is None or run.outcome is not Outcome.RESTORED:
        return
    done = {each.step for each in effects if each.verb in EFFECTS}
    for step in run.plan.steps:
        state = run.steps[step.id].state
        if step.required and state not in (StepState.DONE, StepState.SKIPPED):
            found.lost.append(f"{run.id}: {step.id} ended as {state}")
        if state is StepState.DONE and not step.reads and step.id not in done:
            found.lost.append(f"{run.id}: {step.id} counts as done, and nothing was done")


def _check_told(
    found: Findings, incident: str, history: Sequence[Recorded], messages: Sequence[Message]
) -> None:
    """All that people were to be told must have been told."""
    told = {each.key for each in messages}
    found.lost += [f"nobody was told {k}" for k in _wanted(incident, history) if k not in told]


def untold(reader: Reader, estate: Estate) -> bool:
    """Say whether there is something that people are still to be told."""
    told = {each.key for each in estate.messages()}
    wanted = (_wanted(each, reader.events(each)) for each in reader.incidents())
    return any(key not in told for keys in wanted for key in keys)


def _wanted(incident: str, history: Sequence[Recorded]) -> Iterator[str]:
    run: Run | None = None
    for recorded in history:
        run, asked = decide(run, recorded)
        for command in asked:
            match command:
                case commands.Announce(key=key) | commands.FileReport(key=key):
                    yield key
                case commands.SendPage(page=page):
                    yield f"{incident}:page:{page}"
                case commands.OpenChannel():
                    yield f"{incident}:channel"
                case _:
                    pass


def _check_doubled(found: Findings, effects: Sequence[Effect]) -> None:
    struck = Counter((e.run, e.step) for e in effects if e.verb == "strike")
    for (run, step), count in struck.items():
        if count > 1:
            who = [f"attempt {e.attempt} by {e.pid}" for e in effects if e.step == step]
            found.doubled.append(f"{run}: {step} was done {count} times: {', '.join(who)}")
    others = Counter((e.run, e.step, e.value) for e in effects if e.verb in ("put", "start"))
    found.repeated += sum(count - 1 for count in others.values())


def _check_approved(
    found: Findings, incident: str, history: Sequence[Recorded], effects: Sequence[Effect]
) -> None:
    """Every effect has its intent in the journal, and before that all of its approvals."""
    intents: dict[tuple[str, int], str] = {}
    plan: Plan | None = None
    words: list[events.Decided] = []
    declarer = ""
    for recorded in history:
        match recorded.event:
            case events.IncidentDeclared(declared_by=who):
                declarer = who.id
            case events.PlanPrepared(plan=prepared):
                plan, words = prepared, []
            case events.Decided() as word:
                words.append(word)
            case events.StepStarted(step=step, attempt=attempt):
                intents[step, attempt] = _missing(plan, step, words, declarer)
            case _:
                pass
    for effect in effects:
        if effect.verb not in EFFECTS:
            continue
        place = f"{incident}: {effect.step}, attempt {effect.attempt}"
        why = intents.get((effect.step, effect.attempt), "nothing of its intent is recorded")
        if why:
            found.unapproved.append(f"{place}: {why}")


def _missing(plan: Plan | None, name: str, words: Sequence[events.Decided], declarer: str) -> str:
    """Say what was missing when a step began, or nothing."""
    if plan is None:
        return "there was no plan"
    scopes = {PLAN_SCOPE: plan.needs, name: plan.step(name).needs}
    for scope, slots in scopes.items():
        said = [w for w in words if w.scope == scope and plan.digest.startswith(w.digest)]
        if any(word.verb is Verb.DENY for word in said):
            return f"{scope} was denied"
        people = {w.person.id: w.person for w in said if w.verb is Verb.APPROVE}
        people.pop(declarer, None)
        if not _filled(slots, list(people.values())):
            return f"{scope} was approved by {sorted(people) or 'nobody'}"
    return ""


def _filled(slots: Sequence[Slot], people: list[Person]) -> bool:
    """Say whether everybody who is needed is there, each in one place."""
    needed = [frozenset(slot.any_of) for slot in slots for _ in range(slot.count)]
    return _seated(needed, people)


def _seated(needed: list[frozenset[str]], people: list[Person]) -> bool:
    if not needed:
        return True
    first, *rest = needed
    return any(
        first & set(person.roles) and _seated(rest, [p for p in people if p is not person])
        for person in people
    )
