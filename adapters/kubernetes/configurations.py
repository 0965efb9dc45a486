"""What all changes of ConfigMaps and Secrets have in common: one base for their actions.

An action says which entries become which (`draft`); this module looks, captures, writes, restarts
consumers, and puts back.  Derived by `patch_configmap`, `replace_configmap`, `sync_secret` and
`revoke_secrets`.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from pydantic import Field

from adapters.kubernetes import access, consumers, drafts, entries, restarts, sealing
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect
from adapters.kubernetes.drafts import Draft
from adapters.kubernetes.entries import Edit, Stage
from adapters.kubernetes.restarts import Choice, Restarts
from adapters.values import listed
from config.models.base import Model
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Holds,
    JsonObject,
    PermanentError,
    Preview,
    Refuted,
    Vault,
    Verdict,
)


class ConfigurationInputs(Model):
    """What every change of a ConfigMap or Secret takes."""

    restart: Choice = Field(default=False, description=restarts.MEANING)


I_ = TypeVar("I_", bound=ConfigurationInputs)


class ConfigurationOutput(Model):
    """What is there now."""

    entries: dict[str, tuple[str, ...]] = Field(description="Object to the keys that were set.")
    marks: dict[str, str] = Field(
        description="Object to a keyed hash of these entries, where they are secret."
    )
    restarted: tuple[str, ...] = Field(description="Workloads, in the order of their restarts.")


class Configuring(Action, Generic[I_]):
    """Changes entries of ConfigMaps or Secrets and, if asked to, restarts who reads them."""

    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Output: ClassVar[type[Model]] = ConfigurationOutput

    @abstractmethod
    async def draft(self, inputs: I_, cluster: Cluster, context: Context) -> Draft:
        """Read what is there, and say what is to be there."""

    @abstractmethod
    def summary(self, inputs: I_, draft: Draft) -> str:
        """Say in a line what would be done."""

    def changes(self, inputs: I_, draft: Draft, vault: Vault) -> Iterable[Change]:
        """Return the changes of entries for people."""
        return drafts.changes(draft, vault)

    def cautions(self, inputs: I_, draft: Draft) -> Iterable[str]:
        """Return warnings that only this action knows of."""
        return ()

    def losses(self, inputs: I_, draft: Draft) -> str:
        """Say what nobody can bring back."""
        return ""

    async def preview(self, inputs: I_, context: Context) -> Preview:
        """Show the entries and the pods that would be others; both are tried without effect."""
        cluster, vault = await connect(context), context.surroundings.vault
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        draft = await self.draft(inputs, cluster, context)
        readers = await consumers.find(cluster, draft.sources())
        drafts.refuse_needed(draft, readers)
        chosen = restarts.chosen(inputs.restart, readers)
        for edit, found in zip(draft.edits, draft.found, strict=True):
            await entries.attempt(cluster, edit, found)
        await restarts.attempt(cluster, chosen, context.mark)
        is_set = not any(edit.changed for edit in draft.edits)
        in_place = is_set and restarts.in_place(chosen, readers, context.mark)
        return Preview(
            summary=self.summary(inputs, draft),
            fingerprint=drafts.fingerprint(draft, chosen, vault),
            changes=(
                *self.changes(inputs, draft, vault),
                *(() if in_place else restarts.changes(chosen, readers)),
            ),
            in_place=in_place,
            touches=len(draft.edits) + len(chosen.targets),
            losses=self.losses(inputs, draft),
            warnings=(
                *doubts,
                *self.cautions(inputs, draft),
                *drafts.warnings(draft, readers),
                *await restarts.warnings(cluster, draft.what(), chosen, readers),
            ),
        )

    async def capture(self, inputs: I_, context: Context) -> JsonObject:
        """Record the entries of before and after, encrypted where they are secret, and the pods."""
        cluster, vault = await connect(context), context.surroundings.vault
        draft = await self.draft(inputs, cluster, context)
        readers = await consumers.find(cluster, draft.sources())
        kept = [edit.plain() for edit in draft.edits]
        return {
            "edits": sealing.keep(vault, kept, secret=draft.secret),
            "restarts": restarts.chosen(inputs.restart, readers).plain(),
        }

    async def apply(self, inputs: I_, captured: JsonObject, context: Context) -> None:
        """Write what is not written yet, then restart who is not restarted yet."""
        cluster = await connect(context)
        await entries.make(cluster, _edits(captured, context))
        chosen = restarts.recorded(captured["restarts"])
        await restarts.make(cluster, chosen, context.mark, context)

    async def verify(self, inputs: I_, captured: JsonObject, context: Context) -> Verdict:
        """Look at the entries and, where consumers were to be restarted, at these."""
        cluster, vault = await connect(context), context.surroundings.vault
        edits, chosen, secret = await self._wanted(inputs, captured, context)
        for edit in edits:
            found = await cluster.read(edit.resource, edit.name)
            if (stage := edit.stage(found)) is not Stage.AFTER:
                return Refuted(why=drafts.not_set(edit, found, stage))
        output = {
            "entries": {edit.name: sorted(edit.after) for edit in edits},
            "marks": {edit.name: drafts.mark(vault, edit) for edit in edits} if secret else {},
            "restarted": [str(each) for each in chosen.targets],
        }
        summary = drafts.told(edits, secret=secret)
        if chosen.targets:
            verdict = await restarts.verdict(cluster, chosen, context.mark)
            if not isinstance(verdict, Holds):
                return verdict
            summary = f"{summary}; {verdict.summary}"
        return Holds(summary=summary, output=output)

    async def _wanted(
        self, inputs: I_, captured: JsonObject, context: Context
    ) -> tuple[list[Edit], Restarts, bool]:
        """Return what was captured, or, where all was in place before, what is there now."""
        if captured:
            chosen = restarts.recorded(captured["restarts"])
            return _edits(captured, context), chosen, "sealed" in captured["edits"]
        cluster = await connect(context)
        draft = await self.draft(inputs, cluster, context)
        readers = await consumers.find(cluster, draft.sources())
        chosen = restarts.chosen(inputs.restart, readers)
        return list(draft.edits), Restarts(targets=chosen.targets, pods=frozenset()), draft.secret

    async def undo(self, inputs: I_, captured: JsonObject, context: Context) -> str:
        """Put the captured entries back, restart the same consumers again, and look."""
        cluster = await connect(context)
        edits = [edit.reversed() for edit in reversed(_edits(captured, context))]
        await entries.make(cluster, edits)
        chosen = restarts.recorded(captured["restarts"])
        there = await restarts.present(cluster, chosen)
        await restarts.make(cluster, there, f"{context.mark}/undo", context)
        for edit in edits:
            found = await cluster.read(edit.resource, edit.name)
            if edit.stage(found) is not Stage.AFTER:
                raise PermanentError(entries.foreign(edit, found))
        seen = [drafts.told(edits, secret="sealed" in captured["edits"])]
        if there.targets:
            seen.append(f"{listed(map(str, there.targets))} restarted")
        if gone := [str(each) for each in chosen.targets if each not in there.targets]:
            seen.append(f"{listed(gone)} not restarted: no longer there")
        return "; ".join(seen)


def _edits(captured: JsonObject, context: Context) -> list[Edit]:
    kept = sealing.recall(context.surroundings.vault, captured["edits"])
    return [entries.restored(each) for each in kept]
