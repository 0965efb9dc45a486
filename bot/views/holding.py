"""The card's parts while something is under way or stands still: what can be done now.

A button is shown where the core would let it through (`flows.objections`), so that none of them
leads to a refusal; at most three stand in front, the rest is in the "…" menu.
"""

from collections.abc import Sequence

from bot.views import limits, plans
from bot.views.approving import view_plan
from bot.views.blocks import Block, Element, actions, confirm
from bot.views.controls import Act, Control, button, menu
from bot.wording.texts import count, cut, either, inline, one_line
from flows import events
from flows.objections import Asked, objection
from flows.plans import PlannedStep
from flows.runs import Run
from flows.states import State

MAIN = 3
SKIP_TITLE = 40
DRIFT_SHOWN = 5
WAYS = {
    Act.RETRY: "*Retry* tries what failed again, with fresh time.",
    Act.RESUME: "*Resume* goes on where it stood.",
    Act.SKIP: "*Skip* goes on without the step, on your word.",
    Act.REPLAN: "*New plan* looks again and asks for approval again; what was done stays done.",
    Act.UNDO: "*Undo all* puts back what was changed.",
    Act.ABORT: "*Abort* ends it; nothing was changed.",
}


def hold_lines(run: Run, control: Sequence[str]) -> list[str]:
    """Return what drifted where something did, what each way on means, and who may take it."""
    if run.state is not State.HOLD or run.held is None:
        return []
    record = run.steps.get(run.held.step or "")
    drift = record.drift if record else ()
    may = either([inline(title, 60) for title in control])
    said = [words for act, words in WAYS.items() if act in ways(run)[:MAIN]]
    return [
        *(f"• now: {plans.pair(change)}" for change in drift[:DRIFT_SHOWN]),
        "*What now?* " + " ".join(said) + (f" For {may}." if may else ""),
    ]


def ways(run: Run) -> tuple[Act, ...]:
    """Return what can be done now, the most likely wanted first, each act once."""
    return tuple(dict.fromkeys(control.act for control, _, _ in _ranked(run)))


def control_blocks(run: Run) -> list[Block]:
    """Return the buttons that matter now, and a menu with the others."""
    ranked = _ranked(run)
    front = [element for _, _, element in ranked[:MAIN]]
    rest = [(control, text) for control, text, element in ranked[MAIN:] if "confirm" not in element]
    asks = [element for _, _, element in ranked[MAIN:] if "confirm" in element]
    plan = view_plan(run) if len(front) < MAIN else None
    more = menu(rest + _view_in_menu(run, plan), run.id)
    return actions([*front, plan, *asks[:1], more])


def _view_in_menu(run: Run, shown: Element | None) -> list[tuple[Control, str]]:
    if shown is not None or run.plan is None:
        return []
    return [(Control(act=Act.VIEW_PLAN, incident=run.id), "View plan")]


Ranked = tuple[Control, str, Element]


def _ranked(run: Run) -> list[Ranked]:
    """Return what would have an effect now, the most likely wanted first."""
    if run.state is State.HOLD:
        found = [_retry(run), _resume(run), *_skips(run), _undo(run), _abort(run), _replan(run)]
        if run.held and run.held.drifted:
            found = [_replan(run), _undo(run), *_skips(run), _abort(run)]
    elif run.state is State.ASSESS:
        found = [_replan(run), _undo(run), _no_rollback(run), _abort(run)]
    else:
        found = [_hold(run), _undo(run), _abort(run)]
    return [one for one in found if one is not None]


def _allowed(run: Run, asked: Asked) -> bool:
    return objection(run, asked) is None


def _plain(run: Run, act: Act, text: str, scope: str | None = None) -> Ranked:
    control = Control(act=act, incident=run.id, scope=scope)
    return control, text, button(control, text)


def _hold(run: Run) -> Ranked | None:
    return _plain(run, Act.HOLD, "Hold") if _allowed(run, events.HoldAsked(reason="")) else None


def _resume(run: Run) -> Ranked | None:
    return _plain(run, Act.RESUME, "Resume") if _allowed(run, events.ResumeAsked()) else None


def _retry(run: Run) -> Ranked | None:
    if not _allowed(run, events.RetryAsked()):
        return None
    control = Control(act=Act.RETRY, incident=run.id)
    lost = [one for one in run.failed() if one.effect == "destroys"]
    dialog = None
    if lost:
        said = " ".join(f"{step.title}: {step.losses or 'can not be undone'}." for step in lost)
        dialog = confirm(
            title="Try again, and lose this?", text=said, yes="Retry", no="Not yet", danger=True
        )
    return control, "Retry", button(control, "Retry", confirm=dialog)


def _skips(run: Run) -> list[Ranked]:
    return [
        _plain(run, Act.SKIP, f"Skip {cut(one_line(step.title), SKIP_TITLE)}…", step.id)
        for step in _skippable(run)
    ]


def _skippable(run: Run) -> list[PlannedStep]:
    failed = list(run.failed())
    held = run.held
    if held and held.drifted and run.plan and held.step is not None and held.step in run.steps:
        failed.append(run.plan.step(held.step))
    return [s for s in failed[:2] if _allowed(run, events.SkipAsked(step=s.id, reason=""))]


def _replan(run: Run) -> Ranked | None:
    if run.state is State.ASSESS and not run.blocked:
        return None
    if not _allowed(run, events.ReplanAsked(reason="")):
        return None
    return _plain(run, Act.REPLAN, "New plan")


def _no_rollback(run: Run) -> Ranked | None:
    if not run.blocked or not _allowed(run, events.NoRollbackChosen(reason="")):
        return None
    return _plain(run, Act.NO_ROLLBACK, "Close without rollback…")


def _abort(run: Run) -> Ranked | None:
    if not _allowed(run, events.AbortAsked(reason="")):
        return None
    return _plain(run, Act.ABORT, "Abort…")


def _undo(run: Run) -> Ranked | None:
    if not _allowed(run, events.UndoAsked(reason="")):
        return None
    control = Control(act=Act.UNDO, incident=run.id)
    dialog = confirm(
        title="Put everything back?",
        text=undo_words(run),
        yes="Undo all",
        no="Keep it",
        danger=True,
    )
    return control, "Undo all", button(control, "Undo all", style="danger", confirm=dialog)


def undo_words(run: Run) -> str:
    """Say in plain words what undoing puts back, and what it can't."""
    titles = [one_line(one.step.title) for one in reversed(run.applied) if one.step.undoable]
    stuck = [one_line(one.step.title) for one in run.applied if not one.step.undoable]
    order = ", last first" if len(titles) > 1 else ""
    back = f"Puts back {count(len(titles), 'change')}{order}: {', '.join(titles)}."
    if not titles:
        back = "Waits for what is under way, then puts back what it changed."
    lost = f" Can't be undone and stays as it is: {', '.join(stuck)}." if stuck else ""
    trouble = " What it was declared for may come back."
    room = limits.CONFIRM_TEXT - len(trouble)
    return cut(f"{back}{lost}", room) + trouble
