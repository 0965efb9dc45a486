"""An incident's events as lines.  Used by `backout show` and by the post-mortem.

Plain text: what people typed is put on one line, without anything that could drive a terminal.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from bot.messages import duration, one_line
from flows import events as e
from flows.decisions import decide
from flows.events import Event, Recorded
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Verb
from flows.paging import Reached
from flows.runs import Run

Titles = Mapping[str, str]
DECIDED = {
    Verb.APPROVE: "approved",
    Verb.DENY: "denied",
    Verb.WITHDRAW: "withdrew the approval of",
}
DEADLINES = {
    "decision": "the time to decide is over",
    "expiry": "the plan is too old",
    "late_approvals": "the approvals of what was begun early are late",
    "approvers": "half of the time to decide is over",
    "automatic": "the notice of a beginning by itself is over",
    "escalation": "nobody has acknowledged in time",
    "rto": "the recovery target has passed",
    "rto_limit": "the recovery limit has passed",
    "follow_ups": "follow-ups are due and not done",
}
WHOLE = {PLAN_SCOPE: "the plan", REVIEW_SCOPE: "the review"}
FACTS = {True: "fine", False: "out of limits", None: "no limit"}


def lines(recorded: Iterable[Recorded]) -> Iterator[str]:
    """Yield a line an event: time (UTC), who, what."""
    for at, who, what in told(recorded):
        yield f"{at:%H:%M:%S}  {who}: {what}"


def told(recorded: Iterable[Recorded]) -> Iterator[tuple[datetime, str, str]]:
    """Yield when, who and what, an event at a time.

    The events are folded on the way, so that a click that came too late is shown as such, and
    a deadline that no longer meant anything is not shown at all.
    """
    titles: dict[str, str] = {}
    run: Run | None = None
    for each in recorded:
        before = run
        run, commands = decide(before, each)
        if isinstance(each.event, e.PlanPrepared):
            titles |= {step.id: step.title for step in each.event.plan.steps}
        if isinstance(each.event, e.IncidentDeclared):
            titles |= {task.id: task.title for task in each.event.follow_ups}
        what = one_line(describe(each.event, titles))
        if isinstance(each.event, e.TimerFired) and not commands:
            continue
        if (
            isinstance(each.event, e.Decided)
            and before
            and run.words_on(each.event.scope) == (before.words_on(each.event.scope))
        ):
            what += " — without effect" if run.plan == before.plan else ""
        yield each.at, one_line(each.actor.name), what


def describe(event: Event, titles: Titles) -> str:
    """Say what happened."""
    for family in (_looking, _assessing, _deciding, _calling, _stepping, _doubting, _asking):
        said = family(event, titles)
        if said is not None:
            return said
    return type(event).__name__


def _looking(event: Event, _: Titles) -> str | None:
    match event:
        case e.IncidentDeclared(reason=reason, severity=severity, automatic=start) if start:
            return f"declared by itself: {reason} ({severity})"
        case e.IncidentDeclared(reason=reason, severity=severity):
            return f"declared: {reason} ({severity})"
        case e.ChannelOpened(name=name):
            return f"opened #{name}"
        case e.FactObserved(title=title, value=value, shown=shown, ok=ok):
            return f"{title}: {'unknown, ' if value is None else ''}{shown} ({FACTS[ok]})"
        case e.FactsGathered():
            return "looked at everything"
        case e.QuestionAnswered(question=question, answer=answer):
            return f"answered {question}: {'yes' if answer else 'no'}"
        case _:
            return None


def _assessing(event: Event, _: Titles) -> str | None:
    match event:
        case e.ProcedureProposed(title=title, because=because):
            return f"proposed: {title}, because {because}"
        case e.NothingProposed(why=why):
            return f"nothing to propose: {why}"
        case e.PlanFailed(why=why):
            return f"no plan: {why}"
        case e.PlanPrepared(plan=plan):
            return f"plan {plan.digest[:8]}: {plan.title}, {len(plan.steps)} steps"
        case e.NoRollbackChosen(reason=reason):
            return f"chose not to roll back: {reason}"
        case _:
            return None


def _deciding(event: Event, titles: Titles) -> str | None:
    match event:
        case e.Decided(scope=scope, verb=verb, digest=digest, reason=reason):
            what = WHOLE.get(scope) or f"“{titles.get(scope, scope)}”"
            why = f": {reason}" if reason else ""
            return f"{DECIDED[verb]} {what} ({digest[:8]}){why}"
        case e.BreakGlassAsked(digest=digest, reason=reason):
            return f"broke the glass for the plan ({digest[:8]}): {reason}"
        case e.TimerFired(timer=timer):
            phase = timer.removeprefix("phase:")
            return DEADLINES.get(timer.partition(":")[0], f"the time for {phase} is over")
        case e.FollowUpDone(follow_up=task):
            return f"did the follow-up {titles.get(task, task)}"
        case e.NoteAdded(text=text):
            return f"note: {text}"
        case e.StallNoticed(why=why):
            return f"noticed that something stands still: {why}"
        case e.BotResumed(away_since=away_since):
            since = f", away since {away_since:%H:%M:%S}" if away_since else ""
            return f"started again{since}"
        case _:
            return None


def _calling(event: Event, _: Titles) -> str | None:
    match event:
        case e.PageAsked(title=title, people=people, why=why):
            names = ", ".join(person.name for person in people)
            return f"called {names}{f' ({title})' if title else ''}: {why}"
        case e.PageSent(reached=reached):
            return "; ".join(_reached(each) for each in reached)
        case e.PageAcknowledged(person=person, via=via):
            return f"{person.name} acknowledged ({via})"
        case _:
            return None


def _reached(each: Reached) -> str:
    how = f" by {each.via}" if each.via else ""
    return (
        f"{each.person}: called{how}"
        if each.ok
        else f"{each.person}: not reached{how}, {each.note}"
    )


def _title(event: Event, titles: Titles) -> str:
    step = str(getattr(event, "step", ""))
    return titles.get(step, step)


def _stepping(event: Event, titles: Titles) -> str | None:
    step = _title(event, titles)
    match event:
        case e.StepStarted():
            return f"▸ {step}: begun"
        case e.StepSucceeded(summary=summary, reconciled=reconciled):
            return f"✓ {step}: {summary}{' (found out afterwards)' if reconciled else ''}"
        case e.StepFailed(why=why, delay=delay):
            again = f"; again in {duration(delay)}" if delay is not None else ""
            return f"✗ {step}: {why}{again}"
        case e.StepInterrupted():
            return f"▸ {step}: waiting was interrupted"
        case e.StepPassedOver(why=why):
            return f"⊘ {step}: {why}"
        case _:
            return None


def _doubting(event: Event, titles: Titles) -> str | None:
    step = _title(event, titles)
    match event:
        case e.StepDoubted(why=why):
            return f"? {step}: in doubt, {why}"
        case e.DoubtRefuted(why=why):
            return f"? {step}: it did not take effect, {why}"
        case e.DriftFound(why=why):
            return f"✗ {step}: not what was approved any more, {why}"
        case e.StepUndone(summary=summary):
            return f"↶ {step}: {summary}"
        case e.UndoFailed(why=why):
            return f"✗ {step}: could not be undone, {why}"
        case _:
            return None


def _asking(event: Event, titles: Titles) -> str | None:
    match event:
        case e.PlanAsked(procedure=procedure):
            return f"asked for a plan{f' of {procedure}' if procedure else ''}"
        case e.HoldAsked(reason=reason):
            return f"asked to hold: {reason}"
        case e.ResumeAsked():
            return "asked to go on"
        case e.RetryAsked(step=step):
            return f"asked to retry {titles.get(step, step) if step else 'what failed'}"
        case e.SkipAsked(step=step, reason=reason):
            return f"asked to skip {titles.get(step, step)}: {reason}"
        case e.UndoAsked(reason=reason):
            return f"asked to undo everything: {reason}"
        case e.AbortAsked(reason=reason):
            return f"asked to abort: {reason}"
        case e.ReplanAsked(reason=reason):
            return f"asked for a new plan: {reason}"
        case _:
            return None
