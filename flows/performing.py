"""Performing steps: intent, call, fresh look; doubts; undo.

Called by the driver through `bot.wiring`.  Returns the events that came of a command; the only
event that it feeds itself is the intent (`StepStarted`), which must be committed before the call
leaves.  Every way in which an action can end is turned into an event here, so that a run never
hangs on an exception.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from config import expressions, templates
from config.models.bundles import Bundle
from flows import events
from flows.actions import (
    ActionError,
    Holds,
    InterruptedByHoldError,
    NotYet,
    Preview,
    Refuted,
    Registry,
    TransientError,
    UnknownOutcomeError,
    Verdict,
)
from flows.attempts import Attempt, Job, lacking
from flows.commands import PerformStep, UndoStep, VerifyStep
from flows.contexts import RunContext, Watch, Workshop, answered_within, namespace
from flows.engine import AwayError, Engine
from flows.events import BOT, Event
from flows.plans import UNSEEN, PlannedChange, PlannedStep
from flows.runs import Run, StepRecord
from flows.states import PHASES, Outcome, State, StepState

log = logging.getLogger(__name__)
LOOK_TIMEOUT = 30.0
STOPPED = "Backout was stopped while this was under way; looking what became of it."


class Performer:
    """Turns steps' commands into events.

    `elapsed` counts seconds for what must hold a while: the time of day may be set meanwhile.
    """

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        bundles: Mapping[str, Bundle],
        workshop: Workshop,
        watch: Watch,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._bundles = bundles
        self._workshop = workshop
        self._watch = watch
        self._elapsed = elapsed

    async def perform(self, run: Run, command: PerformStep) -> tuple[Event, ...]:
        """Do a step once; a leftover of an earlier process is in doubt, not done again."""
        record = run.steps.get(command.step)
        if record is None or record.attempt != command.attempt or run.plan is None:
            return ()
        if record.state is not StepState.RUNNING:
            return ()
        attempt = Attempt(command.step, command.attempt)
        if record.started == command.attempt:
            return (attempt.doubted(STOPPED),)
        step = run.plan.step(command.step)
        if not _goes_on(run, step):
            return (attempt.interrupted(),)
        try:
            return (await self._attempt(run, step, record, command),)
        except AwayError:  # what was begun is found by whoever tries again
            raise
        except Exception as error:  # noqa: BLE001 a run must never hang on one
            return (self._ended_badly(run.id, attempt, error),)
        finally:
            self._forget(run.id, command.step)

    def _ended_badly(self, incident: str, attempt: Attempt, error: Exception) -> Event:
        """Turn an exception into what is known because of it."""
        match error:
            case InterruptedByHoldError():
                return attempt.interrupted()
            case UnknownOutcomeError():
                return attempt.doubted(str(error))
            case TransientError():
                return attempt.failed(str(error), error.delay)
            case ActionError() | expressions.ExpressionError() | templates.TemplateError():
                return attempt.failed(str(error))
            case ValidationError():
                return attempt.failed(f"its inputs don't fit: {_first(error)}")
            case _:
                return self._unexpected(incident, attempt, error)

    def _unexpected(self, incident: str, attempt: Attempt, error: Exception) -> Event:
        """A fault of ours after the intent leaves a doubt; before it, nothing happened."""
        log.error("%s: step %s failed unexpectedly", incident, attempt.step, exc_info=error)
        run = self._engine.run(incident)
        record = run.steps.get(attempt.step) if run else None
        why = f"an unexpected {type(error).__name__}: {str(error)[:200]}"
        if record is not None and record.started == attempt.number:
            return attempt.doubted(why)
        return attempt.failed(why)

    async def _attempt(
        self, run: Run, step: PlannedStep, record: StepRecord, command: PerformStep
    ) -> Event:
        values, attempt = self._values(run, record), Attempt(step.id, record.attempt)
        if step.when is not None:
            needed = expressions.evaluate_condition(
                expressions.compile_expression(step.when), values
            )
            if needed is None:
                return attempt.failed(f"it is unknown whether it is needed: {step.when}")
            if not needed:
                return attempt.passed_over("not needed")
        action = self._registry.find(step.uses)
        # What the plan resolved is what was approved: braces in it are text, not a template.
        late = {name: step.inputs[name] for name in step.late}
        try:
            rendered = dict(step.inputs) | templates.render_inputs(late, values)
        except templates.MissingValueError as error:
            return attempt.failed(lacking(run, error))
        asked = record.asked_at or self._engine.now()
        job = Job(
            run=run,
            step=step,
            record=record,
            action=action,
            context=self._context(run, step, record, values),
            inputs=action.Inputs.model_validate(rendered),
            deadline=(asked if step.reads else self._engine.now()) + timedelta(seconds=step.window),
        )
        return await (self._look(job) if step.reads else self._change(job, command))

    async def _look(self, job: Job) -> Event:
        """Look until it holds for long enough, or its window is over."""
        since: float | None = None
        while True:
            verdict = await self._verdict(job, {})
            now = self._engine.now()
            match verdict:
                case Holds():
                    since = self._elapsed() if since is None else since
                    left = job.step.hold_for - (self._elapsed() - since)
                    if left <= 0:
                        return job.attempt.succeeded(verdict)
                    job.context.report(f"{verdict.summary}; must stay so for {left:.0f} s more")
                    pause = min(left, 2.0)
                case NotYet():
                    since = None
                    pause = verdict.after
                    job.context.report(verdict.progress)
                    if now + timedelta(seconds=pause) >= job.deadline:
                        return job.attempt.failed(verdict.progress)
                case Refuted():
                    return job.attempt.failed(verdict.why)
            await job.context.pause(pause)

    async def _change(self, job: Job, command: PerformStep) -> Event:
        """Take a turn, make the change, look whether it took effect."""
        provider = job.step.uses.partition(".")[0]
        async with self._workshop.turnstiles.turn(provider, job.context):
            # What was waited for the turn is no part of the step's time.
            deadline = self._engine.now() + timedelta(seconds=job.step.window)
            job = replace(job, deadline=deadline)
            made = await self._make(job, command)
        return await self._settle(job, made) if isinstance(made, Mapping) else made

    async def _make(self, job: Job, command: PerformStep) -> Event | Mapping[str, Any]:
        """Look again, commit the intent, make the change; return what was captured before it.

        An event is returned instead where it ends in one.
        """
        step, record = job.step, job.record
        async with answered_within(LOOK_TIMEOUT):
            fresh = await job.action.preview(job.inputs, job.context)
        if fresh.in_place and not record.started:
            verdict = await self._verdict(job, {})
            if not isinstance(verdict, Refuted):
                return {}
        if _drifted(job.run, step, record, fresh):
            return events.DriftFound(
                step=step.id,
                attempt=record.attempt,
                changes=_changes(fresh),
                why=_drift(step, fresh),
            )
        if over := _beyond_blast_radius(job, fresh):
            return job.attempt.failed(over)
        captured = record.captured
        if captured is None:
            async with answered_within(LOOK_TIMEOUT):
                captured = await job.action.capture(job.inputs, job.context)
        started = events.StepStarted(
            step=step.id,
            attempt=record.attempt,
            inputs=job.inputs.model_dump(mode="json"),
            captured=captured,
            touches=fresh.touches,
        )
        if not self._intend(job, started, command):
            return job.attempt.interrupted()
        try:
            async with asyncio.timeout(step.budget):
                await job.action.apply(job.inputs, captured, job.context)
        except TimeoutError:
            return job.attempt.doubted(f"no answer within {step.budget:.0f} s")
        return captured

    def _intend(self, job: Job, started: events.StepStarted, command: PerformStep) -> bool:
        """Commit the intent; say whether the call may leave.

        Nothing is awaited between the look at the run, the commit and the call.  A process that
        others have taken for dead commits nothing, because the command is not its own any more.
        """
        run = self._engine.run(job.run.id)
        if run is None or not _goes_on(run, job.step):
            return False
        event_id = f"started:{job.run.id}:{job.step.id}:{started.attempt}"
        run = self._engine.feed(job.run.id, started, actor=BOT, event_id=event_id, within=command)
        if run is None or run.steps[job.step.id].started != started.attempt:
            return False
        return _goes_on(run, job.step)

    async def _settle(self, job: Job, captured: Mapping[str, Any]) -> Event:
        """Look until the change has taken effect, was refuted, or its time is over."""
        while True:
            try:
                verdict = await self._verdict(job, captured)
            except TransientError as error:
                verdict = NotYet(progress=f"can't look right now: {error}", after=error.delay)
            match verdict:
                case Holds():
                    return job.attempt.succeeded(verdict)
                case Refuted():
                    return job.attempt.failed(verdict.why)
                case NotYet():
                    job.context.report(verdict.progress)
                    pause = verdict.after
                    if self._engine.now() + timedelta(seconds=pause) >= job.deadline:
                        why = f"not finished in {job.step.budget:.0f} s: {verdict.progress}"
                        return job.attempt.failed(why)
            await job.context.pause(pause)

    async def verify(self, run: Run, command: VerifyStep) -> tuple[Event, ...]:
        """Find out what became of an attempt of which nothing is known."""
        record = run.steps.get(command.step)
        if run.plan is None or record is None or record.attempt != command.attempt:
            return ()
        if record.state is not StepState.DOUBT or record.started != command.attempt:
            return ()
        attempt = Attempt(command.step, command.attempt)
        try:
            return (await self._resolve(run, run.plan.step(command.step), record),)
        except InterruptedByHoldError:
            return (attempt.interrupted(),)
        except AwayError:
            raise
        except Exception as error:
            log.exception("%s: step %s is in doubt", run.id, command.step)
            return (attempt.failed(f"in doubt, and it can't be looked at: {_told(error)}"),)
        finally:
            self._forget(run.id, command.step)

    async def _resolve(self, run: Run, step: PlannedStep, record: StepRecord) -> Event:
        """Look until it holds, or until nothing of the attempt can still come and it does not."""
        action = self._registry.find(step.uses)
        now = self._engine.now()
        began = record.started_at or now
        job = Job(
            run=run,
            step=step,
            record=record,
            action=action,
            context=self._context(run, step, record, self._values(run, record), doubting=True),
            inputs=action.Inputs.model_validate(record.inputs),
            deadline=max(
                began + timedelta(seconds=step.budget), now + timedelta(seconds=LOOK_TIMEOUT)
            ),
        )
        return await self._look_into(job, began + timedelta(seconds=step.settle))

    async def _look_into(self, job: Job, settled: datetime) -> Event:
        """Look; what has to be waited for is not waited for longer where the clock was set back."""
        looked = self._elapsed()
        while True:
            try:
                verdict = await self._verdict(job, job.record.captured or {})
            except TransientError as error:
                verdict = NotYet(progress=f"can't look right now: {error}", after=error.delay)
            now, waited = self._engine.now(), self._elapsed() - looked
            left = min((settled - now).total_seconds(), job.step.settle - waited)
            match verdict:
                case Holds():
                    return job.attempt.succeeded(verdict, reconciled=True)
                case NotYet():
                    if now >= job.deadline or waited >= max(job.step.budget, LOOK_TIMEOUT):
                        why = f"in doubt for too long: {verdict.progress}"
                        return job.attempt.failed(why)
                    job.context.report(verdict.progress)
                    pause = verdict.after
                case Refuted():
                    if (verdict.final and self._engine.exclusive) or left <= 0:
                        return job.attempt.refuted(verdict.why)
                    job.context.report(f"{verdict.why}; it could still come for {left:.0f} s")
                    pause = min(left, 2.0)
            await job.context.pause(pause)

    async def undo(self, run: Run, command: UndoStep) -> tuple[Event, ...]:
        """Put back what a step captured.  Undo is absolute, so that a repeat does no harm."""
        if run.state is not State.UNDO or not run.applied:
            return ()
        step, record = run.applied[-1].step, run.applied[-1].record
        if step.id != command.step:
            return ()
        if not step.undoable:
            left = events.StepUndone(step=step.id, summary="left as it is: nothing to put back")
            return (left,)
        try:
            action = self._registry.find(step.uses)
            context = self._context(run, step, record, self._values(run, record), doubting=True)
            inputs = action.Inputs.model_validate(record.inputs)
            if not self._engine.holds(run.id, command):
                return ()
            async with asyncio.timeout(max(step.budget, LOOK_TIMEOUT)):
                summary = await action.undo(inputs, record.captured or {}, context)
        except TransientError as error:
            return (events.UndoFailed(step=step.id, why=str(error), delay=error.delay),)
        except TimeoutError:
            return (events.UndoFailed(step=step.id, why="it did not end in time"),)
        except AwayError:
            raise
        except Exception as error:
            log.exception("%s: step %s can't be undone", run.id, step.id)
            return (events.UndoFailed(step=step.id, why=_told(error)),)
        finally:
            self._forget(run.id, step.id)
        return (events.StepUndone(step=step.id, summary=summary),)

    async def _verdict(self, job: Job, captured: Mapping[str, Any]) -> Verdict:
        async with answered_within(LOOK_TIMEOUT):
            return await job.action.verify(job.inputs, captured, job.context)

    def _values(self, run: Run, record: StepRecord) -> dict[str, Any]:
        bundle = self._bundles[run.system]
        inputs = run.plan.inputs if run.plan else None
        if inputs is None:  # undone without a plan, or planned before inputs were kept
            procedure = bundle.procedures.get(run.plan.procedure) if run.plan else None
            inputs = {name: i.default for name, i in procedure.inputs.items()} if procedure else {}
        values = namespace(bundle.system, run, inputs=inputs)
        return values | ({"round": record.rounds} if record.rounds else {})

    def _context(
        self,
        run: Run,
        step: PlannedStep,
        record: StepRecord,
        values: Mapping[str, Any],
        *,
        doubting: bool = False,
    ) -> RunContext:
        def report(text: str) -> None:
            self._engine.progress.report(run.id, step.id, text)

        async def wait(seconds: float) -> bool:
            elapsed = asyncio.get_running_loop().time  # the clock may be set while it waits
            ends = elapsed() + seconds
            while True:
                current = self._engine.run(run.id)
                # A hold stops changes; what became of one is looked into nevertheless.
                if current is None or not (doubting or _goes_on(current, step)):
                    return False
                left = ends - elapsed()
                if left <= 0:
                    return True
                await self._watch.changed(run.id, left)

        return RunContext(
            bundle=self._bundles[run.system],
            incident=run.id,
            key=f"{run.id}/{step.id}/{record.attempt}",
            plan=run.plan.digest if run.plan else "",
            values=values,
            workshop=self._workshop,
            captures=run.captures() | ({step.id: record.captured} if record.captured else {}),
            report=report,
            wait=wait,
        )

    def _forget(self, incident: str, step: str) -> None:
        self._engine.progress.forget(incident, step)


def _goes_on(run: Run, step: PlannedStep) -> bool:
    """Say whether a step is still wanted: a check of what was undone meanwhile is not."""
    if run.state is State.COMMUNICATE and run.outcome is Outcome.UNDONE:
        return step.phase is State.COMMUNICATE or not step.required
    return run.state in (*PHASES, State.COMMUNICATE)


def _drifted(run: Run, step: PlannedStep, record: StepRecord, fresh: Preview) -> bool:
    """Say whether something else than what was approved would change.

    What was not seen when the plan was made has nothing to be compared with, what is done again
    and again says something new each time, and after a first attempt of our own the difference
    would be our own doing.
    """
    if step.fingerprint == UNSEEN or step.every or record.started:
        return False
    if any(run.steps[each].state is StepState.DONE for each in step.follows):
        return False  # it changed the very same thing, as it was approved
    return fresh.fingerprint != step.fingerprint


def _beyond_blast_radius(job: Job, fresh: Preview) -> str:
    """Say that a step which could not be counted when the plan was made is one too many."""
    plan = job.run.plan
    if plan is None or plan.blast_radius is None or job.step.fingerprint != UNSEEN:
        return ""
    others = sum(
        max(step.touches, job.run.steps[step.id].touches)
        for step in plan.steps
        if step.id != job.step.id
    )
    if others + fresh.touches <= plan.blast_radius:
        return ""
    return (
        f"it would change {fresh.touches} objects, {others + fresh.touches} with those of the "
        f"other steps; {plan.procedure} may change at most {plan.blast_radius} (blast_radius)"
    )


def _changes(preview: Preview) -> tuple[PlannedChange, ...]:
    return tuple(
        PlannedChange(subject=c.subject, before=c.before, after=c.after) for c in preview.changes
    )


def _drift(step: PlannedStep, fresh: Preview) -> str:
    return f"approved was “{step.summary}”, now it would be “{fresh.summary}”"


def _told(error: Exception) -> str:
    """Say what went wrong, with the kind of a fault that is ours."""
    is_known = isinstance(error, ActionError)
    return (str(error) if is_known else f"an unexpected {type(error).__name__}: {error}")[:500]


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}"
