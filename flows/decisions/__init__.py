"""The core: `decide(run, recorded) -> (run, commands)`.

Pure and deterministic: no clock, no I/O, no logging.  Slack, the engine, the CLI, a drill and a
replay all drive it.  `assessing`, `calling`, `stepping` and `controlling` hold the reactions;
this module only chooses among them.
"""

from dataclasses import replace
from typing import assert_never

from flows import events
from flows.commands import Command
from flows.decisions import assessing, calling, controlling, emergencies, stepping
from flows.decisions.turns import FOLLOW_UPS, Turn
from flows.events import Recorded
from flows.gates import REVIEW_SCOPE
from flows.runs import Run


class NotDeclaredError(Exception):
    """The first event of an incident must be its declaration, and only the first."""


def decide(run: Run | None, recorded: Recorded) -> tuple[Run, tuple[Command, ...]]:
    """Fold one event into a run, and say what is to be done.

    An event that comes too late (a stale attempt, a lost race, an outdated timer) changes
    nothing but the sequence.  Raises `NotDeclaredError` for a first event that is not a
    declaration.
    """
    event = recorded.event
    if isinstance(event, events.IncidentDeclared):
        if run is not None:
            raise NotDeclaredError(f"{run.id} is declared already")
        return assessing.declare(event, recorded)
    if run is None:
        raise NotDeclaredError(f"{type(event).__name__} came before the declaration")
    turn = Turn(replace(run, seq=recorded.seq, updated_at=recorded.at), recorded)
    if not run.ended or _counts_afterwards(event):
        _react(turn, event)
    return turn.run, tuple(turn.commands)


def _counts_afterwards(event: events.Event) -> bool:
    """Say whether an event has an effect on a run that has ended."""
    if isinstance(event, events.Decided):
        return event.scope == REVIEW_SCOPE
    if isinstance(event, events.TimerFired):
        return event.timer.startswith(FOLLOW_UPS)
    return isinstance(event, events.NoteAdded | events.ChannelOpened | events.FollowUpDone)


def _react(turn: Turn, event: events.Event) -> None:  # noqa: C901, PLR0915 one case an event
    match event:
        case events.IncidentDeclared():
            raise NotDeclaredError(f"{turn.run.id} is declared already")
        case events.ChannelOpened():
            turn.set(channel=event.channel, channel_name=event.name)
        case events.FactObserved():
            assessing.fact_observed(turn, event)
        case events.FactsGathered():
            assessing.facts_gathered(turn)
        case events.QuestionAnswered():
            assessing.question_answered(turn, event)
        case events.ProcedureProposed():
            assessing.procedure_proposed(turn, event)
        case events.NothingProposed():
            assessing.nothing_proposed(turn, event)
        case events.PlanAsked():
            assessing.plan_asked(turn, event)
        case events.PlanPrepared():
            assessing.plan_prepared(turn, event)
        case events.PlanFailed():
            assessing.plan_failed(turn, event)
        case events.NoRollbackChosen():
            assessing.no_rollback_chosen(turn, event)
        case events.Decided():
            controlling.decided(turn, event)
        case events.BreakGlassAsked():
            emergencies.break_glass_asked(turn, event)
        case events.StepStarted():
            stepping.started(turn, event)
        case events.StepSucceeded():
            stepping.succeeded(turn, event)
        case events.StepFailed():
            stepping.failed(turn, event)
        case events.StepInterrupted():
            stepping.interrupted(turn, event)
        case events.StepDoubted():
            stepping.doubted(turn, event)
        case events.DoubtRefuted():
            stepping.doubt_refuted(turn, event)
        case events.StepPassedOver():
            stepping.passed_over(turn, event)
        case events.DriftFound():
            stepping.drift_found(turn, event)
        case events.StepUndone():
            stepping.undone(turn, event)
        case events.UndoFailed():
            stepping.undo_failed(turn, event)
        case events.HoldAsked():
            controlling.hold_asked(turn, event)
        case events.ResumeAsked():
            controlling.resume_asked(turn, event)
        case events.RetryAsked():
            controlling.retry_asked(turn, event)
        case events.SkipAsked():
            controlling.skip_asked(turn, event)
        case events.UndoAsked():
            controlling.undo_asked(turn, event)
        case events.AbortAsked():
            controlling.abort_asked(turn, event)
        case events.ReplanAsked():
            controlling.replan_asked(turn, event)
        case events.PageAsked():
            calling.page_asked(turn, event)
        case events.PageSent():
            calling.page_sent(turn, event)
        case events.PageAcknowledged():
            calling.page_acknowledged(turn, event)
        case events.TimerFired():
            controlling.timer_fired(turn, event)
        case events.NoteAdded():
            controlling.note_added(turn, event)
        case events.FollowUpDone():
            controlling.follow_up_done(turn, event)
        case events.StallNoticed():
            controlling.stall_noticed(turn, event)
        case events.BotResumed():
            controlling.bot_resumed(turn)
        case _:
            assert_never(event)
