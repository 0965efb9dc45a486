"""`kubernetes.replace_configmap`: give a ConfigMap exactly the entries of a version."""

from collections.abc import Iterable
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from adapters import files
from adapters.kubernetes import access, consumers, entries, restarts, sealing, sources
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.configurations import ConfigurationInputs, Configuring
from adapters.kubernetes.connections import namespace_of
from adapters.kubernetes.drafts import Draft
from adapters.kubernetes.entries import DATA, Entry, Key, Name
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import CONFIGMAPS
from adapters.kubernetes.restarts import Choice
from adapters.values import count, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    JsonObject,
    PermanentError,
    Permission,
)

WAYS = ("data", "data_from", "from_configmap")


class ReplaceConfigmapInputs(ConfigurationInputs):
    """Which ConfigMap, and exactly one of `data`, `data_from` and `from_configmap`."""

    name: Name = Field(description="The ConfigMap.")
    data: dict[Key, str] | None = Field(
        default=None, description="Its entries.", examples=[{"LOG_LEVEL": "info"}]
    )
    data_from: files.FileRef | None = Field(
        default=None,
        description="A file of the system with its entries: `{KEY: VALUE}`, or an exported "
        "ConfigMap, of which only the entries count.  YAML or JSON.",
        examples=["file:files/boardroom-config-v2.9.4.yaml"],
    )
    from_configmap: Name | None = Field(
        default=None,
        description="Another ConfigMap, which holds the entries of the version.",
        examples=["boardroom-config-v2.9.4"],
    )
    restart: Choice = Field(default=True, description=restarts.MEANING)

    @field_validator("data")
    @classmethod
    def _refuse_secrets(cls, data: dict[str, str] | None) -> dict[str, str] | None:
        if telling := [key for key, text in (data or {}).items() if sealing.looks_secret(text)]:
            raise ValueError(
                f"{listed(telling)} look as if they held credentials, which must not stand in "
                "plans and journals: keep them in a Secret"
            )
        return data

    @model_validator(mode="after")
    def _just_one(self) -> Self:
        if sum(getattr(self, way) is not None for way in WAYS) != 1:
            raise ValueError("give exactly one of data, data_from and from_configmap")
        if self.name == self.from_configmap:
            raise ValueError("from_configmap must be another ConfigMap than name")
        return self


class ReplaceConfigmap(Configuring[ReplaceConfigmapInputs]):
    """Give a ConfigMap exactly the entries of a version, and restart who reads it.

    Entries that the version lacks are removed; labels and annotations stay.  Written under the
    resource version, so that nothing is overwritten that was not seen.  The whole is captured,
    encrypted where any entry looks like a credential.

    Effect: changes (pods of consumers are replaced, one workload after the other, at the pace of
    their update strategy, unless `restart: false`).  Undo writes the captured entries back and
    restarts the same workloads; not where somebody else changed an entry meanwhile.

    Errors: permanent where a ConfigMap or file is not there, where the ConfigMap is immutable,
    where pods need an entry that the version lacks, without a right, and where a consumer does not
    come up again; transient when somebody else changed it at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.replace_configmap"
    effect: ClassVar[Effect] = Effect.CHANGES
    Inputs: ClassVar[type[Model]] = ReplaceConfigmapInputs
    example: ClassVar[JsonObject] = {
        "name": "boardroom-config",
        "from_configmap": "boardroom-config-v2.9.4",
        "restart": ["backend", "frontend"],
    }

    def permissions(self, inputs: ReplaceConfigmapInputs, system: System) -> tuple[Permission, ...]:
        """Read and update the ConfigMap, read the version's; list and restart consumers."""
        namespace = namespace_of(system)
        source = inputs.from_configmap
        return (
            access.right("get", CONFIGMAPS, namespace, name=inputs.name),
            access.right("update", CONFIGMAPS, namespace, name=inputs.name),
            *([access.right("get", CONFIGMAPS, namespace, name=source)] if source else []),
            *consumers.rights(namespace),
            *restarts.rights(inputs.restart, namespace),
        )

    def summary(self, inputs: ReplaceConfigmapInputs, draft: Draft) -> str:
        """Say how many entries become which."""
        changed = draft.edits[0].changed
        source = inputs.data_from or inputs.from_configmap or "the procedure"
        return f"Replace {count(len(changed), 'value')} of ConfigMap {inputs.name} by {source}'s"

    def cautions(self, inputs: ReplaceConfigmapInputs, draft: Draft) -> Iterable[str]:
        """Warn of a version that holds nothing."""
        if not any(draft.edits[0].after.values()):
            yield f"The version is empty: ConfigMap {inputs.name} would have no entries at all."

    async def draft(
        self, inputs: ReplaceConfigmapInputs, cluster: Cluster, context: Context
    ) -> Draft:
        """Read the ConfigMap and the version."""
        found = await entries.read(cluster, CONFIGMAPS, inputs.name)
        version = await _version(inputs, cluster, context)
        edit = entries.edit(CONFIGMAPS, found, version, exact=True)
        secret = any(
            sealing.is_secret(key, entries.text_of(CONFIGMAPS, entry))
            for which in (edit.before, edit.after)
            for key, entry in which.items()
            if entry
        )
        return Draft(edits=(edit,), found=(found,), secret=secret)


async def _version(
    inputs: ReplaceConfigmapInputs, cluster: Cluster, context: Context
) -> dict[str, Entry]:
    if inputs.data is not None:
        return {key: (DATA, text) for key, text in inputs.data.items()}
    if inputs.data_from is not None:
        return sources.file_entries(context.system, inputs.data_from)
    name = str(inputs.from_configmap)
    try:
        return entries.of(await cluster.read(CONFIGMAPS, name))
    except NotFoundError as error:
        raise PermanentError(
            f"There is no ConfigMap {name} in namespace {cluster.namespace}, so the entries of the "
            "version are not known: name one that is there, or a file by `data_from`."
        ) from error
