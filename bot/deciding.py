"""What identified people may do to a run: would it have an effect, is it theirs to ask; then feed.

Called by `bot.slack.desk` and `bot.control.door`, each of which has found out before who asks, so
that a word counts the same wherever it was said.  Nothing here waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot import limits, logs, messages
from bot.wording import follow_ups
from config.models.bundles import Bundle
from config.models.people import Vendor
from flows import escalating, events
from flows.authorizing import SlackOf
from flows.engine import Engine
from flows.events import Actor, Event
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Open, Person, Refusal, Verb, refusal
from flows.objections import Asked, objection
from flows.runs import Run
from flows.states import State, StepState

NO_REASON = "no reason given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """A person who was identified; `event` makes the request one of its kind.

    `via` is where they asked, in a word for the record; `proven` where a code of their second
    factor came with the request and was taken.
    """

    person: Person
    event: str
    via: str
    proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What only the asker sees; `done` where what was asked for was done.

    `again` where nothing was recorded and the very same request may come once more.
    """

    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False
    again: bool = False


class Deciding:
    """Does what people ask for, or answers why not, with sentences from `bot.messages`.

    Requests return None where they were counted before.
    """

    def __init__(
        self,
        engine: Engine,
        bundles: Mapping[str, Bundle],
        slack_of: SlackOf = lambda _: None,
    ) -> None:
        self.engine = engine
        self.bundles = bundles
        self._slack_of = slack_of

    # Whether

    def controls(self, run: Run, person: Person) -> bool:
        """Say whether a person's roles let them steer a run."""
        bundle = self.bundles.get(run.system)
        control = bundle.policy.authorization.control if bundle else ()
        return not set(control).isdisjoint(person.roles)

    def hindrance(
        self, run: Run, verb: Verb, person: Person, *, scope: str, digest: str
    ) -> Reply | None:
        """Say why a word on a gate would not count, or None where it would."""
        now = self.engine.now()
        why = refusal(run.gate_of(scope), run.words_on(scope), person, verb, digest, now)
        if not run.takes_words(scope) and why is not Refusal.STALE:
            why = Refusal.NOT_OPEN
        if why is None:
            return None
        return Reply(text=messages.refused(why, run=run, scope=scope, person=person, verb=verb))

    def obstacle(
        self, run: Run, asked: Asked, person: Person, *, verb: str, subject: str
    ) -> Reply | None:
        """Say why a person can't have what is asked for, or None where nothing is in the way."""
        if not isinstance(asked, events.HoldAsked) and not self.controls(run, person):
            return Reply(text=_not_in_control(verb, person, self.bundles[run.system]))
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb=verb, subject=subject))
        return None

    def needs_code(self, run: Run, verb: Verb, scope: str) -> bool:
        """Say whether a word on a gate counts only if a code proves who gives it."""
        gate = run.gate_of(scope)
        return verb is Verb.APPROVE and gate is not None and gate.second_factor

    def no_emergency(self, run: Run, person: Person, *, digest: str) -> Reply | None:
        """Say why a person can't break the glass, or None where they can."""
        asked = events.BreakGlassAsked(person=person, digest=digest, reason="")
        if (why := objection(run, asked)) is None:
            return None
        return Reply(text=messages.objected(why, run=run, verb="emergency"))

    # Requests

    def decide(
        self,
        run: Run,
        verb: Verb,
        requester: Requester,
        *,
        scope: str,
        digest: str,
        reason: str = "",
    ) -> Reply | None:
        """Count a person's word on a gate, or say why it can't count."""
        person = requester.person
        hindrance = self.hindrance(run, verb, person, scope=scope, digest=digest)
        if hindrance is not None:
            return hindrance
        if self.needs_code(run, verb, scope) and not requester.proven:
            return Reply(text=messages.code_wanted(run))
        decided = events.Decided(
            scope=scope,
            person=person,
            verb=verb,
            digest=digest,
            reason=limits.cut(reason),
            proven=requester.proven,
        )
        after = self._feed(run, decided, requester)
        if after is None:
            return None
        return Reply(
            text=messages.decided(after, scope=scope, verb=verb, now=self.engine.now()), done=True
        )

    def break_glass(
        self, run: Run, requester: Requester, *, digest: str, reason: str
    ) -> Reply | None:
        """Begin the plan on one person's word, or say why not."""
        obstacle = self.no_emergency(run, requester.person, digest=digest)
        if obstacle is not None:
            return obstacle
        asked = events.BreakGlassAsked(
            person=requester.person, digest=digest, reason=limits.cut(reason)
        )
        after = self._feed(run, asked, requester)
        if after is None:
            return None
        return Reply(text=messages.done(after, "emergency", self.engine.now()), done=True)

    def control(
        self, run: Run, asked: Asked, requester: Requester, *, verb: str, subject: str = ""
    ) -> Reply | None:
        """Do what a person asks for who may steer the run, or say why not.

        Holding is for everybody who is listed: stopping must be easy.
        """
        obstacle = self.obstacle(run, asked, requester.person, verb=verb, subject=subject)
        if obstacle is not None:
            return obstacle
        after = self._feed(run, _bounded(asked), requester)
        if after is None:
            return None
        return Reply(text=messages.done(after, verb, self.engine.now()), done=True)

    def acknowledge(self, run: Run, requester: Requester) -> Reply | None:
        """Note that somebody listed is there."""
        person = requester.person
        asked = events.PageAcknowledged(person=person, via=requester.via)
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb="ack"))
        after = self._feed(run, asked, requester)
        return (
            None if after is None else Reply(text=messages.acknowledged(after, person), done=True)
        )

    def page(self, run: Run, said: str, requester: Requester) -> Reply | None:
        """Call whom somebody listed names; of a vendor, say how to."""
        bundle = self.bundles[run.system]
        callees = escalating.find(bundle, said, self._slack_of) if said else None
        if isinstance(callees, Vendor):
            return Reply(text=messages.vendor(callees))
        if callees is None:
            return Reply(text=messages.page_whom(said, escalating.names(bundle)))
        if not callees.people:
            return Reply(text=messages.nobody_listed(callees.title))
        if len(run.pages) >= limits.MOST_CALLS:
            return Reply(text=messages.calls_full(run, limits.MOST_CALLS))
        asked = events.PageAsked(
            subject=callees.subject,
            title=callees.title,
            people=callees.people,
            why=messages.asked_by(requester.person),
        )
        if (why := objection(run, asked)) is not None:
            return Reply(text=messages.objected(why, run=run, verb="page"))
        after = self._feed(run, asked, requester)
        return None if after is None else Reply(text=messages.paged(callees.people), done=True)

    def note(self, run: Run, text: str, requester: Requester) -> Reply | None:
        """Keep what somebody wants to be remembered."""
        if not text:
            return Reply(text=messages.missing("note", "a text"))
        if len(run.notes) >= limits.MOST_NOTES:
            return Reply(text=messages.notes_full(run, limits.MOST_NOTES))
        after = self._feed(run, events.NoteAdded(text=limits.cut(text)), requester)
        if after is None:
            return None
        was_cut = f" {messages.text_cut(limits.TEXT)}" if len(text) > limits.TEXT else ""
        return Reply(text=messages.noted(after, text) + was_cut, done=True)

    def tick(self, run: Run, said: str, requester: Requester) -> Reply | None:
        """Note that a follow-up is done, or list them where none is named."""
        if not said or not run.ended:
            return Reply(text=follow_ups.listing(run))
        wanted = said.strip().casefold().replace(" ", "_").replace("-", "_")
        task = next((each for each in run.follow_ups if each.id.replace("-", "_") == wanted), None)
        tick = next((each for each in run.ticks if task and each.follow_up == task.id), None)
        if task and tick:
            return Reply(text=follow_ups.done_already(task, tick))
        if task is None or task not in run.owed:
            return Reply(text=follow_ups.unknown(run, said))
        after = self._feed(run, events.FollowUpDone(follow_up=task.id), requester)
        return None if after is None else Reply(text=follow_ups.ticked(after, task), done=True)

    def _feed(self, run: Run, event: Event, requester: Requester) -> Run | None:
        actor = actor_of(requester.person)
        with logs.about(incident=run.id):
            return self.engine.feed(run.id, event, actor=actor, event_id=requester.event)


def _bounded(asked: Asked) -> Asked:
    """Return what was asked for with its reason within the limit."""
    match asked:
        case (
            events.HoldAsked()
            | events.SkipAsked()
            | events.UndoAsked()
            | events.AbortAsked()
            | events.NoRollbackChosen()
        ):
            return replace(asked, reason=limits.cut(asked.reason))
        case _:
            return asked


def actor_of(person: Person) -> Actor:
    """Return a person as the one who caused an event."""
    return Actor(id=person.id, name=person.name, slack=person.slack)


def _not_in_control(verb: str, person: Person, bundle: Bundle) -> str:
    """Say who may steer a run."""
    control = bundle.policy.authorization.control
    titles = {role: each.title for role, each in bundle.people.roles.items()}
    people = [p.name for p in bundle.people.people if set(p.roles) & set(control)]
    return messages.not_in_control(person, verb, control, people, titles)


def waiting_scope(run: Run) -> str:
    """Return which gate is asked about: the plan's, that of a step that waits, or the review's."""
    if run.state is State.APPROVE:
        return PLAN_SCOPE
    if run.ended and run.debt is not None:
        return REVIEW_SCOPE
    if run.begun_early and isinstance(run.standing(PLAN_SCOPE, run.updated_at), Open):
        return PLAN_SCOPE
    waits = (s for s in run.step_gates if run.steps[s].state is StepState.WAITING)
    return next(waits, PLAN_SCOPE)
