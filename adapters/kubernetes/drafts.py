"""Changes of ConfigMaps and Secrets before they are made: what is shown, and what is refused.

Called by `configurations`.  Pure, but for the vault that hides secrets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import consumers, entries, reconcilers, sealing
from adapters.kubernetes.consumers import Readers, Source
from adapters.kubernetes.entries import Edit, Object, Stage
from adapters.kubernetes.resources import CONFIGMAPS
from adapters.kubernetes.restarts import Restarts
from adapters.values import fingerprint_of, listed
from flows.actions import Change, PermanentError, Vault

RANDOM = "a new random value"
MARK_SHOWN = 12
HELM_RELEASE = "meta.helm.sh/release-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Edits, with the objects as they were found, in the same order.

    With `secret` values are masked and captured encrypted; those of `random` (object, key) are
    made up when they are captured.
    """

    edits: tuple[Edit, ...]
    found: tuple[Object, ...]
    secret: bool
    random: frozenset[tuple[str, str]] = frozenset()

    def what(self) -> str:
        """Write `READ_ONLY_MODE of app-config`, or the objects' names."""
        (first, *more) = self.edits
        if not more and not first.exact and len(first.after) == 1:
            return f"{next(iter(first.after))} of {first.name}"
        return listed(each.name for each in self.edits)

    def sources(self) -> tuple[Source, ...]:
        """Return what consumers would have to read to be concerned."""
        return tuple(_source(each) for each in self.edits)


def _source(edit: Edit) -> Source:
    keys = None if edit.exact else frozenset(edit.after)
    if edit.resource is CONFIGMAPS:
        return Source(kind="ConfigMap", name=edit.name, keys=keys)
    return Source(kind="Secret", name=edit.name, keys=keys)


def changes(draft: Draft, vault: Vault) -> Iterator[Change]:
    """Yield one change an entry; of long texts the lines that differ."""
    for edit in draft.edits:
        for key in edit.changed:
            before, after = _text(edit, edit.before[key]), _text(edit, edit.after[key])
            if before is not None and after is not None and not draft.secret:
                before, after = sealing.contrast(before, after)
            after = _shown(vault, after, secret=draft.secret)
            yield Change(
                subject=f"{edit.name}: {key}",
                before=_shown(vault, before, secret=draft.secret),
                after=RANDOM if (edit.name, key) in draft.random else after,
            )


def _text(edit: Edit, entry: entries.Entry | None) -> str | None:
    return None if entry is None else entries.text_of(edit.resource, entry)


def _shown(vault: Vault, text: str | None, *, secret: bool) -> str | None:
    return None if text is None else sealing.shown(vault, text, secret=secret)


def fingerprint(draft: Draft, chosen: Restarts, vault: Vault) -> str:
    """Return a hash of what is overwritten, with what, and who is restarted."""
    objects: list[Any] = []
    for edit in draft.edits:
        after = _tokens(edit.after, vault, secret=draft.secret)
        after |= {key: RANDOM for name, key in draft.random if name == edit.name}
        before = _tokens(edit.before, vault, secret=draft.secret)
        objects.append([edit.resource.kind, edit.name, before, after])
    return fingerprint_of({"objects": objects, "restarts": [str(w) for w in chosen.targets]})


def _tokens(which: entries.Entries, vault: Vault, *, secret: bool) -> dict[str, Any]:
    return {
        key: None if entry is None else sealing.token(vault, entry, secret=secret)
        for key, entry in which.items()
    }


def refuse_needed(draft: Draft, readers: Readers) -> None:
    """Refuse to take a key away without which pods could not start."""
    for edit in draft.edits:
        gone = {key for key in edit.changed if edit.after[key] is None}
        for workload, found in readers.workloads.items() if gone else ():
            spec = found["spec"]["template"].get("spec") or {}
            if needed := consumers.required(spec, _source(edit)) & gone:
                raise PermanentError(
                    f"{workload} can't start without {listed(sorted(needed))} of "
                    f"{edit.resource.kind} {edit.name}: change {workload} first, or keep the key."
                )


def warnings(draft: Draft, readers: Readers) -> Iterator[str]:
    """Warn of who would write over it, and where nobody reads it."""
    named = {
        f"{edit.resource.kind} {edit.name}": found
        for edit, found in zip(draft.edits, draft.found, strict=True)
    }
    yield from reconcilers.warnings(named)
    for name, found in named.items():
        annotations = found["metadata"].get("annotations") or {}
        if release := annotations.get(HELM_RELEASE):
            yield (
                f"{name} belongs to the Helm release {release}: its next upgrade or rollback "
                "writes the chart's values over these."
            )
    if not readers.every:
        yield (
            f"No pod template reads {draft.what()}: unless a program asks the cluster for it, the "
            "change has no effect."
        )


def not_set(edit: Edit, found: Object, stage: Stage) -> str:
    """Say why an object is not as it was to be."""
    name = f"{edit.resource.kind} {edit.name}"
    if stage is Stage.BEFORE:
        return f"{name} was not changed"
    there = entries.of(found)
    other = sorted(key for key in edit.after if there.get(key) != edit.after[key])
    other += sorted(key for key in there if edit.exact and key not in edit.after)
    return f"{name} is not as wanted: look at {listed(other)}"


def told(edits: Sequence[Edit], *, secret: bool) -> str:
    """Write `READ_ONLY_MODE of app-config is “true”`, or the keys that are set."""
    if len(edits) == 1 and len(edits[0].after) == 1 and not secret:
        ((key, entry),) = edits[0].after.items()
        if entry is None:
            return f"{key} of {edits[0].name} is not there"
        text = entries.text_of(edits[0].resource, entry)
        return f"{key} of {edits[0].name} is “{text[: sealing.LONGEST]}”"
    which = " and ".join(f"{listed(sorted(each.after))} of {each.name}" for each in edits)
    age = "values of before" if any(each.restores for each in edits) else "new values"
    return f"{which}: the {age} are there"


def mark(vault: Vault, edit: Edit) -> str:
    """Return a keyed hash of the entries that are set."""
    return vault.mark({key: list(e) for key, e in edit.after.items() if e})[:MARK_SHOWN]
