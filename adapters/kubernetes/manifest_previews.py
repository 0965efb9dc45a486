"""What applying a manifest would change, in words and as a fingerprint.

Called by `apply_manifest`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kubernetes import applications, differences, owners, sealing
from adapters.kubernetes.applications import Draft
from adapters.values import count, listed
from flows.actions import Change, Vault

MOST = 40
"""Changes that are shown."""


def changes(draft: Draft, vault: Vault) -> list[Change]:
    """Return a change for each field, or one for a new object; secrets are masked."""
    if draft.now is None:
        return [Change(subject=str(draft.item), before=None, after=_new(draft.item.body))]
    return [
        Change(
            subject=f"{draft.item} {differences.shown(each.path, draft.then, draft.now)}",
            before=_written(vault, each.before, secret=applications.is_secret(draft, each)),
            after=_written(vault, each.after, secret=applications.is_secret(draft, each)),
        )
        for each in draft.differences
    ]


def _written(vault: Vault, value: Any, *, secret: bool) -> str | None:
    return (
        None if value is differences.ABSENT else sealing.shown(vault, _plain(value), secret=secret)
    )


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "entries " + ", ".join(sorted(map(str, value)))
    if isinstance(value, list):
        return count(len(value), "item")
    return str(value)


def _new(body: Mapping[str, Any]) -> str:
    """Say what a new object holds: its images, or the names of its entries."""
    spec = body.get("spec") or {}
    pods = (spec.get("template") or {}).get("spec") or {}
    if images := [each.get("image", "") for each in pods.get("containers") or ()]:
        return f"new, {listed(images)}"
    if entries := [*(body.get("data") or ()), *(body.get("stringData") or ())]:
        return f"new, entries {listed(sorted(entries))}"
    return "new"


def relied_on(drafts: Iterable[Draft], vault: Vault) -> Any:
    """Return what the fingerprint covers.

    Leaves out every field that the manifest would not change: it may change as it likes.
    """
    return {
        str(draft.item): [
            [list(each.path), _token(draft, each, vault)] for each in draft.differences
        ]
        if draft.now
        else "absent"
        for draft in drafts
    }


def _token(draft: Draft, difference: differences.Difference, vault: Vault) -> Any:
    if difference.before is differences.ABSENT:
        return None
    secret = applications.is_secret(draft, difference)
    return sealing.token(vault, [difference.before], secret=secret)


def autoscaled(drafts: Iterable[Draft]) -> tuple[str, ...]:
    """Warn of replicas that an autoscaler will set again."""
    names = [
        str(draft.item)
        for draft in drafts
        if draft.now
        and owners.autoscaled(draft.now)
        and any(each.path == ("spec", "replicas") for each in draft.differences)
    ]
    told = "leave spec.replicas out of the manifest, or stop the autoscaler first"
    return (f"An autoscaler sets the replicas of {listed(names)}: {told}.",) if names else ()


def left_out(changes: list[Change]) -> tuple[str, ...]:
    """Warn where not all changes are shown."""
    left = len(changes) - MOST
    return (f"{count(left, 'more field')} would change than are shown here.",) if left > 0 else ()


def otherwise(draft: Draft) -> str:
    """Say in what an object is not as the manifest says."""
    if draft.now is None:
        return f"{draft.item} is not there"
    fields = (differences.shown(each.path, draft.then, draft.now) for each in draft.differences)
    return f"{draft.item} is not as the manifest says ({listed(fields)})"
