"""The post-mortem as Markdown.  Used by `backout report`, and kept as evidence at the end.

Everything that people or the estate wrote goes through `bot.wording.markdown`.
"""

from collections.abc import Iterator

from bot.cli import timelines
from bot.wording import reports as words
from bot.wording.markdown import code, plain, section, table
from bot.wording.signs import PHASES, severity
from bot.wording.texts import duration
from flows.reports import Report

MADE_BY = "*Post-mortem, made by Backout from its journal. All times are UTC.*"
NOTHING_OFF = (
    "Nothing was skipped, overridden, retried or in doubt, and nothing began before its time."
)
WAITING_NOTE = (
    "*Waiting* is time in which people were waited for and nothing else was done; "
    "the rest is Backout's own work."
)


def markdown(report: Report) -> str:
    """Return the whole document."""
    lines = [
        f"# {plain(words.title(report.run))}",
        "",
        MADE_BY,
        "",
        plain(words.summary(report), 2000),
    ]
    lines += section("In short", list(_in_short(report)))
    lines += section("Where the time went", list(_times(report)))
    lines += section("Decisions", _decisions(report))
    lines += section("Steps", _steps(report))
    lines += section("Lost data", list(_losses(report)))
    lines += section("What did not go straight", _off(report))
    lines += section("Who was called", _calls(report))
    lines += section("Still to do", list(_owed(report)))
    lines += section("Notes", _notes(report))
    lines += section("Timeline", _timeline(report))
    return "\n".join(lines) + "\n"


def _in_short(report: Report) -> Iterator[str]:
    run = report.run
    began, ended = words.day(run.declared_at), words.day(report.until)
    who = "itself, by a trigger" if run.automatic else run.declared_by.name
    rows = [
        ("System", plain(f"{run.system_title}, {run.environment}")),
        ("Severity", plain(severity(run.severity))),
        ("Declared", plain(f"{began} by {who}")),
        ("Ended" if run.ended else "Seen at", f"{ended}, {duration(report.seconds)} later"),
        ("Outcome", words.outcome(run)),
        (f"Recovery ({plain(run.target_title, 80)})", words.recovery(report)),
        ("Waiting for people", duration(report.waiting)),
        ("Backout's own work", duration(report.working)),
    ]
    if run.plan:
        made = f"{run.plan.title} ({run.plan.procedure}), digest {run.plan.digest[:8]}"
        rows.append(("Plan", plain(made)))
        rows.append(("Because", plain(run.plan.because)))
    yield from table(("", ""), rows)


def _times(report: Report) -> Iterator[str]:
    rows = [
        (
            PHASES[phase.state],
            words.time(phase.began, report.run),
            duration(phase.seconds),
            duration(phase.budget) if phase.budget is not None else "–",
            "**late**" if phase.late else "",
            duration(report.waited_in(phase)),
        )
        for phase in report.phases
    ]
    yield from table(("phase", "began", "lasted", "budget", "", "waiting"), rows)
    yield from ("", WAITING_NOTE)
    if report.waits:
        yield from ("", "People were waited for:", "")
    for wait in report.waits:
        took = duration((wait.ended - wait.began).total_seconds())
        yield f"- {words.time(wait.began, report.run)}, {took}: {plain(words.waited(wait))}"


def _decisions(report: Report) -> list[str]:
    rows = [
        (
            words.time(said.at, report.run),
            plain(said.actor.name, 80),
            plain(", ".join(said.roles), 120) or "–",
            plain(words.ruling(said)),
            plain(said.why) or "–",
            duration(said.after) if said.after is not None else "–",
        )
        for said in report.rulings
    ]
    headings = ("time", "who", "role", "decided", "why", "after")
    return table(headings, rows) if rows else ["Nobody had to decide anything."]


def _steps(report: Report) -> list[str]:
    latest = report.run.plan.digest if report.run.plan else ""
    rows = [
        (
            plain(each.step.title, 120) + ("" if each.plan == latest else " (earlier plan)"),
            PHASES[each.step.phase],
            words.result(each),
            words.took(each),
            duration(each.waited) if each.waited else "–",
            str(each.tries or "–"),
            plain(each.summary) or "–",
        )
        for each in report.steps
    ]
    headings = ("step", "phase", "result", "took", "waited for approval", "tries", "what was seen")
    return table(headings, rows) if rows else []


def _losses(report: Report) -> Iterator[str]:
    plan = report.run.plan
    if plan and plan.loses:
        yield f"The plan said: {plain(plan.loses)}"
    if window := words.loss_window(report):
        yield f"\n{window}" if plan and plan.loses else window
    if report.losses:
        yield ""
    for loss in report.losses:
        what = plain(loss.step.losses) or "loses what can't be brought back"
        yield f"- {plain(loss.step.title, 120)}: {what} — {words.lost(loss)}"
    if report.restore_points:
        yield from ("", "Restore points:", "")
    for each in report.restore_points:
        seen = f" — {plain(each.summary)}" if each.summary else ""
        yield f"- {plain(each.step.summary or each.step.title)} ({words.result(each)}){seen}"


def _off(report: Report) -> list[str]:
    told = [
        f"- {words.time(off.at, report.run)}: {plain(words.deviation(off), 900)}"
        for off in report.deviations
    ]
    return told or [NOTHING_OFF]


def _calls(report: Report) -> list[str]:
    rows = [
        (
            words.time(call.at, report.run),
            plain(", ".join(person.name for person in call.people), 200),
            plain(call.why),
            plain(words.reached(call)),
            plain(words.answer(call)),
        )
        for call in report.calls
    ]
    headings = ("time", "called", "why", "reached", "there first")
    return table(headings, rows) if rows else ["Nobody was called."]


def _owed(report: Report) -> Iterator[str]:
    for each in report.owed:
        ticked = "x" if each.done_at else " "
        due = words.due(each, report.until)
        why = f" {plain(each.why)}" if each.why else ""
        yield f"- [{ticked}] {plain(words.owed(each))}{why}{f' — {due}' if due else ''}"
    if not report.owed:
        yield "Nothing is left to do."


def _notes(report: Report) -> list[str]:
    return [
        f"- {words.time(note.at, report.run)}, {plain(note.by, 80)}: {plain(note.text, 2000)}"
        for note in report.run.notes
    ]


def _timeline(report: Report) -> list[str]:
    rows = [
        (words.time(at, report.run), plain(who, 80), plain(what, 600))
        for at, who, what in timelines.told(moment.recorded for moment in report.moments)
    ]
    journal = f"The journal has all of it: {code(f'backout audit export {report.run.id}')}."
    return [*table(("time", "who", "what"), rows), "", journal]
