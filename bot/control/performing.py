"""Orders from the command line: who gives it, is it them, then `bot.deciding`.

Called by `bot.control.door`.  Fails closed: a person who is not listed, has no second factor, or
whom Slack is known to have shut out, orders nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot import messages
from bot.control.orders import Answer, Asked, OpenRun, Order, Word
from bot.control.texts import flat
from bot.deciding import NO_REASON, Deciding, Reply, Requester, waiting_scope
from bot.factors import Factors
from bot.messages import Unidentified
from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows import events, gates
from flows.authorizing import RolesOf, SlackOf, only_listed, person_of
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Person
from flows.objections import Asked as Asking
from flows.runs import Run

VIA = "command line"
SLACK_SAYS_WITHIN = 3.0
"""Seconds that are waited for who is in which user group; Slack is probably away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquaintance:
    """What Slack knows of people, or last knew.

    `slack_of` gives a listed person's user, `doubt_of` what speaks against them, `roles_now` the
    roles that they have by user groups, and `name_of` a user's name.
    """

    slack_of: SlackOf
    doubt_of: Callable[[Listed], Unidentified | None]
    name_of: Callable[[str], str | None]
    roles_now: Callable[[Bundle], Awaitable[RolesOf]]


class Orders:
    """Performs orders and tells what there is to order about."""

    def __init__(self, deciding: Deciding, factors: Factors, known: Acquaintance) -> None:
        self._deciding = deciding
        self._factors = factors
        self._known = known

    def open_runs(self) -> tuple[OpenRun, ...]:
        """Return the incidents that are open, or owe a review, with what is asked about."""
        engine = self._deciding.engine
        owing = [run for system in self._deciding.bundles for run in engine.unreviewed(system)]
        return tuple(_open_run(run) for run in (*engine.runs(), *(r for r in owing if r.ended)))

    async def perform(self, word: Word, order: Order) -> Answer:
        """Do what is ordered, or say why not, as plain text."""
        known = self._deciding.engine.run(order.incident)
        if known is None:
            ids = [each.id for each in self._deciding.engine.runs()]
            return self._answer(Reply(text=messages.unknown_incident(order.incident, ids)))
        bundle = self._deciding.bundles.get(known.system)
        if bundle is None:
            return self._answer(Reply(text=messages.system_gone(known.system)))
        roles_of = await self._roles_now(bundle)
        # From here on nothing waits: what is looked at is what is decided on.
        run = self._deciding.engine.run(order.incident) or known
        person = self._person(bundle, order, roles_of)
        if isinstance(person, Reply):
            return self._answer(person)
        # The request's id makes an order that is sent again the same event in the journal.
        requester = Requester(person=person, event=f"cli:{order.request}", via=VIA, proven=True)
        return self._answer(self._about(run, word, order, requester))

    async def _roles_now(self, bundle: Bundle) -> RolesOf:
        """Return who has further roles by user groups: nobody, where Slack does not say soon."""
        try:
            return await asyncio.wait_for(self._known.roles_now(bundle), SLACK_SAYS_WITHIN)
        except TimeoutError:
            return only_listed

    def _person(self, bundle: Bundle, order: Order, roles_of: RolesOf) -> Person | Reply:
        """Return who gives an order, proven by their code, or why that is not sure."""
        listed = _listed(bundle, order.person)
        if listed is None:
            ids = [person.id for person in bundle.people.people]
            return Reply(text=messages.unknown_name("person", order.person, ids))
        code = order.code.get_secret_value()
        unproven = self._factors.check(bundle.system.system, listed.id, code)
        if unproven is not None:
            return Reply(
                text=messages.unproven(
                    unproven.doubt, name=listed.name, person=listed.id, until=unproven.until
                )
            )
        if (doubt := self._known.doubt_of(listed)) is not None:
            return Reply(text=messages.unidentified(doubt, system=bundle.system.title))
        slack = listed.slack or self._known.slack_of(listed)
        return person_of(listed, slack, roles_of(listed))

    def _about(self, run: Run, word: Word, order: Order, requester: Requester) -> Reply | None:
        match word:
            case Word.APPROVE | Word.DENY | Word.WITHDRAW:
                return self._decide(run, gates.Verb(word.value), order, requester)
            case Word.ACK:
                return self._deciding.acknowledge(run, requester)
            case Word.ANSWER if order.answer is None:
                return Reply(text=messages.missing("answer", "yes or no"))
            case Word.NOTE:
                return self._deciding.note(run, order.text.strip(), requester)
            case Word.PAGE:
                return self._deciding.page(run, order.text.strip(), requester)
            case Word.EMERGENCY:
                reason = order.reason.strip() or NO_REASON
                return self._deciding.break_glass(
                    run, requester, digest=order.digest, reason=reason
                )
            case _:
                asked = _asked(word, order)
                return self._deciding.control(
                    run, asked, requester, verb=word.value, subject=order.step or order.text
                )

    def _decide(
        self, run: Run, verb: gates.Verb, order: Order, requester: Requester
    ) -> Reply | None:
        scope = order.step or waiting_scope(run)
        gate = run.gate_of(scope)
        digest = order.digest
        if verb is gates.Verb.DENY and not order.reason.strip():
            return Reply(text=messages.nothing_to_deny_with())
        if verb is not gates.Verb.APPROVE:
            digest = digest or (gate.digest if gate else "")
        return self._deciding.decide(
            run, verb, requester, scope=scope, digest=digest, reason=order.reason.strip()
        )

    def _answer(self, reply: Reply | None) -> Answer:
        if reply is None:
            return Answer(text="This very order was counted before.", done=True)
        return Answer(text=flat(reply.text, self._known.name_of), done=reply.done)


def _listed(bundle: Bundle, wanted: str) -> Listed | None:
    """Return the entry of people.yaml, if there is exactly one of this id."""
    found = [person for person in bundle.people.people if person.id == wanted]
    return found[0] if len(found) == 1 else None


def _asked(word: Word, order: Order) -> Asking:
    reason = order.reason.strip() or NO_REASON
    match word:
        case Word.HOLD:
            return events.HoldAsked(reason=reason)
        case Word.RESUME:
            return events.ResumeAsked()
        case Word.RETRY:
            return events.RetryAsked(step=order.step or None)
        case Word.SKIP:
            return events.SkipAsked(step=order.step, reason=reason)
        case Word.UNDO:
            return events.UndoAsked(reason=reason)
        case Word.ABORT:
            return events.AbortAsked(reason=reason)
        case Word.ANSWER:
            return events.QuestionAnswered(question=order.text, answer=bool(order.answer))
        case _:
            raise AssertionError(word)


def _open_run(run: Run) -> OpenRun:
    scopes = (REVIEW_SCOPE,) if run.ended else (PLAN_SCOPE, *run.step_gates)
    found = [(scope, gate) for scope in scopes if (gate := run.gate_of(scope)) is not None]
    return OpenRun(
        incident=run.id,
        system=run.system,
        title=run.plan.title if run.plan else "",
        state=run.state.value,
        gates=tuple(Asked(scope=scope, digest=gate.digest) for scope, gate in found),
        waiting=waiting_scope(run),
    )
