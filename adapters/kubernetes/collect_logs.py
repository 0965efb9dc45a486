"""`kubernetes.collect_logs`: keep the logs of containers as evidence, before they are gone."""

from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, clocks, container_logs, labels, log_collections, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.container_logs import Log
from adapters.kubernetes.log_collections import Limits
from adapters.kubernetes.log_folders import Folder, Targets
from adapters.kubernetes.resources import PODS
from adapters.values import Names, count, listed
from config.models.base import Duration, Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Reading,
    Refuted,
    Stored,
    Verdict,
)

KIB, MIB = 1024, 1024 * 1024
MOST_TOLD = 50
Object = dict[str, Any]


class CollectLogsInputs(Model):
    """Whose logs are kept, and how much of them: by `names`, by `selector`, or all."""

    names: Annotated[
        workloads.WorkloadNames,
        Field(description="Workloads: `name`, or `deployment/name`, `statefulset/name`, …"),
    ] = ()
    kind: workloads.Kind = Field(default="Deployment", description="Kind of names without one.")
    selector: labels.Selector = Field(default="", description="Label selector over the pods.")
    containers: Annotated[
        Names, Field(description="Only containers of these names; empty takes all, init ones too.")
    ] = ()
    since: Duration | None = Field(
        default=None, ge=timedelta(seconds=1), description="How far back; without it, all."
    )
    lines: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Newest lines of a container's log."
    )
    container_bytes: int = Field(
        default=10 * MIB, ge=KIB, le=100 * MIB, description="Newest bytes of a container's log."
    )
    total_bytes: int = Field(
        default=500 * MIB, ge=KIB, le=10_000 * MIB, description="Bytes of all logs together."
    )
    previous: bool = Field(
        default=True, description="Also the log of before the last restart, where there was one."
    )
    patience: Duration = Field(
        default=timedelta(minutes=1),
        le=timedelta(minutes=30),
        description="For how long a log is tried again whose node does not answer.",
    )

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.names and self.selector:
            raise ValueError("give names or a selector, not both")
        return self


class CollectLogsOutput(Model):
    """What was kept.  What the logs say stands in the evidence alone."""

    manifest: str = Field(description="Name of the list of them in the evidence store.")
    sha256: str = Field(description="Of the manifest, which holds those of the logs.")
    logs: int
    bytes: int
    shortened: int = Field(description="Logs of which lines were left out, by the limits.")
    unread: tuple[str, ...] = Field(description="Logs that could not be kept, and why; at most 50.")


class CollectLogs(Reading[CollectLogsInputs]):
    """Keep the logs of containers as evidence, one file a container, with a manifest of hashes.

    Each line has its time.  Where a log is longer than the limits, its newest part is kept.  What
    can't be read does not keep the others from being kept: it is named, with the reason, and the
    step holds as long as anything was kept.  Another attempt collects anew.  What logs say goes
    nowhere else.

    Effect: reads.  Units: bytes, lines.  Errors: permanent where no pod is meant, and without a
    right; transient while the cluster, or a node for less than `patience`, does not answer.
    Refuted where not a single log could be kept.
    """

    uses: ClassVar[str] = "kubernetes.collect_logs"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = CollectLogsInputs
    Output: ClassVar[type[Model]] = CollectLogsOutput
    example: ClassVar[JsonObject] = {"names": ["frontend", "backend"], "since": "1h"}

    def permissions(self, inputs: CollectLogsInputs, system: System) -> tuple[Permission, ...]:
        """List pods, read their logs, and read the workloads that are named."""
        namespace = namespace_of(system)
        meant = workloads.meant(inputs.names, inputs.kind) if inputs.names else ()
        return (
            access.right("list", PODS, namespace),
            access.right("get", PODS, namespace, sub="log"),
            *(access.right("get", kind, namespace, name=name) for kind, name in meant),
        )

    def describe(self, inputs: CollectLogsInputs) -> str:
        """Say what is kept."""
        having = f"pods with {inputs.selector}" if inputs.selector else "all pods"
        return f"Keep the logs of {listed(inputs.names) if inputs.names else having} as evidence"

    async def preview(self, inputs: CollectLogsInputs, context: Context) -> Preview:
        """Count the logs, and see that there are the rights for them."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        logs = await _logs(cluster, inputs)
        most = min(len(logs) * inputs.container_bytes, inputs.total_bytes)
        told = f"{self.describe(inputs)}: {count(len(logs), 'log')}, at most {_amount(most)}"
        return Preview(summary=told, fingerprint="", warnings=doubts)

    async def look(self, inputs: CollectLogsInputs, context: Context) -> Verdict:
        """Keep what is not kept yet, for a while; write the manifest when all is through."""
        folder = Folder(context)
        if written := await folder.manifest():
            return _verdict(*written)
        cluster = await connect(context)
        targets = await folder.targets() or await _find(cluster, inputs, context, folder)
        limits = Limits(
            since=targets.taken_at - inputs.since if inputs.since else None,
            lines=inputs.lines,
            container_bytes=inputs.container_bytes,
            total_bytes=inputs.total_bytes,
            late=clocks.now() - targets.taken_at > inputs.patience,
        )
        outcomes = await log_collections.collect(cluster, folder, targets.logs, limits)
        if len(outcomes) < len(targets.logs):
            told = f"{len(outcomes)} of {count(len(targets.logs), 'log')} are through"
            return NotYet(progress=told, after=0.1)
        head = {
            "incident": context.incident,
            "namespace": cluster.namespace,
            "taken_at": targets.taken_at.isoformat(),
            "inputs": inputs.model_dump(mode="json"),
        }
        return _verdict(*await folder.write_manifest(head, outcomes))


async def _find(
    cluster: Cluster, inputs: CollectLogsInputs, context: Context, folder: Folder
) -> Targets:
    """Find the logs, and write down which they are."""
    permissions = CollectLogs().permissions(inputs, context.system)
    await access.require(cluster, permissions)  # else each log would be one that can't be read
    targets = Targets(taken_at=clocks.now(), logs=tuple(await _logs(cluster, inputs)))
    await folder.write_targets(targets)
    return targets


async def _logs(cluster: Cluster, inputs: CollectLogsInputs) -> list[Log]:
    """Return the logs that are meant; raise `PermanentError` where there are none."""
    selector = labels.written(labels.parse(inputs.selector))
    pods = await cluster.items(PODS, labels=selector)
    if inputs.names:
        found = await workloads.fetch(cluster, workloads.named(inputs.names, inputs.kind))
        own = {p["metadata"]["name"]: p for w in found.values() for p in workloads.owned(w, pods)}
        pods = list(own.values())
    logs = container_logs.of_pods(pods, inputs.containers, previous=inputs.previous)
    if not logs:
        raise PermanentError(
            f"Namespace {cluster.namespace} has no container that is meant here, so there is no "
            "log to keep: check names, selector and containers."
        )
    return logs


def _verdict(manifest: Object, stored: Stored) -> Verdict:
    kept = manifest["logs"]
    unread = [
        f"{Log(**{k: v for k, v in each.items() if k != 'why'})}: {each['why']}"
        for each in manifest["unread"]
    ]
    if not kept:
        return Refuted(why=f"no log could be kept: {listed(unread, limit=2)}")
    output = CollectLogsOutput(
        manifest=stored.name,
        sha256=stored.sha256,
        logs=len(kept),
        bytes=sum(each["size"] for each in kept),
        shortened=sum(bool(each["left_out"]) for each in kept),
        unread=tuple(unread[:MOST_TOLD]),
    )
    return Holds(summary=_told(output, len(unread)), output=output.model_dump(mode="json"))


def _told(output: CollectLogsOutput, unread: int) -> str:
    told = f"{count(output.logs, 'log')} ({_amount(output.bytes)}) kept as {output.manifest}"
    if output.shortened:
        told += f"; {output.shortened} of them without their older lines"
    if unread:
        told += f"; {unread} not kept: {listed(output.unread, limit=2)}"
    return told


def _amount(size: int) -> str:
    return f"{size / MIB:.0f} MiB" if size >= MIB else f"{-(-size // KIB)} KiB"
