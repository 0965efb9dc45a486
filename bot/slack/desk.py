"""Where requests of people are decided: who is it, may they, would it have an effect; then feed.

Called by the handlers for typed commands, buttons and modals alike, so that every surface of
Slack answers the same.  Nothing here waits: the acknowledgement may follow at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot import messages
from bot.slack import sentences
from bot.slack.directory import Member
from bot.slack.identity import IdentityRefusal, anybody, resolve
from config.models.bundles import Bundle
from config.models.people import Vendor
from flows import escalating, events
from flows.authorizing import SlackOf
from flows.engine import Engine
from flows.events import Actor, Event
from flows.gates import PLAN_SCOPE, Person, Refusal, Verb, refusal
from flows.objections import Asked, objection
from flows.runs import Run
from flows.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and from where; `event` is what makes this request one of its kind."""

    user: str
    member: Member | None
    channel: str | None
    event: str
    reachable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What only the asker sees; `done` where what was asked for was done."""

    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False


class Desk:
    """Answers requests with sentences from `bot.messages`."""

    def __init__(
        self,
        engine: Engine,
        bundles: Mapping[str, Bundle],
        slack_of: SlackOf = lambda _: None,
    ) -> None:
        self.engine = engine
        self.bundles = bundles
        self._slack_of = slack_of

    # Which incident

    def incident(self, named: str | None, asker: Asker, verb: str) -> Run | Reply:
        """Return the incident that is meant: the named one, the channel's, the only open one."""
        run = self.engine.run(named) if named else None
        if run is None and named is None and asker.channel:
            run = self.engine.run_of_channel(asker.channel)
        runs = self.engine.runs()
        if run is None and named is None and len(runs) == 1:
            run = runs[0]
        return run or Reply(text=sentences.which_incident(named, runs, verb))

    # Who

    def person(self, run: Run, asker: Asker) -> Person | Reply:
        """Return the listed person who asks, or why nobody is recognised."""
        return self._identified(run.system, asker, resolve)

    def anybody(self, system: str, asker: Asker) -> Person | Reply:
        """Return whoever asks, listed or not, who is a full member of the workspace."""
        return self._identified(system, asker, anybody)

    def _identified(
        self,
        system: str,
        asker: Asker,
        find: Callable[[Member | None, Bundle], Person | IdentityRefusal],
    ) -> Person | Reply:
        bundle = self.bundles.get(system)
        if bundle is None:
            return Reply(text=sentences.system_gone(system))
        if not asker.reachable:
            return Reply(text=messages.unidentified(messages.Unidentified.UNREACHABLE))
        found = find(asker.member, bundle)
        if isinstance(found, IdentityRefusal):
            return Reply(text=sentences.unidentified(found, bundle.system.title, asker.user))
        return found

    def controls(self, run: Run, person: Person) -> bool:
        """Say whether a person's roles let them steer a run."""
        return not set(self._control(run)).isdisjoint(person.roles)

    def _control(self, run: Run) -> tuple[str, ...]:
        bundle = self.bundles.get(run.system)
        return bundle.policy.authorization.control if bundle else ()

    # Requests

    def decide(
        self, run: Run, verb: Verb, asker: Asker, *, scope: str, digest: str, reason: str = ""
    ) -> Reply | None:
        """Count a person's word on a gate, or say why it can't count.

        None where the request was counted before.
        """
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        hindrance = self.hindrance(run, verb, person, scope=scope, digest=digest)
        if hindrance is not None:
            return hindrance
        decided = events.Decided(
            scope=scope, person=person, verb=verb, digest=digest, reason=reason
        )
        after = self._feed(run, decided, person, asker)
        if after is None:
            return None
        return Reply(
            text=messages.decided(after, scope=scope, verb=verb, now=self.engine.now()), done=True
        )

    def control(
        self, run: Run, asked: Asked, asker: Asker, *, verb: str, subject: str = ""
    ) -> Reply | None:
        """Do what a person asks for who may steer the run, or say why not.

        Holding is for everybody who is listed: stopping must be easy.
        """
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        obstacle = self.obstacle(run, asked, person, verb=verb, subject=subject)
        if obstacle is not None:
            return obstacle
        after = self._feed(run, asked, person, asker)
        if after is None:
            return None
        return Reply(text=messages.done(after, verb, self.engine.now()), done=True)

    def hindrance(
        self, run: Run, verb: Verb, person: Person, *, scope: str, digest: str
    ) -> Reply | None:
        """Say why a word on a gate would not count, or None where it would."""
        now = self.engine.now()
        why = refusal(run.gate_of(scope), run.decisions, person, verb, digest, now)
        if scope == PLAN_SCOPE and run.state is not State.APPROVE and why is not Refusal.STALE:
            why = Refusal.NOT_OPEN
        if why is None:
            return None
        return Reply(text=messages.refused(why, run=run, scope=scope, person=person, verb=verb))

    def obstacle(
        self, run: Run, asked: Asked, person: Person, *, verb: str, subject: str
    ) -> Reply | None:
        """Say why a person can't have what is asked for, or None where nothing is in the way."""
        if not isinstance(asked, events.HoldAsked) and not self.controls(run, person):
            bundle = self.bundles[run.system]
            return Reply(text=sentences.not_in_control(verb, person, bundle))
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb=verb, subject=subject))
        return None

    def acknowledge(self, run: Run, asker: Asker) -> Reply | None:
        """Note that somebody listed is there."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        asked = events.PageAcknowledged(person=person, via="slack")
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb="ack"))
        after = self._feed(run, asked, person, asker)
        return (
            None if after is None else Reply(text=messages.acknowledged(after, person), done=True)
        )

    def page(self, run: Run, said: str, asker: Asker) -> Reply | None:
        """Call whom somebody listed names; of a vendor, say how to."""
        person = self.person(run, asker)
        if isinstance(person, Reply):
            return person
        bundle = self.bundles[run.system]
        callees = escalating.find(bundle, said, self._slack_of) if said else None
        if isinstance(callees, Vendor):
            return Reply(text=messages.vendor(callees))
        if callees is None:
            return Reply(text=sentences.page_whom(said, escalating.names(bundle)))
        if not callees.people:
            return Reply(text=messages.nobody_listed(callees.title))
        asked = events.PageAsked(
            subject=callees.subject,
            title=callees.title,
            people=callees.people,
            why=messages.asked_by(person),
        )
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb="page"))
        after = self._feed(run, asked, person, asker)
        return None if after is None else Reply(text=messages.paged(callees.people), done=True)

    def note(self, run: Run, text: str, asker: Asker) -> Reply | None:
        """Keep what somebody wants to be remembered."""
        person = self.anybody(run.system, asker)
        if isinstance(person, Reply):
            return person
        if not text:
            return Reply(text=messages.missing("note", "a text"))
        after = self._feed(run, events.NoteAdded(text=text), person, asker)
        return None if after is None else Reply(text=messages.noted(after, text), done=True)

    def _feed(self, run: Run, event: Event, person: Person, asker: Asker) -> Run | None:
        return self.engine.feed(run.id, event, actor=actor_of(person), event_id=asker.event)


def actor_of(person: Person) -> Actor:
    """Return a person as the one who caused an event."""
    return Actor(id=person.id, name=person.name, slack=person.slack)
