"""Who owns which fields of an object (`managedFields`), and how they are given back.  Pure.

Called by `applications` and `manifest_previews`.  Whoever writes a field takes it from its owner,
whose next server-side apply would then meet a conflict with us, long after the incident.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kubernetes.cluster import MANAGER

CONTROLLERS = "kube-controller-manager"
Object = dict[str, Any]
Entry = Mapping[str, Any]


def others(found: Object | None) -> list[Object]:
    """Return the entries that are not ours."""
    entries = ((found or {}).get("metadata") or {}).get("managedFields") or ()
    return [dict(each) for each in entries if each.get("manager") != MANAGER]


def autoscaled(found: Object) -> bool:
    """Say whether an autoscaler was the last to set the replicas of a workload."""
    return any(
        each.get("manager") == CONTROLLERS
        and each.get("subresource") == "scale"
        and "f:replicas" in ((each.get("fieldsV1") or {}).get("f:spec") or {})
        for each in others(found)
    )


def given_back(found: Object, before: Iterable[Entry]) -> list[Object] | None:
    """Return the entries as they should be: those of before and of now, without ours.

    None where we own nothing.
    """
    entries = (found.get("metadata") or {}).get("managedFields") or ()
    if all(each.get("manager") != MANAGER for each in entries):
        return None
    merged = {_key(each): dict(each) for each in before}
    for each in others(found):
        earlier = merged.get(_key(each), {})
        fields = _both(earlier.get("fieldsV1") or {}, each.get("fieldsV1") or {})
        merged[_key(each)] = {**each, "fieldsV1": fields}
    # An empty list would change nothing; one empty entry says that there are none.
    return list(merged.values()) or [{}]


def _key(entry: Entry) -> tuple[str, ...]:
    """Return what tells entries apart; versions of one group name the same fields."""
    return tuple(str(entry.get(part, "")) for part in ("manager", "operation", "subresource"))


def _both(one: Entry, other: Entry) -> Object:
    return {
        key: _both(one.get(key) or {}, other.get(key) or {})
        for key in [*one, *(key for key in other if key not in one)]
    }
