"""`kubernetes.sync_secret`: give a Secret the values that are kept elsewhere."""

from collections.abc import Iterable
from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, consumers, entries, protected, restarts, sources
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.configurations import ConfigurationInputs, Configuring
from adapters.kubernetes.connections import namespace_of
from adapters.kubernetes.drafts import Draft
from adapters.kubernetes.entries import Key, Name
from adapters.kubernetes.resources import SECRETS
from adapters.values import count
from config.models.base import Model
from config.models.connections import SecretRef
from config.models.systems import System
from flows.actions import ANY, Context, Effect, JsonObject, Permission


class SyncSecretInputs(ConfigurationInputs):
    """Which Secret, and where its values are kept: `data`, `json_from` or both."""

    name: Name = Field(description="The Secret.")
    data: dict[Key, SecretRef] = Field(
        default_factory=dict, description="Key to where its value is kept: `env:NAME`, `file:PATH`."
    )
    json_from: SecretRef | None = Field(
        default=None,
        description="Where a JSON object of texts is kept: each of its names is a key.  `data` "
        "wins over it.",
        examples=["file:/run/secrets/boardroom-production.json"],
    )
    exact: bool = Field(default=False, description="Remove every other key.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.data and self.json_from is None:
            raise ValueError("give data or json_from: there is nothing to write")
        return self


class SyncSecret(Configuring[SyncSecretInputs]):
    """Give a Secret the values that are kept elsewhere, after a rotation or a rollback of them.

    Values are read from the environment or from files of Backout's machine right before they are
    used, and shown and compared by a keyed hash only.  The Secret's type stays; other keys stay,
    unless `exact`.  The copy of before is captured encrypted: without BACKOUT_CAPTURE_KEY the step
    is refused.

    Effect: changes (with `restart` pods of consumers are replaced, one workload after the other,
    at the pace of their update strategy).  Undo writes the copy back and restarts the same
    workloads; not where somebody else changed a value meanwhile.  Errors: permanent where the
    Secret is not there or immutable, where its type is a controller's own, where a reference leads
    nowhere, without a right, and where a consumer does not come up again; transient when somebody
    else changed it at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.sync_secret"
    effect: ClassVar[Effect] = Effect.CHANGES
    Inputs: ClassVar[type[Model]] = SyncSecretInputs
    example: ClassVar[JsonObject] = {
        "name": "boardroom-secrets",
        "data": {"DATABASE_PASSWORD": "env:BOARDROOM_DATABASE_PASSWORD"},
        "restart": ["backend"],
    }

    def permissions(self, inputs: SyncSecretInputs, system: System) -> tuple[Permission, ...]:
        """Read the Secret and patch it, or update it as a whole; list and restart consumers."""
        namespace = namespace_of(system)
        return (
            *(
                access.right(verb, SECRETS, namespace, name=inputs.name)
                for verb in ("get", *_verbs(inputs.exact))
            ),
            *consumers.rights(namespace),
            *restarts.rights(inputs.restart, namespace),
        )

    def summary(self, inputs: SyncSecretInputs, draft: Draft) -> str:
        """Say how many values become others."""
        changed = count(len(draft.edits[0].changed), "value")
        return f"Replace {changed} of Secret {inputs.name} by those kept elsewhere"

    def cautions(self, inputs: SyncSecretInputs, draft: Draft) -> Iterable[str]:
        """Warn of what would write the Secret again."""
        if who := protected.operator(draft.found[0]):
            yield (
                f"{inputs.name} is written by {who}, which will put its own values back: change "
                "them at their source, too."
            )

    async def draft(self, inputs: SyncSecretInputs, cluster: Cluster, context: Context) -> Draft:
        """Read the Secret, and resolve the references."""
        found = await entries.read(cluster, SECRETS, inputs.name)
        protected.refuse_foreign(found)
        texts = sources.mapping(context, inputs.json_from) if inputs.json_from else {}
        texts |= sources.values(context, inputs.data)
        wanted = {key: entries.encoded(text) for key, text in texts.items()}
        edit = entries.edit(SECRETS, found, wanted, exact=inputs.exact)
        return Draft(edits=(edit,), found=(found,), secret=True)


def _verbs(exact: object) -> tuple[str, ...]:
    """Return how the Secret is written; both ways where that is not known yet."""
    return tuple(
        verb for verb, meant in (("patch", False), ("update", True)) if exact in (meant, ANY)
    )
