"""Running `helm rollback`: once, beside nobody, and watched until it ends.

Called by `rollback` for applying and for undoing.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.helm import commands, detached, errors, failures, releases
from adapters.helm.detached import Detached
from adapters.helm.releases import Revision
from adapters.kubernetes.connections import connect
from adapters.values import step_key
from config.models.base import format_duration
from flows.actions import (
    ActionError,
    Context,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)

FAILED = "failed"
GRACE = timedelta(seconds=60)
LOOK_EVERY = 2.0
UNDO = "-undo"
NUMBERED = r"-\d+(?:-undo)?\.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What Helm is to do: make `revision` the release's content again.

    `target` is what the step returns to, which an undo turns back.  Another's operation that is
    pending for longer than `abandoned_after` has no process behind it any more.
    """

    release: str
    revision: int
    target: int
    timeout: timedelta
    abandoned_after: timedelta
    waits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The history, and whether a Helm of this step was at work when it was asked for.

    That is asked first: a Helm that ends in between must not seem gone with its work half done,
    because what it wrote last is in a history that is read after its end.
    """

    history: tuple[Revision, ...]
    working: bool


async def look(release: str, context: Context) -> Look:
    """Look at a release and at this step's own Helm."""
    working = alive(context)
    return Look(history=await commands.history(context, release), working=working)


async def run(wanted: Wanted, seen: Look, context: Context) -> None:
    """Roll back, unless the history says that it is done or under way."""
    history = seen.history
    if releases.returned_to(history, wanted.revision):
        return
    await connect(context)  # refuses another cluster than the pinned one
    _refuse_beside_another(wanted, seen, context)
    if all(each.number != wanted.revision for each in history):
        raise errors.gone(wanted.release, wanted.revision, releases.kept(history))
    seconds = max(round(wanted.timeout.total_seconds()), 1)
    # Nothing of the history is forgotten in an incident; the next upgrade clears it up.
    words = ["rollback", wanted.release, str(wanted.revision), "--history-max", "0"]
    words += ["--timeout", f"{seconds}s"]
    if wanted.waits:
        words.append(await commands.waiting(context))
    helm = Detached.start(
        commands.arguments(context, *words),
        commands.environment(context),
        log_of(context, "" if wanted.waits else UNDO),
    )
    if status := await _wait(helm, wanted, context):
        await _judge(status, helm.said(), wanted, history, context)


def log_of(context: Context, suffix: str = "") -> Path:
    """Return where an attempt's Helm writes; the file is made right before Helm is started."""
    return _folder(context) / f"{_plain(context.key)}{suffix}.log"


def alive(context: Context) -> bool:
    """Say whether a Helm that this step started is still at work on this machine."""
    return any(detached.alive(each) for each in _logs(context))


def began(context: Context) -> bool:
    """Say whether this step started a Helm on this machine."""
    return any(True for _ in _logs(context))


def older(revision: Revision, limit: timedelta) -> bool:
    """Say whether a revision began longer ago than this."""
    return revision.updated is not None and datetime.now(UTC) - revision.updated > limit


def _folder(context: Context) -> Path:
    return context.surroundings.work / "helm"


def _plain(key: str) -> str:
    return key.replace("/", "-")


def _logs(context: Context) -> Iterator[Path]:
    name = re.compile(re.escape(_plain(step_key(context.key))) + NUMBERED)
    return (each for each in _folder(context).glob("*.log") if name.fullmatch(each.name))


def _refuse_beside_another(wanted: Wanted, seen: Look, context: Context) -> None:
    """Raise while Helm is at work on the release: Helm itself would not mind."""
    history, running = seen.history, seen.working
    if not history or not history[-1].pending:
        if running:  # it has yet to record its revision, or just has
            raise TransientError("The Helm that this step started is at work.", delay=5.0)
        return
    newest = history[-1]
    told = f"Revision {newest.number} of {wanted.release} is {newest.status}"
    carried = releases.content(history, newest.number)
    same = carried == releases.content(history, wanted.revision)
    ours = same or carried == releases.content(history, wanted.target)
    limit = wanted.timeout + GRACE if same else wanted.abandoned_after
    if not running and ((ours and began(context)) or older(newest, limit)):
        return
    if same:
        raise UnknownOutcomeError(f"{told}: Helm is still rolling back to {wanted.revision}.")
    whose = "the Helm that this step started" if running else "another Helm operation"
    raise TransientError(f"{told}: {whose} is at work.", delay=5.0)


async def _wait(helm: Detached, wanted: Wanted, context: Context) -> int:
    """Wait for Helm and for whatever ends the waiting (`context.pause` raises then)."""
    started, limit = datetime.now(UTC), wanted.timeout + GRACE
    while not helm.ended.done():
        passed = datetime.now(UTC) - started
        if passed > limit:
            raise UnknownOutcomeError(
                f"Helm did not end within {format_duration(limit)}; it was left running."
            )
        progress = f"Helm rolls back to {wanted.revision} · {passed.total_seconds():.0f} s"
        await context.progress(progress)
        await _pause_until(helm.ended, context)
    return helm.ended.result()


async def _pause_until(ended: asyncio.Future[int], context: Context) -> None:
    """Pause for a while, but not beyond the end."""
    pause = asyncio.create_task(context.pause(LOOK_EVERY))
    both: set[asyncio.Future[Any]] = {ended, pause}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pause.cancel()
    if pause.done():
        pause.result()


async def _judge(
    status: int, said: str, wanted: Wanted, before: Sequence[Revision], context: Context
) -> None:
    """Raise what became of a Helm that ended badly; return where it did its work all the same.

    Helm records a new revision before it changes anything else, so that without one nothing was.
    """
    told = f"Helm was ended by signal {-status}" if status < 0 else errors.shortened(said)
    try:
        history = await commands.history(context, wanted.release)
    except ActionError as error:
        raise UnknownOutcomeError(f"{told}. The history can't be read: {error}") from error
    if releases.returned_to(history, wanted.revision):
        return
    newest = history[-1] if history else None
    if newest is None or newest in before:
        if status < 0:
            raise TransientError(f"{told} before it recorded anything.")
        raise errors.from_output(wanted.release, said, writes=True)
    if newest.status == FAILED:
        raise PermanentError(await failures.told(newest, wanted.release, context))
    raise UnknownOutcomeError(f"Revision {newest.number} is {newest.status}: {told}")
