"""`kubernetes.patch_configmap`: set, point elsewhere, remove or put back one entry."""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from adapters.kubernetes import access, consumers, drafts, entries, restarts, sealing, urls
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.configurations import ConfigurationInputs, Configuring
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.drafts import Draft
from adapters.kubernetes.entries import BINARY, DATA, Entry, Key, Name
from adapters.kubernetes.resources import CONFIGMAPS
from config.models.base import Identifier, Model
from config.models.connections import SecretRef
from config.models.systems import System
from flows.actions import (
    Change,
    Context,
    Effect,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Vault,
)

WAYS = ("value", "value_from", "url_host", "from_step")


class PatchConfigmapInputs(ConfigurationInputs):
    """Which entry, and one of `value`, `value_from`, `url_host`, `from_step` and `remove`."""

    name: Name = Field(description="The ConfigMap.")
    key: Key = Field(description="The entry.")
    value: str | None = Field(
        default=None, max_length=100_000, description="The new text.", examples=["true"]
    )
    value_from: SecretRef | None = Field(
        default=None,
        description="Where the new text is kept, where it is secret.",
        examples=["env:DATABASE_URL"],
    )
    url_host: str | None = Field(
        default=None,
        pattern=f"^{urls.HOST}$",
        description="`host` or `host:port`: the URL that stands there points at it afterwards, "
        "with its user, password, path and query (and its port, where none is given).",
        examples=["aivo-prod-primary-restore.internal:5432"],
    )
    from_step: Identifier | None = Field(
        default=None,
        description="Put back the entry of before this `kubernetes.patch_configmap` step.",
        examples=["stop_writes"],
    )
    remove: bool = Field(default=False, description="Take the entry away.")

    @field_validator("value")
    @classmethod
    def _refuse_secret(cls, value: str | None) -> str | None:
        if value is not None and sealing.looks_secret(value):
            raise ValueError(
                "it looks as if it held a credential, which must not stand in plans and journals: "
                "keep it in the environment or a file, and name that in `value_from`"
            )
        return value

    @model_validator(mode="after")
    def _just_one(self) -> Self:
        given = [way for way in WAYS if getattr(self, way) is not None]
        if len(given) + self.remove != 1:
            raise ValueError(
                "give exactly one of value, value_from, url_host, from_step and remove: true"
            )
        return self


class PatchConfigmap(Configuring[PatchConfigmapInputs]):
    """Set one entry of a ConfigMap, point the URL in it elsewhere, remove it, or put it back.

    Written by a JSON patch that tests the entry of before, so that nothing is overwritten that was
    not seen; other entries are not touched.  Programs that read the entry as environment go on
    with the old value until they restart: `restart` does that, one workload after the other, and
    a step without it warns of them.  An entry that looks like a credential, by its name or text,
    is masked, and captured encrypted.

    Effect: changes (pods of consumers are replaced at the pace of their update strategy, if
    `restart` says so).  Undo puts the entry back, or takes it away again, and restarts the same
    workloads; not where somebody else changed the entry meanwhile.  Errors: permanent where the
    ConfigMap is not there or immutable, where the entry holds no URL, where pods need the entry
    that would be removed, where the earlier step recorded nothing or somebody has changed the entry
    since, without a right, and where a consumer does not come up again.
    """

    uses: ClassVar[str] = "kubernetes.patch_configmap"
    effect: ClassVar[Effect] = Effect.CHANGES
    Inputs: ClassVar[type[Model]] = PatchConfigmapInputs
    example: ClassVar[JsonObject] = {
        "name": "app-config",
        "key": "READ_ONLY_MODE",
        "value": "true",
        "restart": ["user-service", "payment-service"],
    }

    def permissions(self, inputs: PatchConfigmapInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the ConfigMap; list who may read it, and restart who is to be."""
        namespace = namespace_of(system)
        return (
            access.right("get", CONFIGMAPS, namespace, name=inputs.name),
            access.right("patch", CONFIGMAPS, namespace, name=inputs.name),
            *consumers.rights(namespace),
            *restarts.rights(inputs.restart, namespace),
        )

    async def preview(self, inputs: PatchConfigmapInputs, context: Context) -> Preview:
        """Show the entry and the pods; what is put back, once the earlier step recorded it."""
        if inputs.from_step is None:
            return await super().preview(inputs, context)
        # The record can't drift; what it overwrites must be what the step set, or it is refused.
        fingerprint = f"record of {inputs.from_step}"
        if context.captured(inputs.from_step) is not None:
            return replace(await super().preview(inputs, context), fingerprint=fingerprint)
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        entry = f"{inputs.key} of ConfigMap {inputs.name}"
        return Preview(
            summary=f"Put back {entry} as {inputs.from_step} will record it",
            fingerprint=fingerprint,
            warnings=doubts,
        )

    def summary(self, inputs: PatchConfigmapInputs, draft: Draft) -> str:
        """Say what becomes of the entry."""
        entry = f"{inputs.key} of ConfigMap {inputs.name}"
        if inputs.remove:
            return f"Remove {entry}"
        if inputs.from_step is not None:
            return f"Put back {entry} as it was before {inputs.from_step}"
        if inputs.url_host is not None:
            return f"Point {entry} at {inputs.url_host}"
        if inputs.value is not None and not draft.secret:
            return f"Set {entry} to “{inputs.value[: sealing.LONGEST]}”"
        return f"Set {entry} to another value"

    def changes(self, inputs: PatchConfigmapInputs, draft: Draft, vault: Vault) -> Iterable[Change]:
        """Show the hosts alone where only these change: a URL may hold credentials."""
        if inputs.url_host is None:
            return drafts.changes(draft, vault)
        (edit,) = draft.edits
        if not edit.changed:
            return ()
        before, after = (
            urls.parse(entry[1]) if entry else None
            for entry in (edit.before[inputs.key], edit.after[inputs.key])
        )
        return (
            Change(
                subject=f"{inputs.name}: host in {inputs.key}",
                before=before.host if before else None,
                after=after.host if after else None,
            ),
        )

    def cautions(self, inputs: PatchConfigmapInputs, draft: Draft) -> Iterable[str]:
        """Warn of a credential in a ConfigMap."""
        (edit,) = draft.edits
        entry = edit.after[inputs.key]
        if entry and (inputs.value_from or sealing.looks_secret(entry[1])):
            yield (
                f"{inputs.key} holds a credential, and everybody who may read ConfigMaps can read "
                "it: after the incident move it to a Secret."
            )

    async def draft(
        self, inputs: PatchConfigmapInputs, cluster: Cluster, context: Context
    ) -> Draft:
        """Read the entry, and make its new text."""
        found = await entries.read(cluster, CONFIGMAPS, inputs.name)
        if inputs.key in (found.get(BINARY) or {}):
            raise PermanentError(
                f"{inputs.key} of ConfigMap {inputs.name} holds bytes, not a text: replace the "
                "whole ConfigMap instead."
            )
        before = (found.get(DATA) or {}).get(inputs.key)
        if inputs.from_step is not None:
            entry = _recorded(inputs, inputs.from_step, before, context)
        else:
            after = _wanted(inputs, before, context)
            entry = None if after is None else (DATA, after)
        edit = entries.edit(CONFIGMAPS, found, {inputs.key: entry})
        after = entry[1] if entry else None
        secret = inputs.value_from is not None or any(
            sealing.is_secret(inputs.key, text) for text in (before, after) if text is not None
        )
        return Draft(edits=(edit,), found=(found,), secret=secret)


def _wanted(inputs: PatchConfigmapInputs, before: str | None, context: Context) -> str | None:
    if inputs.value_from is not None:
        return context.surroundings.secret(inputs.value_from)
    if inputs.url_host is None:
        return inputs.value
    address = urls.parse(before) if before is not None else None
    if address is None:
        what = "is not there" if before is None else "is no URL with just one host"
        raise PermanentError(
            f"{inputs.key} of ConfigMap {inputs.name} {what}, so no host can be replaced in it: "
            "give the whole value by `value` or `value_from`."
        )
    return address.at(inputs.url_host)


def _recorded(
    inputs: PatchConfigmapInputs, step: str, now: str | None, context: Context
) -> Entry | None:
    """Return the entry of before a step; raise where there is none, or where it was changed."""
    captured = context.captured(step)
    if captured is None or "edits" not in captured:
        raise PermanentError(
            f"The step {step} recorded no entries in this run, so there is nothing to put back: "
            "set the entry by hand, or skip the step."
        )
    kept = sealing.recall(context.surroundings.vault, captured["edits"])
    for edit in map(entries.restored, kept):
        if (edit.resource, edit.name) == (CONFIGMAPS, inputs.name) and inputs.key in edit.before:
            before, after = edit.before[inputs.key], edit.after[inputs.key]
            if now not in (before[1] if before else None, after[1] if after else None):
                raise PermanentError(
                    f"Somebody has changed {inputs.key} of ConfigMap {inputs.name} since {step}: "
                    "look what it is to be, and set it by hand."
                )
            return before
    raise PermanentError(
        f"The step {step} did not change {inputs.key} of ConfigMap {inputs.name}: name the one "
        "that did in `from_step`."
    )
