"""What is to be done after a rollback: the list, the reminder, and what is answered to a tick."""

from datetime import timedelta

from bot.wording.texts import bold, clock, code, count, inline, mention, one_line
from flows.events import FollowUp
from flows.runs import Run, Tick

SHOWN = 20
TITLE = 100


def due_now(run: Run, due: str) -> str:
    """Remind the lead of what is due and not done."""
    tasks = [each for each in run.owed if f"{each.due:.0f}" == due]
    if not tasks:  # people were faster than Slack
        return "*Done:* what was due now has been ticked off."
    lead = mention(run.lead.slack, run.lead.name)
    lines = [f"*Due now:* {count(len(tasks), 'follow-up')} not done. {lead}, please look after:"]
    lines += [f"• {bold(task.title, TITLE)} — {_command(task)}" for task in tasks[:SHOWN]]
    return "\n".join([*lines, *_rest(len(tasks))])


def listing(run: Run) -> str:
    """List the follow-ups of a run with when they are due, and who did them."""
    if not run.follow_ups or run.ended_at is None:
        return f"{inline(run.id, 60)} has no follow-ups: they come when a rollback has ended."
    ticks = {tick.follow_up: tick for tick in run.ticks}
    lines = [f"Follow-ups of {inline(run.id, 60)}:"]
    for task in run.follow_ups[:SHOWN]:
        tick = ticks.get(task.id)
        lines.append(
            f"{'✓' if tick else '○'} {inline(task.title, TITLE)} — {_state(run, task, tick)}"
        )
    return "\n".join([*lines, *_rest(len(run.follow_ups))])


def ticked(run: Run, task: FollowUp) -> str:
    """Confirm a tick, and say what is left."""
    left = len(run.owed)
    rest = (
        f"{count(left, 'follow-up')} left: `!incident done` lists them." if left else "None left."
    )
    return f"✓ {inline(task.title, TITLE)}: done. {rest}"


def done_already(task: FollowUp, tick: Tick) -> str:
    """Say who was faster."""
    return f"{inline(task.title, TITLE)} was done already: {_by(tick)}."


def unknown(run: Run, said: str) -> str:
    """Say what can be ticked off."""
    known = ", ".join(code(each.id, 60) for each in run.owed[:SHOWN]) or "nothing"
    return f"There is no follow-up {code(one_line(said), 60)} here. Still to be done: {known}."


def _state(run: Run, task: FollowUp, tick: Tick | None) -> str:
    if tick:
        return _by(tick)
    assert run.ended_at is not None
    due = clock(run.ended_at + timedelta(seconds=task.due), day=True)
    return f"due {due}, {_command(task)}"


def _by(tick: Tick) -> str:
    return f"{inline(tick.by, 80)}, {clock(tick.at, day=True)}"


def _command(task: FollowUp) -> str:
    return code(f"!incident done {task.id}", 90)


def _rest(number: int) -> list[str]:
    return [f"… and {count(number - SHOWN, 'more', 'more')}."] if number > SHOWN else []
