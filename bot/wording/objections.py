"""Why what a person asks for has no effect right now: what, why, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import assert_never

from bot.wording.texts import bold, code, either, inline
from flows.objections import Objection
from flows.runs import Run
from flows.states import State, StepState

STEPS_NAMED = 8


def objected(objection: Objection, *, run: Run, verb: str, subject: str = "") -> str:
    """Say why `verb` has no effect on this run; `subject` is the step or question asked for.

    `verb` is what was asked, as in the command: hold, resume, retry, skip, undo, abort, plan,
    answer, no_rollback, emergency, ack or page.
    """
    what = doing(verb, inline(run.id, 60))
    return f"You can't {what} now: {_why(objection, run, subject)}"


def doing(verb: str, incident: str) -> str:
    """Write what a verb does to an incident: `skip a step of INC-7`."""
    known = {
        "plan": f"make a new plan for {incident}",
        "answer": f"answer a question of {incident}",
        "no_rollback": f"close {incident} without a rollback",
        "skip": f"skip a step of {incident}",
        "retry": f"retry a step of {incident}",
        "emergency": f"break the glass for {incident}",
        "ack": f"acknowledge {incident}",
        "page": f"call somebody to {incident}",
    }
    return known.get(verb, f"{inline(verb, 20)} {incident}")


def _why(objection: Objection, run: Run, subject: str) -> str:  # noqa: C901 one case a code
    match objection:
        case Objection.ENDED:
            return (
                f"it is *{run.state.value.upper()}* already. "
                'For something new: `!incident declare "reason"`.'
            )
        case Objection.NOT_WORKING:
            return (
                f"{_where(run)}, so nothing is being performed that could be held. {_instead(run)}"
            )
        case Objection.ALREADY_HELD:
            return (
                "it stands still already. Use `!incident retry`, `!incident resume`, "
                "`!incident skip &lt;step&gt; &lt;reason&gt;` or `!incident undo`."
            )
        case Objection.NOT_HELD:
            return f"it is not on hold, {_where(run)}. Stop it first with `!incident hold`."
        case Objection.STEPS_FAILED:
            return (
                f"{_failed(run)}, and going on would pass over that. Use `!incident retry`, "
                "or `!incident skip &lt;step&gt; &lt;reason&gt;` where a step may be left out."
            )
        case Objection.DRIFTED:
            return (
                "the estate changed after the plan was approved, so that plan is void. "
                "Use `!incident plan again` for a new one; what was done stays done."
            )
        case Objection.NOTHING_FAILED:
            return "no such step failed. Use `!incident resume` to go on where it stood."
        case Objection.UNKNOWN_STEP:
            return f"{_no_step(run, subject)}"
        case Objection.STEP_SETTLED:
            return (
                f"{_step(run, subject)} is {_state_of(run, subject)} already, so there is nothing "
                "to leave out. `!incident status` shows the steps that are left."
            )
        case Objection.STEP_BUSY:
            return (
                f"{_busy(run, subject)} may be changing the estate at this moment. Wait until "
                "it has ended (the card shows it), then ask again."
            )
        case Objection.NOT_SKIPPABLE:
            return (
                f"{_step(run, subject)} can't be left out: the rest makes no sense without it. "
                "Use `!incident retry`, `!incident undo`, or `!incident plan again` for another "
                "way."
            )
        case Objection.NOTHING_CHANGED:
            return (
                "nothing was changed yet, so there is nothing to put back. "
                "Use `!incident abort &lt;reason&gt;` to end it."
            )
        case Objection.SOMETHING_CHANGED:
            return (
                "something was changed already, and it would be left half done. "
                "Use `!incident undo` to put it back."
            )
        case Objection.UNDOING:
            return "it is being undone already. The card shows how far it is."
        case Objection.UNDER_WAY:
            return f"{_where(run)}. {_instead(run)}"
        case Objection.UNKNOWN_QUESTION:
            asked = either([code(question.id, 60) for question in run.questions], shown=8)
            return f"it has no such question. {f'It asks {asked}.' if asked else 'It asks none.'}"
        case Objection.NOT_ASSESSING:
            return (
                f"{_where(run)}, and answers decide only before that. If something turned out to "
                "be different, `!incident plan again` starts over; what was done stays done."
            )
        case Objection.NOT_APPROVING:
            return f"{_where(run)}, and the glass is broken only while a plan waits for approval."
        case Objection.NO_EMERGENCY:
            return (
                f"the policy of {inline(run.system_title, 80)} has no emergency: the plan begins "
                "when it is approved. `!incident page &lt;who&gt;` calls somebody."
            )
        case Objection.NOT_YOURS:
            rules = run.plan.emergency if run.plan else None
            who = either([bold(title, 80) for title in rules.titles]) if rules else "others"
            return f"that is for {who}. `!incident page &lt;who&gt;` calls somebody."
        case Objection.OTHER_PLAN:
            return "you looked at an older plan. Use the buttons of the newest card."
        case Objection.UNREVIEWED:
            owed = run.plan.emergency.barred if run.plan and run.plan.emergency else ""
            return (
                f"the emergency of {inline(owed, 120)} was not reviewed in its time. Have it "
                "reviewed (its card has the button), then `!incident plan again`."
            )
        case Objection.CALLED_ALREADY:
            return "they were called already. The card says who has answered."
        case Objection.NOBODY_CALLED:
            return "nobody is called for it. `!incident page &lt;who&gt;` calls somebody."
        case Objection.ACKNOWLEDGED:
            who = run.acknowledged.person.name if run.acknowledged else "somebody"
            return f"{inline(who, 80)} has done that already, and nobody else is called."
        case _:
            assert_never(objection)


def _where(run: Run) -> str:
    return {
        State.ASSESS: "it is still being assessed",
        State.APPROVE: "its plan waits for approval",
        State.ISOLATE: "it is isolating",
        State.RESTORE: "it is restoring",
        State.VALIDATE: "it is checking that the service is back",
        State.COMMUNICATE: "the rollback is over and people are being told",
        State.HOLD: "it is on hold",
        State.UNDO: "it is putting everything back",
        State.CLOSED: "it is closed",
        State.CANCELLED: "it is cancelled",
    }[run.state]


def _instead(run: Run) -> str:
    return {
        State.ASSESS: "Answer the questions on the card, or `!incident abort &lt;reason&gt;`.",
        State.APPROVE: "Approve or deny it on the card, or `!incident abort &lt;reason&gt;`.",
        State.HOLD: "The card shows the ways on: retry, skip, undo or a new plan.",
        State.COMMUNICATE: "It closes by itself; for the record: `!incident note &lt;text&gt;`.",
        State.UNDO: "Wait until it is done; the card shows how far it is.",
    }.get(run.state, "Stop it first with `!incident hold`.")


def _failed(run: Run) -> str:
    if run.held and run.held.origin is State.UNDO:
        return "something could not be put back"
    names = [bold(step.title, 80) for step in run.failed()]
    return f"{either(names)} failed" if names else "a step failed"


def _step(run: Run, step: str) -> str:
    if run.plan and step in run.steps:
        return bold(run.plan.step(step).title, 100)
    return code(step, 60) or "the step"


def _state_of(run: Run, step: str) -> str:
    record = run.steps.get(step)
    return (record.state if record else StepState.DONE).value


def _busy(run: Run, step: str) -> str:
    if step in run.steps:
        return _step(run, step)
    names = [bold(one.title, 80) for one in run.changing()]
    return either(names) or "a step"


def _no_step(run: Run, step: str) -> str:
    if not run.steps:
        return (
            "it has no plan yet, so there are no steps. `!incident status` shows what it waits for."
        )
    open_ones = [i for i, r in run.steps.items() if r.state not in (StepState.DONE,)]
    near = near_names(step, open_ones) or open_ones
    named = either([code(one, 60) for one in near], shown=STEPS_NAMED)
    asked = f"there is no step {code(step, 60)}" if step else "say which step"
    return f"{asked}. {f'Did you mean {named}?' if named else 'Every step is done.'}"


def near_names(word: str, known: Iterable[str]) -> list[str]:
    """Return the names that look like a misspelt one, best first."""
    by_fold = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_fold, n=3, cutoff=0.5)
    return [by_fold[one] for one in found]
