"""`helm.rollback`: return a release to an earlier revision, and wait until it runs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from adapters.helm import attempts, commands, needs, outcomes, previews, releases
from adapters.helm.attempts import Wanted
from adapters.helm.history import ReleaseName
from adapters.helm.releases import Revision
from adapters.kubernetes.connections import namespace_of
from config.models.base import Duration, Model
from config.models.systems import System
from flows.actions import (
    Action,
    Context,
    Effect,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    UnknownOutcomeError,
    Verdict,
)

# Helm's own default timeout is 5 min: an operation of somebody else that is pending for longer
# than twice that has no process behind it any more.
ABANDONED = timedelta(minutes=10)
COMMON = ("deployments.apps", "services", "configmaps")

ResourceName = Annotated[str, Field(pattern=r"^(?:\*|[a-z0-9]+(?:\.[a-z0-9][-a-z0-9.]*)?)$")]


class HelmRollbackInputs(Model):
    """Which release, and where to."""

    release: ReleaseName = Field(description="Name of the Helm release.")
    revision: int = Field(ge=1, description="The revision to return to, never a relative one.")
    timeout: Duration = Field(
        default=timedelta(minutes=5), description="How long Helm waits for pods to be ready."
    )
    abandoned_after: Duration = Field(
        default=ABANDONED,
        description="After how long another Helm operation that is still pending is taken for "
        "dead, and rolled back over.",
    )
    manages: tuple[ResourceName, ...] = Field(
        default=COMMON,
        description="Resources that the chart holds, as `kubectl auth can-i` names them: for the "
        "rights that `backout permissions` prints.  The preview asks for what is really needed.",
    )
    hooks: tuple[ResourceName, ...] = Field(
        default=(),
        description="Resources of the hooks that run on rollbacks, such as `jobs.batch`.",
    )


class HelmRollbackOutput(Model):
    """The new revision that carries the old one's manifests."""

    revision: int
    version: str
    status: str
    description: str
    left_over: tuple[str, ...] = Field(description="Objects that Helm should have removed.")


class HelmRollback(Action):
    """Return a release to an explicit earlier revision, as a new revision, and wait for its pods.

    `apply` looks at the history first: already there means nothing to do, pending means that Helm
    is (or somebody's Helm is) still at work; Helm itself would not mind another one.  The target is
    absolute, and Helm guards each new revision by creating its record under a name that can exist
    once; so a repeat, even beside a first one that still works, brings the same manifests.  It is
    declared idempotent for that.  Helm goes on when the bot dies or is held, and `verify` reads the
    outcome from the history, and compares the images of the cluster's workloads.  An upgrade that
    came after the preview, or after the rollback, is not rolled back: people look first.

    Rights: Helm reads and writes its records, which are Secrets, and every object of the chart.
    Helm 4 is told to wait as Helm 3 does (without watches), and needs the same.  No record is
    forgotten (`--history-max 0`): the next upgrade clears the history up.

    Effect: changes (pods are replaced at the pace of their update strategy; objects that came with
    later revisions are removed; the target's rollback hooks run).  Not touched: databases,
    CustomResourceDefinitions of a chart's `crds` folder, caches.
    Units: revisions; durations in seconds.  Errors: permanent where release or revision is gone,
    for a missing right, without Helm, and where somebody else upgraded; transient while another
    Helm operation is at work; unknown outcome when Helm ends badly without having written down how.
    """

    uses: ClassVar[str] = "helm.rollback"
    effect: ClassVar[Effect] = Effect.CHANGES
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = HelmRollbackInputs
    Output: ClassVar[type[Model]] = HelmRollbackOutput
    example: ClassVar[JsonObject] = {"release": "aivo-platform", "revision": 41, "timeout": "5m"}

    def permissions(self, inputs: HelmRollbackInputs, system: System) -> tuple[Permission, ...]:
        """Read and write Helm's records, and what the chart holds."""
        return needs.granted(inputs.manages, inputs.hooks, namespace_of(system))

    async def preview(self, inputs: HelmRollbackInputs, context: Context) -> Preview:
        """Compare the manifests of both revisions."""
        return await previews.preview(_wanted(inputs), context)

    async def capture(self, inputs: HelmRollbackInputs, context: Context) -> JsonObject:
        """Record the revision that runs now."""
        history = await commands.history(context, inputs.release)
        previews.target_of(history, _wanted(inputs))
        current = history[-1]
        return {"revision": current.number, "status": current.status, "version": current.label}

    async def apply(
        self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context
    ) -> None:
        """Roll back, unless the history says that it is done, under way, or overtaken."""
        seen = await attempts.look(inputs.release, context)
        before = int(captured.get("revision", 0))
        if before and not releases.returned_to(seen.history, inputs.revision):
            await _refuse_newer(inputs, seen.history, before, context)
        await attempts.run(_wanted(inputs), seen, context)

    async def verify(
        self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read the newest revision, and compare the cluster's images with it."""
        seen = await attempts.look(inputs.release, context)
        return await outcomes.judge(_wanted(inputs), captured.get("revision"), seen, context)

    async def undo(self, inputs: HelmRollbackInputs, captured: JsonObject, context: Context) -> str:
        """Roll back to the captured revision, as a new revision, and look.

        Pods are not waited for: the release that is put back was not well, or nobody would have
        rolled it back.
        """
        before = int(captured["revision"])
        seen = await attempts.look(inputs.release, context)
        history = seen.history
        if history and history[-1].number == before and not seen.working:
            return f"revision {before} is still the newest: nothing was rolled back"
        if not releases.returned_to(history, before):
            await _refuse_newer(inputs, history, before, context)
        await attempts.run(_wanted(inputs, back_to=before), seen, context)
        history = await commands.history(context, inputs.release)
        newest = history[-1]
        if not releases.returned_to(history, before):
            raise UnknownOutcomeError(
                f"Revision {newest.number} is {newest.status}, not revision {before} again: "
                f"{newest.description}"
            )
        return f"revision {newest.number} carries revision {before} ({newest.label}) again"


def _wanted(inputs: HelmRollbackInputs, *, back_to: int | None = None) -> Wanted:
    return Wanted(
        release=inputs.release,
        revision=back_to or inputs.revision,
        target=inputs.revision,
        timeout=inputs.timeout,
        abandoned_after=inputs.abandoned_after,
        waits=back_to is None,
    )


async def _refuse_newer(
    inputs: HelmRollbackInputs, history: Sequence[Revision], before: int, context: Context
) -> None:
    """Raise `PermanentError` where somebody else deployed something after the captured revision."""
    if not history or not history[-1].deployed or history[-1].number <= before:
        return
    if await outcomes.carries(inputs.release, history, inputs.revision, context):
        return
    newest = history[-1]
    raise PermanentError(
        f"Somebody deployed revision {newest.number} of {inputs.release} ({newest.label}: "
        f"{newest.description[:200]}) after revision {before}: look whether it is wanted, and plan "
        "again."
    )
