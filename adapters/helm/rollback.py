"""`helm.rollback`: return a release to an earlier revision, and wait until it runs."""

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from adapters.helm import commands, errors, failures, manifests, releases
from adapters.helm.history import ReleaseName, kept, rights
from adapters.helm.releases import Revision
from adapters.kubernetes import access
from adapters.kubernetes.connections import connect, namespace_of
from adapters.values import fingerprint_of, listed
from config.models.base import Duration, Model, format_duration
from config.models.systems import System
from flows.actions import (
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    UnknownOutcomeError,
    Verdict,
)

FAILED = "failed"
GRACE = timedelta(seconds=60)
LOOK_EVERY = 2.0
# Helm's own default timeout is 5 min: an operation of somebody else that is pending for longer
# than twice that has no process behind it any more.
ABANDONED = timedelta(minutes=10)


class HelmRollbackInputs(Model):
    """Which release, and where to."""

    release: ReleaseName = Field(description="Name of the Helm release.")
    revision: int = Field(ge=1, description="The revision to return to, never a relative one.")
    timeout: Duration = Field(
        default=timedelta(minutes=5), description="How long Helm waits for pods to be ready."
    )


class HelmRollbackOutput(Model):
    """The new revision that carries the old one's manifests."""

    revision: int
    version: str
    status: str
    description: str


class HelmRollback(Action):
    """Return a release to an explicit earlier revision, as a new revision, and wait for its pods.

    `apply` looks at the history first: already there means nothing to do, pending means that Helm
    is (or somebody's Helm is) still at work.  The target is absolute, and Helm guards each new
    revision by creating its record under a name that can exist once; so a repeat, even beside a
    first one that still works, brings the same manifests.  It is declared idempotent for that.
    Helm goes on when the bot dies or is held, and `verify` reads the outcome from the history.

    Effect: changes (pods are replaced at the pace of their update strategy; objects that came with
    later revisions are removed).  Not touched: databases, CustomResourceDefinitions, caches.
    Units: revisions; timeout in seconds.  Errors: permanent where release or revision is gone, for
    a missing right and without Helm; transient while another Helm operation is at work; unknown
    outcome when Helm ends badly without having written down how.
    """

    uses: ClassVar[str] = "helm.rollback"
    effect: ClassVar[Effect] = Effect.CHANGES
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = HelmRollbackInputs
    Output: ClassVar[type[Model]] = HelmRollbackOutput
    example: ClassVar[JsonObject] = {"release": "aivo-platform", "revision": 41, "timeout": "5m"}

    def permissions(self, inputs: HelmRollbackInputs, system: System) -> tuple[Permission, ...]:
        """Read and write Helm's records; the objects' own kinds are known from the preview."""
        return rights(system, "get", "list", "create", "update", "delete")

    async def preview(self, inputs: HelmRollbackInputs, context: Context) -> Preview:
        """Compare the manifests of both revisions."""
        history = await commands.history(context, inputs.release)
        target, current = _target(history, inputs), history[-1]
        before, after = await asyncio.gather(
            commands.manifest(context, inputs.release, current.number),
            commands.manifest(context, inputs.release, inputs.revision),
        )
        difference = await asyncio.to_thread(manifests.compare, before, after)
        needed = (*self.permissions(inputs, context.system), *_rights_on(difference, context))
        doubts = await access.require(await connect(context), needed)
        versions = Change(
            subject=f"release {inputs.release}",
            before=f"revision {current.number} ({current.label})",
            after=f"revision {inputs.revision} ({target.label})",
        )
        return Preview(
            summary=f"Roll {inputs.release} back from revision {current.number} "
            f"({current.label}) to {inputs.revision} ({target.label}); {difference.summary}",
            fingerprint=fingerprint_of([current.number, current.status, _hash(after)]),
            changes=(versions, *difference.images),
            in_place=releases.returned_to(history, inputs.revision),
            touches=difference.touches,
            losses=difference.losses,
            warnings=(*doubts, *_warnings(current, target, difference)),
        )

    async def capture(self, inputs: HelmRollbackInputs, context: Context) -> JsonObject:
        """Record the revision that runs now."""
        history = await commands.history(context, inputs.release)
        _target(history, inputs)
        current = history[-1]
        return {"revision": current.number, "status": current.status, "version": current.label}

    async def apply(
        self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context
    ) -> None:
        """Roll back, unless the history says that it is done or under way."""
        await _roll_back(inputs, inputs.revision, context)

    async def verify(
        self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read the newest revision."""
        history = await commands.history(context, inputs.release)
        if not history:
            return Refuted(why=f"{inputs.release} has no revision left")
        newest = history[-1]
        if releases.returned_to(history, inputs.revision):
            return _holds(newest, inputs.revision)
        if newest.pending and not _abandoned(newest, inputs.timeout + GRACE):
            progress = f"revision {newest.number} is {newest.status}: Helm waits for pods"
            return NotYet(progress=progress, after=LOOK_EVERY)
        if newest.deployed and await _same_manifest(context, inputs, newest):
            return _holds(newest, inputs.revision)
        if newest.status == FAILED:
            ended = newest.number > int(captured.get("revision", newest.number))
            return Refuted(why=await failures.told(newest, context), final=ended)
        never_left = not _output(context).exists()
        return Refuted(why=_refusal(newest, inputs, captured), final=never_left)

    async def undo(self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context) -> str:
        """Roll back to the captured revision, as a new revision, and look.

        Pods are not waited for: the release that is put back was not well, or nobody would have
        rolled it back.
        """
        before = int(captured["revision"])
        await _roll_back(inputs, before, context, waits=False)
        history = await commands.history(context, inputs.release)
        if not releases.returned_to(history, before):
            newest = history[-1]
            raise UnknownOutcomeError(
                f"Revision {newest.number} is {newest.status}, not revision {before} again: "
                f"{newest.description}"
            )
        newest = history[-1]
        return f"revision {newest.number} carries revision {before} ({newest.label}) again"


async def _roll_back(
    inputs: HelmRollbackInputs, revision: int, context: Context, *, waits: bool = True
) -> None:
    history = await commands.history(context, inputs.release)
    if releases.returned_to(history, revision):
        return
    newest = history[-1] if history else None
    if newest and newest.pending and not _abandoned(newest, ABANDONED):
        told = f"Revision {newest.number} of {inputs.release} is {newest.status}"
        if releases.content(history, newest.number) == releases.content(history, revision):
            raise UnknownOutcomeError(f"{told}: Helm is still rolling back to {revision}.")
        raise TransientError(f"{told}: another Helm operation is at work.", delay=5.0)
    if all(each.number != revision for each in history):
        raise errors.gone(inputs.release, revision, kept(history))
    seconds = max(round(inputs.timeout.total_seconds()), 1)
    words = ["rollback", inputs.release, str(revision), "--timeout", f"{seconds}s"]
    if waits:
        words.append("--wait")
    helm = commands.Detached.start(
        commands.arguments(context, *words),
        commands.environment(context),
        _output(context, "" if waits else "-undo"),
    )
    status = await _wait(helm, inputs.timeout + GRACE, revision, context)
    if status:
        await _raise_if_recorded(inputs, newest, context)
        raise errors.from_output(inputs.release, helm.said(), writes=True)


def _output(context: Context, suffix: str = "") -> Path:
    """Return where an attempt's Helm writes; the file is made right before Helm is started."""
    name = f"{context.key.replace('/', '-')}{suffix}.log"
    return context.surroundings.work / "helm" / name


async def _raise_if_recorded(
    inputs: HelmRollbackInputs, before: Revision | None, context: Context
) -> None:
    """Raise `PermanentError` where Helm wrote its failure down: then nothing is in doubt."""
    with contextlib.suppress(TransientError):
        newest = (await commands.history(context, inputs.release))[-1]
        if newest.status == FAILED and newest != before:
            raise PermanentError(await failures.told(newest, context))


async def _wait(helm: commands.Detached, limit: timedelta, revision: int, context: Context) -> int:
    """Wait for Helm and for whatever ends the waiting (`context.pause` raises then)."""
    began = datetime.now(UTC)
    while not helm.ended.done():
        passed = datetime.now(UTC) - began
        if passed > limit:
            raise UnknownOutcomeError(
                f"Helm did not end within {format_duration(limit)}; it was left running."
            )
        await context.progress(f"Helm rolls back to {revision} · {passed.total_seconds():.0f} s")
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


def _target(history: tuple[Revision, ...], inputs: HelmRollbackInputs) -> Revision:
    for each in history:
        if each.number == inputs.revision:
            return each
    raise errors.gone(inputs.release, inputs.revision, kept(history))


def _rights_on(difference: manifests.Difference, context: Context) -> tuple[Permission, ...]:
    scope = namespace_of(context.system)
    return tuple(
        Permission(kind="kubernetes", verb=verb, resource=resource, scope=scope)
        for verb, resource in difference.rights()
    )


async def _same_manifest(context: Context, inputs: HelmRollbackInputs, newest: Revision) -> bool:
    try:
        there, wanted = await asyncio.gather(
            commands.manifest(context, inputs.release, newest.number),
            commands.manifest(context, inputs.release, inputs.revision),
        )
    except PermanentError:
        return False  # the target is no longer kept: nothing to compare with
    return _hash(there) == _hash(wanted)


def _holds(newest: Revision, target: int) -> Holds:
    return Holds(
        summary=f"revision {newest.number} is deployed and carries revision {target} "
        f"({newest.label})",
        output={
            "revision": newest.number,
            "version": newest.label,
            "status": newest.status,
            "description": newest.description,
        },
    )


def _refusal(newest: Revision, inputs: HelmRollbackInputs, captured: JsonObject) -> str:
    told = f"revision {newest.number} is {newest.status}"
    if newest.number == captured.get("revision"):
        return f"{told} as before: no rollback to {inputs.revision} was recorded"
    if newest.pending:
        return f"{told} for too long: its Helm is gone. Retry rolls back again"
    return f"{told}: {newest.description[:300]}"


def _abandoned(revision: Revision, limit: timedelta) -> bool:
    return revision.updated is not None and datetime.now(UTC) - revision.updated > limit


def _warnings(
    current: Revision, target: Revision, difference: manifests.Difference
) -> tuple[str, ...]:
    found: list[str] = []
    if difference.removed:
        found.append(f"Removes what came later: {listed(difference.removed)}.")
    if current.pending:
        found.append(f"Revision {current.number} is {current.status}: Helm may still be at work.")
    if target.status not in releases.WORKED:
        found.append(f"Revision {target.number} was {target.status}: {target.description[:200]}")
    return tuple(found)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
