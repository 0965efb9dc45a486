"""`kubernetes.apply_manifest`: bring the objects of a reviewed manifest into the cluster."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.files import FileRef
from adapters.kubernetes import (
    access,
    applications,
    manifest_previews,
    manifests,
    object_readiness,
    reconcilers,
)
from adapters.kubernetes.applications import Draft
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.errors import OwnedError
from adapters.kubernetes.kinds import OF_CLUSTERS
from adapters.kubernetes.manifests import Item, KindOfObjects
from adapters.kubernetes.resources import SECRETS
from adapters.values import fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

VERBS = ("get", "patch", "create", "delete")
"""An apply names what it makes, so even the right to create holds for one name."""
Digest = Annotated[str, Field(pattern=r"^(?:sha256:)?[0-9a-f]{64}$")]


class ApplyManifestInputs(Model):
    """Which objects: a file beside the system's own, or written out here; exactly one of both."""

    manifest: FileRef | None = Field(
        default=None,
        examples=["file:files/maintenance.yaml"],
        description="A file of YAML documents, beside the system's own.",
    )
    digest: Digest | None = Field(
        default=None,
        examples=["0" * 64],
        description="SHA-256 of the file (`sha256sum`); needed with a file.",
    )
    objects: tuple[dict[str, Any], ...] | None = Field(
        default=None, max_length=manifests.MOST, description="The objects themselves."
    )
    cluster_scoped: bool = Field(
        default=False, description="Objects that belong to no namespace are allowed."
    )
    force: bool = Field(
        default=False, description="Take fields over that somebody else owns and sets otherwise."
    )
    resources: tuple[KindOfObjects, ...] = Field(
        default=(),
        description="Kinds that not every cluster has; and all kinds, where `objects` depends on "
        "what is only known during an incident.",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.manifest is None) == (self.objects is None):
            raise ValueError("give exactly one of manifest and objects")
        if (self.manifest is None) != (self.digest is None):
            raise ValueError("a manifest has a digest, and objects written out have none")
        if any(each.get("kind") == SECRETS.kind for each in self.objects or ()):
            raise ValueError("a Secret written out here would be journalled: name a file")
        return self


class ApplyManifestOutput(Model):
    """What was applied, as `Kind/name`."""

    objects: tuple[str, ...]
    created: tuple[str, ...] = Field(description="Those that were not there before.")


class ApplyManifest(Action):
    """Apply objects by server-side apply, all in the pinned namespace, and wait until they work.

    The file is pinned by its digest.  Every object is tried without effect first; one that is as
    it should be is not written.  Only fields of the manifest are set; those that somebody else
    owns and sets otherwise are refused unless `force` is given.  What each field was before is
    captured, and `undo` puts just these fields back and deletes what was created, unless somebody
    changed them since.

    Ready means: workloads complete, Services with a ready pod, Jobs completed, Pods ready.

    Effect: changes.  Units: objects.  Errors: permanent for another digest, another namespace, a
    kind that is not known, a field that the kind has not, fields of other owners, an object that
    somebody changed or made meanwhile, a missing right, and for Secrets without a key to seal what
    they held; transient where an object changes at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.apply_manifest"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = ApplyManifestInputs
    Output: ClassVar[type[Model]] = ApplyManifestOutput
    example: ClassVar[JsonObject] = {
        "objects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "maintenance"},
                "data": {"page": "<h1>We are back soon</h1>"},
            }
        ]
    }

    def permissions(self, inputs: ApplyManifestInputs, system: System) -> tuple[Permission, ...]:
        """Read, apply, create and delete each object by its name; list what readiness needs."""
        namespace = namespace_of(system)
        unknown: tuple[Any, ...] = (inputs.manifest, inputs.digest, *(inputs.objects or ()))
        if ANY in unknown:
            return _rights_on_kinds(inputs, namespace)
        items = _items(inputs, system)
        return (
            *(
                access.right(verb, each.resource, namespace, name=each.name)
                for each in items
                for verb in VERBS
            ),
            *object_readiness.rights(items, namespace),
        )

    async def preview(self, inputs: ApplyManifestInputs, context: Context) -> Preview:
        """Show what each object would become; all are tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        items = _items(inputs, context.system)
        drafts = await _drafts(cluster, inputs, items, context.mark)
        vault = context.surroundings.vault
        relied_on = manifest_previews.relied_on(drafts, vault)
        changes = [change for draft in drafts for change in manifest_previews.changes(draft, vault)]
        live = {str(each.item): each.now for each in drafts if each.now and not each.in_place}
        return Preview(
            summary=f"Apply {listed(map(str, items))}",
            fingerprint=fingerprint_of([manifests.digest_of(items), relied_on]),
            changes=tuple(changes[: manifest_previews.MOST]),
            in_place=all(each.in_place for each in drafts),
            touches=sum(1 for each in drafts if not each.in_place),
            warnings=(
                *doubts,
                *reconcilers.warnings(live),
                *manifest_previews.autoscaled(drafts),
                *manifest_previews.left_out(changes),
            ),
        )

    async def capture(self, inputs: ApplyManifestInputs, context: Context) -> JsonObject:
        """Record every field that would change as it is; sealed where it may be secret."""
        cluster = await connect(context)
        items = _items(inputs, context.system)
        drafts = await _drafts(cluster, inputs, items, context.mark)
        vault = context.surroundings.vault
        records = [applications.record(each, vault) for each in drafts]
        return {"mark": context.mark, "objects": records}

    async def apply(
        self, inputs: ApplyManifestInputs, captured: JsonObject, context: Context
    ) -> None:
        """Apply what is not in place, in the manifest's order."""
        cluster, mark = await connect(context), str(captured["mark"])
        before = applications.recorded(captured, context.surroundings.vault)
        items = {each.key: each for each in _items(inputs, context.system)}
        for record in before:
            (draft,) = await _drafts(cluster, inputs, (items[record.key],), mark)
            if draft.in_place:
                continue
            if record.uid:
                applications.refuse_stale(record, draft)
            elif draft.now and applications.marked(draft.now) != mark:
                raise PermanentError(
                    f"{record} was not there before, and somebody made it meanwhile: see whose it "
                    "is, then make a new plan. It was not changed."
                )
            await applications.apply(cluster, draft, force=inputs.force, mark=mark)

    async def verify(
        self, inputs: ApplyManifestInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Compare every object with the manifest once more, then look whether it works."""
        cluster = await connect(context)
        items = _items(inputs, context.system)
        try:
            drafts = await _drafts(cluster, inputs, items, context.mark)
        except OwnedError as error:
            return Refuted(why=str(error))
        if other := [manifest_previews.otherwise(each) for each in drafts if not each.in_place]:
            return Refuted(why=listed(other))
        found = await object_readiness.verdict(cluster, [(d.item, d.now) for d in drafts if d.now])
        if not isinstance(found, Holds):
            return found
        records = applications.recorded(captured, context.surroundings.vault)
        created = tuple(str(each) for each in records if not each.uid)
        output = ApplyManifestOutput(objects=tuple(map(str, items)), created=created)
        return Holds(summary=found.summary, output=output.model_dump(mode="json"))

    async def undo(
        self, inputs: ApplyManifestInputs, captured: JsonObject, context: Context
    ) -> str:
        """Put the captured fields back and delete what was created, the last object first."""
        cluster, mark = await connect(context), str(captured["mark"])
        records = applications.recorded(captured, context.surroundings.vault)
        for each in records:
            if each.differences:  # before anything is written
                found = await cluster.find(each.resource, each.name)
                applications.refuse_foreign(each, found)
        told: dict[str, list[str]] = {}
        for each in reversed(records):
            if each.uid:
                restored = await applications.restore(cluster, each)
                told.setdefault("put back" if restored else "as before", []).append(str(each))
            else:
                removed = await applications.remove(cluster, each, mark)
                told.setdefault("deleted" if removed else "not there", []).append(str(each))
        return "; ".join(f"{what}: {listed(names)}" for what, names in told.items())


def _items(inputs: ApplyManifestInputs, system: System) -> tuple[Item, ...]:
    if inputs.manifest is not None:
        objects = manifests.from_file(system, inputs.manifest, inputs.digest or "")
    else:
        objects = [dict(each) for each in inputs.objects or ()]
    return manifests.items(
        objects,
        namespace=namespace_of(system),
        cluster_scoped=inputs.cluster_scoped,
        more=inputs.resources,
    )


def _rights_on_kinds(inputs: ApplyManifestInputs, namespace: str) -> tuple[Permission, ...]:
    """Return rights on all objects of the kinds that the inputs name."""
    if not inputs.resources:
        raise PermanentError(
            "kubernetes.apply_manifest: which objects are applied is not known before an incident; "
            "name their kinds under `resources`, so that its rights can be told."
        )
    named = [each.resource for each in inputs.resources]
    return (
        *(
            Permission(
                kind="kubernetes",
                verb=verb,
                resource=each.resource,
                scope="" if each.cluster_scoped or each.resource in OF_CLUSTERS else namespace,
            )
            for each in inputs.resources
            for verb in VERBS
        ),
        *object_readiness.rights_on(named, namespace),
    )


async def _drafts(
    cluster: Cluster, inputs: ApplyManifestInputs, items: tuple[Item, ...], mark: str
) -> tuple[Draft, ...]:
    try:
        return await applications.drafts(cluster, items, force=inputs.force, mark=mark)
    except OwnedError as error:
        hint = "See who sets them; `force: true` takes them over."
        raise OwnedError(f"{str(error).rstrip('.')}. {hint}") from error
