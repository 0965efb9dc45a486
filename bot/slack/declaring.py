"""Declaring: which system, what reason, is one open already; then an incident's first event."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot import limits, messages
from bot.deciding import Reply, actor_of
from bot.slack.desk import Asker, Desk
from bot.slack.directory import Directory
from bot.slack.texts import channel_name, reason_of
from config.models.bundles import Bundle
from flows.declaring import declaration
from flows.events import NoteAdded
from flows.gates import Person
from flows.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What came of it: the reply, the run, and whether it was opened just now."""

    reply: Reply
    run: Run | None = None
    created: bool = False
    was_cut: bool = False


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
            lambda incident: declaration(
                bundle,
                incident,
                reason=said,
                person=person,
                channel_name=channel_name(incident, said),
                origin=asker.channel,
                answers=known_answers(bundle, answers or {}),
                slack_of=self._directory.slack_of,
            ),
            actor=actor_of(person),
            event_id=asker.event,
        )
        run = declared.run
        if declared.created or not self._noted(run, said, person, asker):
            reply = Reply(text=messages.declared(run), done=True)
        else:
            kept = len(run.notes) < limits.MOST_NOTES
            reply = Reply(text=messages.already_open(run, said if kept else ""))
        was_cut = len(reason) > limits.TEXT
        return Declaration(reply=reply, run=run, created=declared.created, was_cut=was_cut)

    def _noted(self, run: Run, said: str, person: Person, asker: Asker) -> bool:
        """Keep what a second declaration knows; say whether it was one.

        It was none where the journal knows the request already: the declaration itself came
        once more, or the incident has as many notes as it can have.
        """
        if len(run.notes) >= limits.MOST_NOTES:
            return True
        note = NoteAdded(text=said)
        feed = self._desk.engine.feed
        return feed(run.id, note, actor=actor_of(person), event_id=asker.event) is not None

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


def known_answers(bundle: Bundle, answers: Mapping[str, bool]) -> dict[str, bool]:
    """Return the answers to questions that the system's policy asks."""
    asked = {question.id for question in bundle.policy.questions}
    return {question: answer for question, answer in answers.items() if question in asked}
