"""The timeline of a run as a picture that is understood without reading anything else.

Time runs from left to right, from the declaration to the end.  1200 pixels wide; as high as the
run has steps.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from bot.reporting import lanes
from bot.reporting.canvases import (
    FAINT,
    GRID,
    INK,
    PAPER,
    Box,
    Canvas,
    Shape,
    length,
    shortened,
    wrapped,
)
from bot.reporting.lanes import Mark, Row
from bot.reporting.scales import Scale, scale_of
from bot.wording import reports as words
from bot.wording.signs import PHASES, severity
from bot.wording.texts import duration
from flows.reports import Report
from flows.states import State
from flows.stretches import Phase

WIDTH, MARGIN, GUTTER = 1200, 24, 270
TITLE, LARGE, SMALL = 24, 15, 13
ROW, BAR = 24, 14
HEAD, LEGEND = 150, 126
LEAST_NOTE = 90
PHASE_COLOURS = {
    State.ASSESS: "#dbeafe",
    State.APPROVE: "#ede9fe",
    State.ISOLATE: "#fef3c7",
    State.RESTORE: "#cfe8f7",
    State.VALIDATE: "#d1f2e6",
    State.COMMUNICATE: "#e5e7eb",
    State.HOLD: "#fde2d1",
    State.UNDO: "#f6d9e8",
}
LEGENDS = (
    (lanes.BLUE, "done"),
    (lanes.RED, "failed"),
    (lanes.ORANGE, "skipped"),
    (lanes.PINK, "undone"),
    (lanes.SKY, "under way"),
    ("", "waiting for people"),
)
MARKS = (
    (Shape.UP, lanes.GREEN, "approved"),
    (Shape.UP, lanes.ORANGE, "begun early"),
    (Shape.CROSS, lanes.RED, "denied"),
    (Shape.DIAMOND, lanes.BLACK, "another decision"),
    (Shape.CIRCLE, lanes.BLUE, "called, and answered"),
    (Shape.CIRCLE, lanes.RED, "called, not answered"),
)


def png(report: Report) -> bytes:
    """Return the picture as a PNG file."""
    return draw(report).png()


def draw(report: Report) -> Canvas:
    """Draw the picture."""
    steps = lanes.rows(report)
    scale = scale_of(report, MARGIN + GUTTER, WIDTH - MARGIN)
    ruled = placed(lanes.rulings(report), scale)
    called = placed(lanes.calls(report), scale)
    rows = 3 + len(steps) + sum(max(map(_level, each), default=0) + 1 for each in (ruled, called))
    body = rows * ROW + 4 * 10
    canvas = Canvas(WIDTH, HEAD + body + LEGEND)
    bottom = HEAD + body
    _head(canvas, report)
    _axis(canvas, scale, bottom)
    _promises(canvas, report, scale, bottom)
    y = _phases(canvas, report, scale, HEAD + 8)
    y = _waiting(canvas, report, scale, y)
    y = _steps(canvas, steps, scale, y + 10)
    y = _marks(canvas, "Decisions", ruled, scale, y + 10)
    _marks(canvas, "Calls", called, scale, y + 10)
    _legend(canvas, report, scale, bottom + 46)
    return canvas


def _head(canvas: Canvas, report: Report) -> None:
    run, room = report.run, WIDTH - 2 * MARGIN
    canvas.write((MARGIN, 18), shortened(words.title(run), TITLE, room), TITLE)
    where = f"{run.system_title}, {run.environment} · {severity(run.severity)} · "
    what = f"{where}{words.outcome(run)} after {duration(report.seconds)}"
    canvas.write((MARGIN, 54), shortened(what, LARGE, room), LARGE)
    share = round(100 * report.waiting / report.seconds) if report.seconds else 0
    time = (
        f"Waiting for people: {duration(report.waiting)} ({share} %)"
        f" · Backout's own work: {duration(report.working)} · Recovery: {words.recovery(report)}"
    )
    for number, line in enumerate(wrapped(time, LARGE, room, 2)):
        canvas.write((MARGIN, 77 + 21 * number), line, LARGE, FAINT)


def _axis(canvas: Canvas, scale: Scale, bottom: float) -> None:
    last = -1.0
    for x, spent, clock in scale.ticks():
        canvas.line((x, HEAD), (x, bottom), GRID)
        for y, text in ((bottom + 3, spent), (bottom + 20, clock)):
            left = min(x - length(text, SMALL) / 2, WIDTH - MARGIN / 2 - length(text, SMALL))
            if left > last or y > bottom + 3:
                canvas.write((left, y), text, SMALL, FAINT)
        last = x
    canvas.write((MARGIN, bottom + 3), "Time since the declaration", SMALL, FAINT)
    canvas.write((MARGIN, bottom + 20), "Time of day (UTC)", SMALL, FAINT)
    canvas.line((scale.left, bottom), (scale.right, bottom), FAINT)


def _phases(canvas: Canvas, report: Report, scale: Scale, y: float) -> float:
    canvas.write((MARGIN, y + 4), "Phases", LARGE)
    for phase in report.phases:
        box = Box(scale.x(phase.began), y, scale.x(phase.ended), y + ROW - 2)
        canvas.bar(box, PHASE_COLOURS[phase.state])
        canvas.line((box.left, box.top), (box.left, box.bottom), FAINT)
        if _is_named(phase, scale):
            canvas.write((box.left + 4, y + 4), PHASES[phase.state], SMALL)
    return y + ROW


def _is_named(phase: Phase, scale: Scale) -> bool:
    """Say whether a phase is wide enough for its name."""
    room = scale.x(phase.ended) - scale.x(phase.began)
    return length(PHASES[phase.state], SMALL) + 6 < room


def _waiting(canvas: Canvas, report: Report, scale: Scale, y: float) -> float:
    canvas.write((MARGIN, y + 4), "Waiting for people", LARGE)
    starts = [scale.x(began) for began, _ in report.idle[1:]] + [WIDTH - MARGIN / 2]
    for (began, ended), free in zip(report.idle, starts, strict=bool(report.idle)):
        box = _box(scale.x(began), scale.x(ended), y)
        canvas.hatched(box)
        took = words.brief((ended - began).total_seconds())
        if box.right + 8 + length(took, SMALL) + 4 < free:
            canvas.write((box.right + 8, y + 4), took, SMALL, FAINT, halo=True)
    return y + ROW


def _box(left: float, right: float, y: float) -> Box:
    """Return a bar in a row; the shortest is still seen."""
    top = y + (ROW - BAR) / 2
    return Box(left, top, max(right, left + 3), top + BAR)


def _steps(canvas: Canvas, rows: Sequence[Row], scale: Scale, y: float) -> float:
    canvas.write((MARGIN, y + 4), "Steps" if rows else "No step was planned", LARGE)
    y += ROW
    for row in rows:
        colour = FAINT if row.is_faint else INK
        name = shortened(row.name, SMALL, GUTTER - 24)
        canvas.write((MARGIN + 12, y + 4), name, SMALL, colour)
        for span in row.spans:
            box = _box(scale.x(span.began), scale.x(span.ended), y)
            if span.colour:
                canvas.bar(box, span.colour)
            else:
                canvas.hatched(box)
        _note(canvas, row, scale, y)
        y += ROW
    return y


def _note(canvas: Canvas, row: Row, scale: Scale, y: float) -> None:
    """Write how a step went beside its bars, where there is the room: after them at best."""
    bars = sorted(
        (scale.x(span.began), max(scale.x(span.ended), scale.x(span.began) + 3))
        for span in row.spans
    )
    first, last = (bars[0][0], max(end for _, end in bars)) if bars else (scale.left, scale.left)
    inner = [(end, begin) for (_, end), (begin, _) in pairwise(bars)]
    gaps = [(last, WIDTH - MARGIN / 2 + 8), *inner, (scale.left, first)]
    wide = length(row.note, SMALL)
    start, end = next((gap for gap in gaps if gap[0] + 16 + wide <= gap[1]), (0.0, 0.0))
    if end:
        left = end - 8 - wide if end == first else start + 8
        canvas.write((left, y + 4), row.note, SMALL, FAINT, halo=True)
        return
    start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    if end - start > LEAST_NOTE:
        note = shortened(row.note, SMALL, end - start - 16)
        canvas.write((start + 8, y + 4), note, SMALL, FAINT, halo=True)
    else:
        canvas.write(
            (first + 6, y + 4), shortened(row.note, SMALL, last - first - 12), SMALL, PAPER
        )


Placed = tuple[Mark, int, float, str]
"""A mark, the level that it stands on, where its words begin, and its words."""


def placed(marks: Iterable[Mark], scale: Scale) -> list[Placed]:
    """Give each mark a level on which neither it nor its words meet another."""
    taken: list[list[tuple[float, float]]] = []
    found = []
    for mark in marks:
        x = scale.x(mark.at)
        end = max(x, scale.x(mark.until)) if mark.until else x
        text = shortened(mark.text, SMALL, (scale.right - scale.left) * 0.8)
        wide = length(text, SMALL)
        start = end + 10
        if start + wide > WIDTH - MARGIN / 2:
            start = x - 12 - wide
        if start < scale.left:
            start = scale.left
            text = shortened(mark.text, SMALL, max(40.0, x - 12 - start))
            wide = length(text, SMALL)
        span = (min(x - 8, start) - 4, max(end + 8, start + wide) + 4)
        level = next((n for n, spans in enumerate(taken) if _is_free(spans, span)), len(taken))
        if level == len(taken):
            taken.append([])
        taken[level].append(span)
        found.append((mark, level, start, text))
    return found


def _is_free(spans: Iterable[tuple[float, float]], wanted: tuple[float, float]) -> bool:
    return all(end <= wanted[0] or wanted[1] <= start for start, end in spans)


def _level(each: Placed) -> int:
    return each[1]


def _marks(canvas: Canvas, name: str, marks: Sequence[Placed], scale: Scale, y: float) -> float:
    canvas.write((MARGIN, y + 4), name, LARGE)
    if not marks:
        canvas.write((scale.left + 8, y + 5), "none", SMALL, FAINT)
    for mark, level, start, text in marks:
        x, middle = scale.x(mark.at), y + level * ROW + ROW / 2
        if mark.until:
            canvas.bar(Box(x, middle - 1, scale.x(mark.until), middle + 1), mark.colour)
            canvas.mark(Shape.CIRCLE, (scale.x(mark.until), middle), mark.colour, 3)
        canvas.mark(mark.shape, (x, middle), mark.colour)
        canvas.write((start, y + level * ROW + 5), text, SMALL, halo=True)
    return y + (max(map(_level, marks), default=0) + 1) * ROW


def _promises(canvas: Canvas, report: Report, scale: Scale, bottom: float) -> None:
    """Draw the recovery target and its limit as lines, or say that they are further away."""
    run = report.run
    beyond = []
    room = float(scale.left)
    for name, seconds, colour, dash in (
        ("target", run.rto, lanes.GREEN, 6),
        ("limit", run.rto_limit, lanes.RED, 14),
    ):
        text = f"{name} {duration(seconds)}"
        if seconds > scale.seconds:
            beyond.append(text)
            continue
        x = scale.at(seconds)
        canvas.dashed(x, (HEAD - 4, bottom), colour, dash)
        left = min(x - length(text, SMALL) / 2, WIDTH - MARGIN / 2 - length(text, SMALL))
        canvas.write((max(left, room), HEAD - 20), text, SMALL, colour)
        room = max(left, room) + length(text, SMALL) + 12
    if beyond:
        text = f"further right: {', '.join(beyond)}"
        canvas.write((MARGIN, HEAD - 20), text, SMALL, FAINT)


def _legend(canvas: Canvas, report: Report, scale: Scale, y: float) -> None:
    x = float(MARGIN)
    for colour, text in LEGENDS:
        _swatch(canvas, (x, y), colour)
        canvas.write((x + 28, y), text, SMALL)
        x += 28 + length(text, SMALL) + 22
    for text, colour, dash in (
        ("recovery target", lanes.GREEN, 6),
        ("recovery limit", lanes.RED, 14),
    ):
        canvas.dashed(x + 4, (y - 2, y + 17), colour, dash)
        canvas.write((x + 14, y), text, SMALL)
        x += 14 + length(text, SMALL) + 22
    x = float(MARGIN)
    for shape, colour, text in MARKS:
        canvas.mark(shape, (x + 8, y + 33), colour)
        canvas.write((x + 22, y + 25), text, SMALL)
        x += 22 + length(text, SMALL) + 22
    _phase_legend(canvas, report, scale, y + 50)
    made = "Made by Backout from its journal"
    canvas.write((WIDTH - MARGIN - length(made, SMALL), y + 50), made, SMALL, FAINT)


def _phase_legend(canvas: Canvas, report: Report, scale: Scale, y: float) -> None:
    """Explain the colours of phases that are too short to be named where they stand."""
    named = {phase.state for phase in report.phases if _is_named(phase, scale)}
    nameless = [phase.state for phase in report.phases if phase.state not in named]
    if not nameless:
        return
    canvas.write((MARGIN, y), "Short phases:", SMALL, FAINT)
    x = MARGIN + length("Short phases:", SMALL) + 12
    for state in dict.fromkeys(nameless):
        _swatch(canvas, (x, y), PHASE_COLOURS[state])
        canvas.write((x + 28, y), PHASES[state], SMALL)
        x += 28 + length(PHASES[state], SMALL) + 22


def _swatch(canvas: Canvas, at: tuple[float, float], colour: str) -> None:
    box = Box(at[0], at[1] + 1, at[0] + 22, at[1] + 1 + BAR)
    if colour:
        canvas.bar(box, colour)
    else:
        canvas.hatched(box)
