"""Declaring: which system, what reason, is one open already; then an incident's first event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot import messages
from bot.slack.desk import Asker, Desk, Reply, actor_of
from bot.slack.directory import Directory
from bot.slack.texts import channel_name, reason_of
from config.models.bundles import Bundle
from config.models.policies import Target
from flows.events import IncidentDeclared, NoteAdded, Question
from flows.gates import Person
from flows.runs import Run
from flows.states import State

FIRST_TARGETS = ("availability", "overall")
DEFAULT_BUDGET = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What came of it: the reply, the run, and whether it was opened just now."""

    reply: Reply
    run: Run | None = None
    created: bool = False


class Declaring:
    """Opens incidents for the handlers."""

    def __init__(self, desk: Desk, directory: Directory) -> None:
        self._desk = desk
        self._directory = directory

    def names(self) -> tuple[str, ...]:
        """Return the names and aliases of the systems."""
        bundles = self._desk.bundles.values()
        return tuple(n for b in bundles for n in (b.system.system, *b.system.aliases))

    def declare(
        self, reason: str, system: str, asker: Asker, answers: Mapping[str, bool] | None = None
    ) -> Declaration:
        """Open an incident, or point to the one that is open, or say what is missing."""
        bundle = self.system(system, asker.channel)
        if isinstance(bundle, Reply):
            return Declaration(reply=bundle)
        person = self._desk.anybody(bundle.system.system, asker)
        if isinstance(person, Reply):
            return Declaration(reply=person)
        said = reason_of(reason)
        if not said:
            return Declaration(reply=Reply(text=messages.no_reason()))
        declared = self._desk.engine.declare(
            bundle.system.system,
            lambda incident: replace(
                declaration(incident, bundle, said, person),
                origin=asker.channel,
                answers=known_answers(bundle, answers or {}),
            ),
            actor=actor_of(person),
            event_id=asker.event,
        )
        run = declared.run
        if declared.created or _same(run, person, said):
            reply = Reply(text=messages.declared(run), done=True)
        else:
            self._add_note(run, said, person, asker)
            reply = Reply(text=messages.already_open(run, said))
        return Declaration(reply=reply, run=run, created=declared.created)

    def _add_note(self, run: Run, said: str, person: Person, asker: Asker) -> None:
        """Keep what a second declaration knows of the incident that is open already."""
        note = NoteAdded(text=said)
        self._desk.engine.feed(run.id, note, actor=actor_of(person), event_id=asker.event)

    def announced_in(self, run: Run | None, channel: str | None) -> bool:
        """Say whether this is the channel in which the incident is announced to everybody."""
        bundle = self._desk.bundles.get(run.system) if run else None
        place = self._directory.channel_name(channel) if channel else None
        return bundle is not None and place == bundle.system.channels.incidents

    def system(self, named: str, channel: str | None) -> Bundle | Reply:
        """Return the system that is meant: named, of this channel, or the only one."""
        bundles = self._desk.bundles
        if named:
            return _by_name(bundles, named) or self._unknown(named)
        place = self._directory.channel_name(channel) if channel else None
        here = [b for b in bundles.values() if place and b.system.channels.incidents == place]
        candidates = here or list(bundles.values())
        if len(candidates) == 1:
            return candidates[0]
        return Reply(text=messages.no_system([b.system.system for b in candidates]))

    def _unknown(self, named: str) -> Reply:
        return Reply(text=messages.unknown_system(named, self.names()))


def _by_name(bundles: Mapping[str, Bundle], named: str) -> Bundle | None:
    wanted = named.casefold()
    for bundle in bundles.values():
        system = bundle.system
        if wanted in {name.casefold() for name in (system.system, system.title, *system.aliases)}:
            return bundle
    return None


def _same(run: Run, person: Person, reason: str) -> bool:
    """Say whether the open incident is this very declaration, delivered again."""
    fresh = run.state is State.ASSESS and run.seq == 1
    return fresh and run.declared_by.id == person.id and run.reason == reason


def known_answers(bundle: Bundle, answers: Mapping[str, bool]) -> dict[str, bool]:
    """Return the answers to questions that the system's policy asks."""
    asked = {question.id for question in bundle.policy.questions}
    return {question: answer for question, answer in answers.items() if question in asked}


def declaration(incident: str, bundle: Bundle, reason: str, person: Person) -> IncidentDeclared:
    """Return the first event of an incident, with what the system's policy says right now."""
    system, policy = bundle.system, bundle.policy
    target = first_target(bundle)
    budget = policy.phase_budgets.get(State.ASSESS)
    return IncidentDeclared(
        incident=incident,
        system=system.system,
        system_title=system.title,
        environment=system.environment,
        reason=reason,
        severity=policy.matrix[0].severity,
        rto=target.rto.total_seconds(),
        rto_limit=target.rto_limit.total_seconds(),
        target_title=target.title,
        assess_budget=budget.total_seconds() if budget else DEFAULT_BUDGET,
        questions=tuple(Question(id=q.id, text=q.text) for q in policy.questions),
        answers={},
        channel_name=channel_name(incident, reason),
        origin=None,
        declared_by=person,
    )


def first_target(bundle: Bundle) -> Target:
    """Return the target that counts until the assessment knows better."""
    targets = {target.id: target for target in bundle.policy.targets}
    found = next((targets[name] for name in FIRST_TARGETS if name in targets), None)
    return found or bundle.policy.targets[0]
