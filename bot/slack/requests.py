"""From a request as typed to the desk, and from buttons to the same desk.

Called by `bot.slack.handlers`.  Answers what only reads; hands on what changes.
"""

from typing import assert_never

from bot import messages
from bot.deciding import NO_REASON, Reply, waiting_scope
from bot.slack import sentences
from bot.slack.commands import Misspelt, Request, Verb
from bot.slack.declaring import Declaring
from bot.slack.desk import Asker, Desk
from bot.views.approving import (
    approve_buttons,
    digest_note,
    proposal_blocks,
    review_blocks,
    step_gate_blocks,
    view_plan,
)
from bot.views.blocks import actions, context, section
from bot.views.controls import Act, Control
from flows import events, gates, inputs
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, SHORT_DIGEST
from flows.objections import Asked
from flows.plans import Scalar
from flows.runs import Run

DECISIONS = {
    Act.APPROVE: gates.Verb.APPROVE,
    Act.DENY: gates.Verb.DENY,
    Act.WITHDRAW: gates.Verb.WITHDRAW,
}


class Requests:
    """Answers typed requests and controls."""

    def __init__(self, desk: Desk, declaring: Declaring) -> None:
        self._desk = desk
        self._declaring = declaring

    # Typed

    def typed(self, request: Request | Misspelt, asker: Asker) -> Reply | None:
        """Answer what was typed; declarations go to `Declaring` before."""
        match request:
            case Misspelt(word=word):
                return Reply(text=messages.unknown_verb(word))
            case Request(verb=Verb.HELP | Verb.DECLARE):
                return Reply(text=messages.help_text(request.text.casefold()))
            case Request(verb=Verb.LIST):
                now = self._desk.engine.now()
                return Reply(text=sentences.listing(self._desk.engine.runs(), now))
            case _:
                run = self._desk.incident(request.incident, asker, request.verb.value)
                return run if isinstance(run, Reply) else self._about(run, request, asker)

    def _about(self, run: Run, request: Request, asker: Asker) -> Reply | None:  # noqa: C901 one case a verb
        match request.verb:
            case Verb.STATUS:
                return Reply(text=sentences.status(run, self._desk.engine.now()))
            case Verb.PLAN:
                return self._plan(run, request, asker)
            case Verb.APPROVE | Verb.DENY | Verb.WITHDRAW:
                return self._decide(run, request, asker)
            case Verb.EMERGENCY:
                return self._break_glass(run, request, asker)
            case Verb.ANSWER:
                return self._answer(run, request, asker)
            case Verb.ACK:
                return self._desk.acknowledge(run, asker)
            case Verb.PAGE:
                return self._desk.page(run, request.text, asker)
            case Verb.NOTE:
                return self._desk.note(run, request.text, asker)
            case Verb.DONE:
                return self._desk.tick(run, request.text, asker)
            case Verb.SKIP | Verb.ABORT if not request.text:
                return Reply(text=sentences.steps_wanted(request.verb.value))
            case _:
                asked = _asked(request)
                verb, subject = request.verb.value, request.subject
                return self._desk.control(run, asked, asker, verb=verb, subject=subject)

    def _decide(self, run: Run, request: Request, asker: Asker) -> Reply | None:
        verb = gates.Verb(request.verb.value)
        scope = request.text if request.text in run.step_gates else waiting_scope(run)
        gate = run.gate_of(scope)
        digest = request.digest or (gate.digest if gate else "")
        if verb is gates.Verb.APPROVE and not request.digest:
            return self._show_first(run, scope, asker)
        reason = "" if request.text in run.step_gates else request.text
        if verb is gates.Verb.DENY and not reason:
            return Reply(text=messages.nothing_to_deny_with())
        return self._desk.decide(run, verb, asker, scope=scope, digest=digest, reason=reason)

    def _break_glass(self, run: Run, request: Request, asker: Asker) -> Reply | None:
        if not (request.digest and request.text):
            digest = run.plan.digest[:SHORT_DIGEST] if run.plan else ""
            return Reply(text=messages.emergency_how(digest))
        digest, reason = request.digest, request.text
        return self._desk.break_glass(run, asker, digest=digest, reason=reason)

    def _show_first(self, run: Run, scope: str, asker: Asker) -> Reply:
        """Show what is to be approved, with buttons bound to it: a word alone names no plan."""
        person = self._desk.person(run, asker)
        if isinstance(person, Reply):
            return person
        gate = run.gate_of(scope)
        digest = gate.digest if gate else ""
        hindrance = self._desk.hindrance(
            run, gates.Verb.APPROVE, person, asker, scope=scope, digest=digest
        )
        if hindrance is not None:
            return hindrance
        assert gate is not None
        assert run.plan is not None
        text = sentences.approve_how(run, digest[:SHORT_DIGEST])
        if scope == REVIEW_SCOPE:
            shown = review_blocks(run, self._desk.engine.now())
        elif scope == PLAN_SCOPE:
            shown = [
                *proposal_blocks(run),
                *actions([*approve_buttons(run, gate), view_plan(run)]),
            ]
        else:
            shown = step_gate_blocks(run, self._desk.engine.now())
        return Reply(text=text, blocks=[section(text), *shown, context(digest_note(run.plan))])

    def _answer(self, run: Run, request: Request, asker: Asker) -> Reply | None:
        known = [question.id for question in run.questions]
        subject = request.subject or (known[0] if len(known) == 1 else "")
        if request.answer is None or not subject:
            return Reply(text=sentences.answer_how(run))
        asked = events.QuestionAnswered(question=subject, answer=request.answer)
        return self._desk.control(run, asked, asker, verb="answer", subject=subject)

    def _plan(self, run: Run, request: Request, asker: Asker) -> Reply | None:
        if not request.subject and run.plan is not None:
            text = sentences.status(run, self._desk.engine.now())
            blocks = [section(text), *proposal_blocks(run), *actions([view_plan(run)])]
            return Reply(text=text, blocks=blocks)
        subject = request.subject.casefold()
        procedure = None if subject in ("", "again", "new") else subject
        bundle = self._desk.bundles.get(run.system)
        if procedure is not None and bundle and procedure not in bundle.procedures:
            return Reply(text=messages.unknown_procedure(subject, bundle.procedures))
        try:
            given = self._given(run, procedure, request.text)
        except inputs.InputError as error:
            return Reply(text=messages.odd_input(str(error)))
        asked = events.PlanAsked(procedure=procedure, inputs=given)
        return self._desk.control(run, asked, asker, verb="plan")

    def _given(self, run: Run, procedure: str | None, text: str) -> dict[str, Scalar]:
        """Read what was typed behind a procedure's name; raise `InputError`."""
        bundle = self._desk.bundles.get(run.system)
        if procedure is None or bundle is None:
            return {}
        return inputs.read(bundle.procedures[procedure], text.split())

    # Buttons and modals

    def clicked(self, control: Control, asker: Asker) -> Reply | None:
        """Do what a button asks for that acts at once."""
        return self.submitted(control, "", asker)

    def submitted(self, control: Control, reason: str, asker: Asker) -> Reply | None:
        """Do what a button, or a modal with a reason, asks for."""
        run = self._desk.incident(control.incident, asker, control.act.value)
        if isinstance(run, Reply):
            return run
        if control.act is Act.ACKNOWLEDGE:
            return self._desk.acknowledge(run, asker)
        if control.act is Act.BREAK_GLASS:
            digest = control.digest or ""
            return self._desk.break_glass(run, asker, digest=digest, reason=reason or NO_REASON)
        if control.act in DECISIONS:
            scope, digest = control.scope or PLAN_SCOPE, control.digest or ""
            verb = DECISIONS[control.act]
            return self._desk.decide(run, verb, asker, scope=scope, digest=digest, reason=reason)
        asked = _pressed(control, reason)
        if asked is None:
            return Reply(text=messages.stale_control())
        verb_said, subject = VERBS[control.act], control.scope or ""
        return self._desk.control(run, asked, asker, verb=verb_said, subject=subject)

    def wants_code(self, control: Control) -> bool:
        """Say whether a button approves what takes a code of a second factor."""
        run = self._desk.engine.run(control.incident)
        if run is None or control.act not in DECISIONS:
            return False
        verb, scope = DECISIONS[control.act], control.scope or PLAN_SCOPE
        return self._desk.deciding.needs_code(run, verb, scope)

    def hindered(self, control: Control, asker: Asker) -> Reply | None:
        """Say why asking for a reason or a code would be in vain, before somebody types one."""
        run = self._desk.incident(control.incident, asker, control.act.value)
        if isinstance(run, Reply):
            return run
        person = self._desk.person(run, asker)
        if isinstance(person, Reply):
            return person
        if control.act is Act.BREAK_GLASS:
            return self._desk.deciding.no_emergency(run, person, digest=control.digest or "")
        if control.act in DECISIONS:
            scope, digest = control.scope or PLAN_SCOPE, control.digest or ""
            verb = DECISIONS[control.act]
            hindrance = self._desk.hindrance(run, verb, person, asker, scope=scope, digest=digest)
            if hindrance is not None or not self.wants_code(control):
                return hindrance
            return self._desk.unproven(run, person, "")
        asked = _pressed(control, "…")
        if asked is None:
            return Reply(text=messages.stale_control())
        verb_said, subject = VERBS[control.act], control.scope or ""
        return self._desk.obstacle(run, asked, person, asker, verb=verb_said, subject=subject)


VERBS = {
    Act.ANSWER: "answer",
    Act.HOLD: "hold",
    Act.RESUME: "resume",
    Act.RETRY: "retry",
    Act.SKIP: "skip",
    Act.UNDO: "undo",
    Act.ABORT: "abort",
    Act.REPLAN: "plan",
    Act.NO_ROLLBACK: "no_rollback",
}


def _asked(request: Request) -> Asked:
    reason = request.text or NO_REASON
    match request.verb:
        case Verb.HOLD:
            return events.HoldAsked(reason=reason)
        case Verb.RESUME:
            return events.ResumeAsked()
        case Verb.RETRY:
            return events.RetryAsked(step=request.subject or None)
        case Verb.SKIP:
            return events.SkipAsked(step=request.subject, reason=reason)
        case Verb.UNDO:
            return events.UndoAsked(reason=reason)
        case Verb.ABORT:
            return events.AbortAsked(reason=reason)
        case (
            Verb.DECLARE
            | Verb.STATUS
            | Verb.LIST
            | Verb.PLAN
            | Verb.APPROVE
            | Verb.DENY
            | Verb.WITHDRAW
            | Verb.EMERGENCY
            | Verb.ANSWER
            | Verb.ACK
            | Verb.PAGE
            | Verb.NOTE
            | Verb.DONE
            | Verb.HELP
        ):
            raise AssertionError(request.verb)
        case _:
            assert_never(request.verb)


def _pressed(control: Control, reason: str) -> Asked | None:
    """Return the event that a control asks for, or None where it asks for none."""
    reason = reason or NO_REASON
    scope = control.scope or ""
    plain: dict[Act, Asked] = {
        Act.HOLD: events.HoldAsked(reason=reason),
        Act.RESUME: events.ResumeAsked(),
        Act.RETRY: events.RetryAsked(step=control.scope),
        Act.SKIP: events.SkipAsked(step=scope, reason=reason),
        Act.UNDO: events.UndoAsked(reason=reason),
        Act.ABORT: events.AbortAsked(reason=reason),
        Act.REPLAN: events.PlanAsked(procedure=None),
        Act.NO_ROLLBACK: events.NoRollbackChosen(reason=reason),
    }
    if control.act is Act.ANSWER and control.answer is not None:
        return events.QuestionAnswered(question=scope, answer=control.answer)
    return plain.get(control.act)
