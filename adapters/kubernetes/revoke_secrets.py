"""`kubernetes.revoke_secrets`: replace leaked values of Secrets for good."""

import secrets as randomness
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from adapters.kubernetes import access, consumers, drafts, entries, protected, restarts, sources
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.configurations import ConfigurationInputs, Configuring
from adapters.kubernetes.connections import namespace_of
from adapters.kubernetes.drafts import Draft
from adapters.kubernetes.entries import Edit, Key, Name, Object
from adapters.kubernetes.resources import SECRETS
from adapters.kubernetes.restarts import Choice
from adapters.values import count, listed
from config.models.base import Model
from config.models.connections import SecretRef
from config.models.systems import System
from flows.actions import (
    ANY,
    Change,
    Context,
    Effect,
    JsonObject,
    PermanentError,
    Permission,
    Vault,
)

RANDOM_BYTES = 32


class Replacement(Model):
    """One Secret, and what its leaked values are replaced by."""

    name: Name = Field(description="The Secret.")
    data: dict[Key, SecretRef] = Field(
        default_factory=dict,
        description="Key to where the new value is kept: `env:NAME`, `file:PATH`.",
    )
    generate: tuple[Key, ...] = Field(
        default=(), description="Keys that get a random value (32 bytes, URL-safe base64)."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if not self.data and not self.generate:
            raise ValueError(f"{self.name} has neither data nor generate: say what replaces what")
        if twice := sorted(set(self.data) & set(self.generate)):
            raise ValueError(f"{listed(twice)} can't be both in data and in generate")
        return self


def _listed(value: Any) -> Any:
    """Read `name/KEY, name/KEY=env:NEW`, as a person writes it who asks for a plan."""
    if not isinstance(value, str):
        return value
    found: dict[str, dict[str, Any]] = {}
    for text in filter(None, (each.strip() for each in value.split(","))):
        place, equals, source = text.partition("=")
        name, slash, key = place.partition("/")
        if not slash:
            raise ValueError(f"“{text}” names no entry of a Secret: write name/KEY")
        each = found.setdefault(name, {"name": name, "data": {}, "generate": []})
        if equals:
            each["data"][key] = source
        else:
            each["generate"].append(key)
    return list(found.values())


class RevokeSecretsInputs(ConfigurationInputs):
    """Which Secrets, each with its replacements."""

    secrets: Annotated[
        tuple[Replacement, ...], BeforeValidator(_listed), Field(min_length=1, max_length=50)
    ] = Field(
        description="The Secrets, in the order in which they are replaced; or as one text: "
        "`name/KEY` gets a random value, `name/KEY=env:NAME` that one."
    )
    if_clean: bool = Field(
        default=False,
        description="Somebody has confirmed that the old values did not leak: undo may put them "
        "back.",
    )
    restart: Choice = Field(default=True, description=restarts.MEANING)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        names = [each.name for each in self.secrets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{listed(twice)} is named twice")
        return self


class RevokeSecrets(Configuring[RevokeSecretsInputs]):
    """Replace leaked values of named Secrets for good, and restart who reads them.

    New values come from Backout's environment or files, or are made up (once, when the copy is
    captured, so that a repeat writes the same).  They are shown by a keyed hash only.  The old
    ones are captured encrypted first: without BACKOUT_CAPTURE_KEY the step is refused.  What
    `kubectl apply` noted of them in an annotation is removed as well.  This revokes nothing at the
    issuer: end the old credentials there, and prove it by an `http.check` that must be refused.

    Effect: destroys (who still uses an old value is locked out; pods of consumers are replaced,
    one workload after the other, unless `restart: false`).  Undo puts the old values back only
    with `if_clean: true`.  Errors: permanent where a Secret is not there or immutable, where its
    type or owner has machinery of its own (Helm's releases, service accounts, certificates, image
    pulls, external and sealed secrets), where a key is not there, without a right, and where a
    consumer does not come up again.
    """

    uses: ClassVar[str] = "kubernetes.revoke_secrets"
    effect: ClassVar[Effect] = Effect.DESTROYS
    Inputs: ClassVar[type[Model]] = RevokeSecretsInputs
    example: ClassVar[JsonObject] = {
        "secrets": [
            {"name": "payment-api", "data": {"API_KEY": "env:AIVO_PAYMENT_API_KEY"}},
            {"name": "session-signing", "generate": ["SIGNING_KEY"]},
        ],
    }

    def permissions(self, inputs: RevokeSecretsInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch each Secret; list and restart consumers."""
        namespace = namespace_of(system)
        names = [getattr(each, "name", ANY) for each in inputs.secrets]  # ANY has no name
        return (
            *(
                access.right(verb, SECRETS, namespace, name=name)
                for name in names
                for verb in ("get", "patch")
            ),
            *consumers.rights(namespace),
            *restarts.rights(inputs.restart, namespace),
        )

    def summary(self, inputs: RevokeSecretsInputs, draft: Draft) -> str:
        """Say how many values are replaced."""
        keys = sum(len(each.after) for each in draft.edits)
        names = listed(each.name for each in inputs.secrets)
        return f"Replace {count(keys, 'value')} of {names} for good"

    def changes(self, inputs: RevokeSecretsInputs, draft: Draft, vault: Vault) -> Iterable[Change]:
        """Name the Secrets' types beside their keys."""
        types = {str(f["metadata"]["name"]): f.get("type") or "Opaque" for f in draft.found}
        for each in drafts.changes(draft, vault):
            name, _, key = each.subject.partition(": ")
            yield replace(each, subject=f"{name} ({types[name]}): {key}")

    def losses(self, inputs: RevokeSecretsInputs, draft: Draft) -> str:
        """Say what is lost."""
        rest = (
            "an encrypted copy is kept, and undo puts it back"
            if inputs.if_clean
            else "an encrypted copy is kept, but undo does not put it back"
        )
        return (
            f"The present values of {listed(each.name for each in inputs.secrets)}: whoever still "
            f"uses them is locked out; {rest}."
        )

    def cautions(self, inputs: RevokeSecretsInputs, draft: Draft) -> Iterable[str]:
        """Name the keys that hold afterwards what they hold now."""
        for edit, found in zip(draft.edits, draft.found, strict=True):
            if left := sorted(entries.of(found).keys() - edit.after.keys()):
                yield (
                    f"{listed(left)} of {edit.name} keep their values: replace them, too, if they "
                    "leaked."
                )
            if same := sorted(edit.after.keys() - set(edit.changed)):
                yield (
                    f"{listed(same)} of {edit.name} already hold what is to replace them: if that "
                    "leaked, too, give another value."
                )

    async def draft(self, inputs: RevokeSecretsInputs, cluster: Cluster, context: Context) -> Draft:
        """Read the Secrets, resolve the references, and make up what is to be random."""
        edits: list[Edit] = []
        every: list[Object] = []
        for each in inputs.secrets:
            found = await entries.read(cluster, SECRETS, each.name)
            protected.refuse_kept(found)
            edits.append(_edit(each, found, context))
            every.append(found)
        random = frozenset((each.name, key) for each in inputs.secrets for key in each.generate)
        return Draft(edits=tuple(edits), found=tuple(every), secret=True, random=random)

    async def undo(
        self, inputs: RevokeSecretsInputs, captured: JsonObject, context: Context
    ) -> str:
        """Put the copy back, where somebody has confirmed that it did not leak."""
        if not inputs.if_clean:
            raise PermanentError(
                f"The old values of {listed(each.name for each in inputs.secrets)} may have "
                "leaked, so they are not put back: nobody confirmed otherwise (if_clean). If "
                "something still needs them, give it the new ones; then skip this."
            )
        return await super().undo(inputs, captured, context)


def _edit(each: Replacement, found: Object, context: Context) -> Edit:
    there = entries.of(found)
    if missing := sorted(({*each.data, *each.generate}) - there.keys()):
        raise PermanentError(
            f"Secret {each.name} has no {listed(missing)}: it has "
            f"{listed(sorted(there)) or 'no entries'}."
        )
    texts = sources.values(context, each.data)
    texts |= {key: randomness.token_urlsafe(RANDOM_BYTES) for key in each.generate}
    wanted = {key: entries.encoded(text) for key, text in texts.items()}
    return entries.edit(SECRETS, found, wanted, forget_applied=True)
