"""`helm.history`: what is deployed, and which revision was the last good one."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from adapters.helm import commands, needs, releases
from adapters.helm.releases import Revision
from adapters.kubernetes.connections import namespace_of
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Reading,
    Verdict,
)

SHOWN = 10

ReleaseName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$", max_length=53)]


class HelmHistoryInputs(Model):
    """Which release."""

    release: ReleaseName = Field(description="Name of the Helm release.")
    broken_at: AwareDatetime | None = Field(
        default=None, description="What ran at this time, and came since, does not count as good."
    )


class RevisionSeen(Model):
    """One revision."""

    revision: int
    status: str
    version: str
    chart: str
    description: str
    updated: str | None


class HelmHistoryOutput(Model):
    """The current revision, and the one to return to.  Times are ISO 8601."""

    current: int
    current_status: str
    current_version: str
    last_good: int
    good_version: str
    good_deployed_at: str | None
    ran_for_s: float | None = Field(description="Seconds that the last good one ran.")
    revisions: tuple[RevisionSeen, ...] = Field(description="The newest ten, newest first.")


class HelmHistory(Reading[HelmHistoryInputs]):
    """Read a release's history and choose the revision to return to.

    The last good revision is the newest one below the current that worked, carries something else
    than the current one, and was not itself rolled back from before: after "bad, rolled back", the
    bad one is not chosen again (see `adapters.helm.releases`).

    Effect: reads.  Units: revisions, seconds.  Errors: permanent where the release is not there
    or has no such revision, and without Helm; transient when the cluster does not answer.
    """

    uses: ClassVar[str] = "helm.history"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = HelmHistoryInputs
    Output: ClassVar[type[Model]] = HelmHistoryOutput
    example: ClassVar[JsonObject] = {"release": "aivo-platform"}

    def permissions(self, inputs: HelmHistoryInputs, system: System) -> tuple[Permission, ...]:
        """List the secrets that Helm keeps its releases in."""
        return needs.records(namespace_of(system), "list")

    def describe(self, inputs: HelmHistoryInputs) -> str:
        """Say what is looked at."""
        return f"Read the history of the release {inputs.release}"

    async def look(self, inputs: HelmHistoryInputs, context: Context) -> Verdict:
        """Look once."""
        history = await commands.history(context, inputs.release)
        good = releases.last_good(history, inputs.broken_at)
        if good is None:
            raise PermanentError(
                f"{inputs.release} has no earlier revision that is known to be good (Helm keeps "
                f"{releases.kept(history) or 'none'}): name a revision yourself, or fix forward."
            )
        output = _output(history, good)
        return Holds(
            summary=f"revision {output.current} ({output.current_version}, "
            f"{output.current_status}); last good {good.number} ({good.label})",
            output=output.model_dump(mode="json"),
        )


def _output(history: tuple[Revision, ...], good: Revision) -> HelmHistoryOutput:
    current = history[-1]
    return HelmHistoryOutput(
        current=current.number,
        current_status=current.status,
        current_version=current.label,
        last_good=good.number,
        good_version=good.label,
        good_deployed_at=good.updated.isoformat() if good.updated else None,
        ran_for_s=releases.ran_for(history, good.number),
        revisions=tuple(_seen(revision) for revision in reversed(history[-SHOWN:])),
    )


def _seen(revision: Revision) -> RevisionSeen:
    return RevisionSeen(
        revision=revision.number,
        status=revision.status,
        version=revision.version,
        chart=revision.chart,
        description=revision.description[:200],
        updated=revision.updated.isoformat() if revision.updated else None,
    )
