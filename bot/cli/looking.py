"""`backout incidents` and `backout show`: the journal, read beside the running bot."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.cli import ground
from bot.cli.failures import ExitCode
from bot.cli.output import plain, print_json, print_table, say

if TYPE_CHECKING:
    from flows.events import Recorded
    from flows.runs import Run


def incidents(*, ended: bool, as_json: bool) -> ExitCode:
    """List the open incidents, or all."""
    with ground.journal(ground.settings()) as journal:
        runs = journal.runs(ended=ended)
    if as_json:
        print_json([summary(run) for run in runs])
    elif runs:
        rows = [
            (run.id, run.state.upper(), run.severity, run.system, since(run), run.reason)
            for run in runs
        ]
        print_table(("incident", "state", "severity", "system", "lasts", "reason"), rows)
    else:
        say("No incident yet." if ended else "No incident is open. --all lists the others.")
    return ExitCode.OK


def show(incident: str, *, as_json: bool) -> ExitCode:
    """Show an incident: where it stands, then what happened, one line an event."""
    from bot.cli import timelines

    wanted = ground.incident_id(incident)
    with ground.journal(ground.settings()) as journal:
        run = journal.run(wanted)
        if run is None:
            raise ground.no_incident(wanted, journal.incidents())
        events = journal.events(wanted)
    if as_json:
        print_json({**summary(run), "events": [_event(each) for each in events]})
        return ExitCode.OK
    _print_run(run)
    for line in timelines.lines(events):
        say(f"  {line}")
    return ExitCode.OK


def summary(run: "Run") -> dict[str, Any]:
    """Return what scripts want to know about a run."""
    return {
        "id": run.id,
        "state": run.state,
        "severity": run.severity,
        "system": run.system,
        "environment": run.environment,
        "reason": run.reason,
        "declared_by": run.declared_by.name,
        "declared_at": run.declared_at,
        "ended_at": run.ended_at,
        "outcome": run.outcome,
        "channel": run.channel,
        "channel_name": run.channel_name,
        "procedure": run.plan.procedure if run.plan else None,
        "digest": run.plan.digest if run.plan else None,
        "held": {"why": run.held.why, "step": run.held.step} if run.held else None,
        "steps": {name: {"state": r.state, "summary": r.summary} for name, r in run.steps.items()},
    }


def since(run: "Run") -> str:
    """Write how long it has lasted, or did."""
    from bot.messages import duration

    end = run.ended_at or datetime.now(UTC)
    return duration((end - run.declared_at).total_seconds())


def _event(recorded: "Recorded") -> dict[str, Any]:
    return {
        "seq": recorded.seq,
        "at": recorded.at,
        "actor": recorded.actor.name,
        "kind": type(recorded.event).__name__,
        "body": plain(recorded.event),
    }


def _print_run(run: "Run") -> None:
    from bot.messages import one_line

    say(f"{run.id} · {run.severity} · {run.state.upper()} · {run.system_title}, {run.environment}")
    say(f"  {one_line(run.reason)}")
    began = f"{run.declared_at:%Y-%m-%d %H:%M:%S} UTC"
    verb = "lasted" if run.ended else "has lasted"
    say(f"  declared by {one_line(run.declared_by.name)} at {began}, {verb} {since(run)}")
    if run.plan:
        say(f"  plan {run.plan.digest[:8]}: {run.plan.title}, because {one_line(run.plan.because)}")
    if run.held:
        say(f"  on hold: {one_line(run.held.why)}")
    if run.outcome:
        say(f"  outcome: {run.outcome.replace('_', ' ')}")
    say()
