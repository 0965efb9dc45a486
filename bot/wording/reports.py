"""The words of a post-mortem: the document's, and those that stand in its picture.

Plain text: `bot.reporting` escapes it for Markdown, or draws it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.wording import situations
from bot.wording.texts import DAY, duration, inline, sentence
from flows import events as e
from flows.deviations import Deviation, Off
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, SHORT_DIGEST, Verb
from flows.reports import FOLLOW_UP, Loss, Owed, Report, StepAccount
from flows.rulings import Call, Ruling
from flows.runs import Run
from flows.states import Outcome, StepState
from flows.stretches import For, Wait

VERBS: Mapping[Verb, str] = {
    Verb.APPROVE: "approved",
    Verb.DENY: "denied",
    Verb.WITHDRAW: "withdrew the approval of",
}
SCOPES: Mapping[str, str] = {PLAN_SCOPE: "the plan", REVIEW_SCOPE: "the review of the emergency"}
WAITS: Mapping[For, str] = {
    For.APPROVAL: "approval of the plan",
    For.NOTICE: "notice before it begins by itself",
    For.STEP_APPROVAL: "approval of a step",
    For.HOLD: "on hold",
    For.QUESTIONS: "answers to the questions",
    For.ADVICE: "a person's advice",
}
RESULTS: Mapping[StepState, str] = {
    StepState.PENDING: "not begun",
    StepState.WAITING: "waited for approval",
    StepState.RUNNING: "under way",
    StepState.DOUBT: "in doubt",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "skipped",
    StepState.NOT_NEEDED: "not needed",
    StepState.UNDONE: "undone",
}
OFF: Mapping[Off, str] = {
    Off.SKIPPED: "Skipped by a person",
    Off.LEFT: "Left as it was changed",
    Off.FAILED: "Failed",
    Off.NOT_UNDONE: "Could not be undone",
    Off.NOT_PERFORMED: "Never performed",
    Off.BROKE_GLASS: "Begun before it was approved (break-glass)",
    Off.BEGUN_ALONE: "Began by itself, as the policy allows",
    Off.OTHER_PLAN: "Another procedure than proposed was asked for",
    Off.REPLANNED: "Planned again",
    Off.EXPIRED: "The plan got too old while it waited",
    Off.HELD: "Put on hold",
    Off.RETRIED: "Retried by a person",
    Off.TRIED_AGAIN: "Tried again by itself",
    Off.DOUBTED: "In doubt: the outcome was not known",
    Off.REFUTED: "A look showed that it had not taken effect",
    Off.RECONCILED: "A look showed that it had taken effect",
    Off.DRIFTED: "No longer what was approved",
    Off.LATE: "Late",
    Off.UNKNOWN: "Unknown when it was decided",
    Off.NO_EFFECT: "A word without effect",
    Off.AWAY: "Backout was restarted",
    Off.STALLED: "Something stood still",
}
DEADLINES: Mapping[str, str] = {
    "rto": "the recovery target passed",
    "rto_limit": "the recovery limit passed",
}


def day(when: datetime) -> str:
    """Write a time with its day."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def time(when: datetime, run: Run) -> str:
    """Write a time; with its day where that is not the day of the declaration."""
    utc = when.astimezone(UTC)
    is_same_day = utc.date() == run.declared_at.astimezone(UTC).date()
    return utc.strftime("%H:%M:%S") if is_same_day else utc.strftime("%m-%d %H:%M:%S")


def title(run: Run) -> str:
    """Write what the document is about."""
    return f"{run.id}: {run.reason}"


def outcome(run: Run) -> str:
    """Say how it ended."""
    match run.outcome:
        case Outcome.RESTORED:
            return (
                "Service restored"
                if situations.checked(run)
                else "Plan performed, service not fully checked"
            )
        case Outcome.UNDONE:
            return "Undone: what could be put back was put back"
        case Outcome.NO_ROLLBACK:
            return "Closed without a rollback; nothing was changed"
        case Outcome.CANCELLED:
            return "Cancelled before anything was changed"
        case None:
            return f"Still open, in {run.state.upper()}"


def recovery(report: Report) -> str:
    """Say how long recovery took against its target and its limit."""
    run = report.run
    promised = f"target {duration(run.rto)}, limit {duration(run.rto_limit)}"
    seconds = report.restored_after
    if seconds is None:
        return f"not reached ({promised})"
    late = "within the target"
    if seconds > run.rto:
        late = "over the target"
    if seconds > run.rto_limit:
        late = "over the limit"
    return f"{duration(seconds)}, {late} ({promised})"


def summary(report: Report) -> str:
    """Tell the whole story in a few sentences."""
    run = report.run
    who = "A trigger" if run.automatic else run.declared_by.name
    parts = [f"{who} declared it at {day(run.declared_at)} UTC."]
    if run.plan:
        parts.append(sentence(f"The plan was “{run.plan.title}”, because {run.plan.because}"))
    parts.append(f"{outcome(run)} after {duration(report.seconds)}.")
    share = round(100 * report.waiting / report.seconds) if report.seconds else 0
    if report.waiting >= 1:
        parts.append(f"People were waited for {duration(report.waiting)} of that ({share} %).")
    if run.blocked and run.outcome in (Outcome.NO_ROLLBACK, Outcome.CANCELLED):
        parts.append(sentence(f"The reason: {run.blocked}"))
    return " ".join(parts)


def ruling(said: Ruling) -> str:
    """Say what a person decided."""
    match said.event:
        case e.Decided(scope=scope, verb=verb, digest=digest):
            what = SCOPES.get(scope) or f"the step “{said.what}”"
            told = f"{VERBS[verb]} {what} ({digest[:SHORT_DIGEST]})"
        case e.BreakGlassAsked(digest=digest):
            told = f"began the plan before it was approved ({digest[:SHORT_DIGEST]})"
        case e.QuestionAnswered(answer=answer):
            told = f"answered “{said.what}” with {'yes' if answer else 'no'}"
        case e.PlanAsked():
            told = f"asked for a plan of “{said.what}”" if said.what else "asked for a new plan"
        case e.RetryAsked():
            told = f"retried “{said.what}”" if said.what else "retried what had failed"
        case e.SkipAsked():
            told = f"skipped “{said.what}”"
        case _:
            told = STEERED[type(said.event)]
    return told if said.counted else f"{told} — without effect"


STEERED: Mapping[type, str] = {
    e.NoRollbackChosen: "chose not to roll back",
    e.HoldAsked: "put it on hold",
    e.ResumeAsked: "had it go on",
    e.UndoAsked: "had everything undone",
    e.AbortAsked: "aborted it",
    e.ReplanAsked: "asked for a new plan",
}


def waited(wait: Wait) -> str:
    """Say what people were waited for."""
    if wait.kind in (For.APPROVAL, For.NOTICE, For.QUESTIONS) or not wait.what:
        return WAITS[wait.kind]
    return f"{WAITS[wait.kind]}: {wait.what}"


def result(account: StepAccount) -> str:
    """Say what became of a step."""
    told = RESULTS[account.state]
    notes = [
        "found out by a look" if account.reconciled else "",
        "was in doubt" if account.doubted and not account.reconciled else "",
        "was performed already"
        if account.state is StepState.DONE and account.step.in_place
        else "",
    ]
    return "; ".join([told, *filter(None, notes)])


def took(account: StepAccount) -> str:
    """Write how long a step took, against what it may."""
    if account.began is None:
        return "–"
    allowed = f" of {duration(account.step.window)}" if account.step.window else ""
    return f"{brief(account.worked)}{allowed}{', late' if account.late else ''}"


def brief(seconds: float) -> str:
    """Write a duration of which the shortest were measured as well."""
    return duration(seconds) if seconds >= 1 else "under 1 s"


def deviation(off: Deviation) -> str:
    """Say how the run left the straight way."""
    what = off.what
    if off.kind is Off.LATE:
        phase = off.what.removeprefix("phase:")
        what = DEADLINES.get(off.what, f"the time for {phase} was over")
    if off.kind is Off.AWAY:
        what = f"away since {off.why}" if off.why else ""
    if off.kind is Off.NO_EFFECT:
        named = SCOPES.get(what) or f"“{what}”"
        what = f"{off.who} {VERBS.get(Verb(off.why), off.why)} {named}"
    told = f"{OFF[off.kind]}: {what}" if what else OFF[off.kind]
    by = f" ({off.who})" if off.who and off.kind is not Off.NO_EFFECT else ""
    why = off.why if off.kind not in (Off.AWAY, Off.NO_EFFECT) else ""
    return sentence(f"{told}{by}{f' — {why}' if why else ''}")


def reached(call: Call) -> str:
    """Say how people were reached, and who was there when."""
    names = {person.id: person.name for person in call.people}
    ways = [
        f"{names.get(each.person, each.person)} "
        + (f"by {each.via}" if each.ok else f"not by {each.via}: {each.note}")
        for each in call.reached
    ]
    return "; ".join(ways) or "not known"


def answer(call: Call) -> str:
    """Say who of those called was there first, and after how long."""
    if call.answered_at is None:
        return "nobody"
    return f"{call.answered_by} after {duration((call.answered_at - call.at).total_seconds())}"


OWED: Mapping[str, str] = {
    StepState.SKIPPED: "Do by hand, or note that it is not needed: “{}” was skipped.",
    StepState.FAILED: "Look after “{}”: it failed.",
    Off.LEFT: "Put back by hand, or keep on purpose: “{}”.",
    Off.NOT_PERFORMED: "Do by hand, or note that it is not needed: “{}” was never performed.",
    Off.UNKNOWN: "Find out why “{}” could not be seen.",
}


def owed(each: Owed) -> str:
    """Say what is still to be done."""
    if each.subject == FOLLOW_UP:
        return each.text
    if each.subject == REVIEW_SCOPE:
        return "Review the emergency: the plan was begun before it was approved."
    return OWED[each.subject].format(each.text)


def due(each: Owed, until: datetime) -> str:
    """Say by when, and whether it is done."""
    if each.done_at:
        return f"done at {day(each.done_at)} UTC" + (f" by {each.done_by}" if each.done_by else "")
    if each.due is None:
        return ""
    return f"due {day(each.due)} UTC, {left_after(each.due, until)}"


def left_after(when: datetime, until: datetime) -> str:
    """Write how long after the end something is due."""
    seconds = (when - until).total_seconds()
    return f"{duration(seconds)} after the end" if seconds < 30 * DAY else "in a month or more"


def lost(loss: Loss) -> str:
    """Say whether it came to a loss."""
    if not loss.begun:
        return "never begun, so nothing of this was lost"
    if loss.state in (StepState.DONE, StepState.UNDONE):
        return "performed"
    return "begun, and not seen to be done: look what was lost"


def loss_window(report: Report) -> str:
    """Say what the policy allows to be lost."""
    if report.promises.rpo is None:
        return ""
    limit = report.promises.rpo_limit
    at_most = f", at most {duration(limit)}" if limit and limit != report.promises.rpo else ""
    return f"The policy's target for lost data is {duration(report.promises.rpo)}{at_most}."


def short_ruling(said: Ruling) -> str:
    """Say what a person decided, in a few words."""
    match said.event:
        case e.Decided(scope=scope, verb=verb):
            return f"{VERBS[verb]} {SCOPES.get(scope) or f'“{said.what}”'}"
        case e.BreakGlassAsked():
            return "began it before it was approved"
        case _:
            return ruling(said)


def published(run: Run) -> str:
    """Introduce the files in the channel."""
    return (
        f"*{inline(run.id, 60)}* · *Post-mortem:* what happened, who decided what, where the time "
        f"went, and what is still to do. The picture shows it over time.\n{_again(run)}"
        f"{' `!incident done` lists the follow-ups.' if run.follow_ups else ''}"
    )


def not_published(run: Run, why: str) -> str:
    """Say where the document is, since it is not here."""
    return (
        f"*{inline(run.id, 60)}* · *The post-mortem could not be put here.* "
        f"{sentence(inline(why, 300))}\n{_again(run)}"
    )


def _again(run: Run) -> str:
    return f"It is kept as evidence; `backout report {inline(run.id, 60)}` prints it at any time."
