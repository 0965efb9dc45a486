"""NetworkPolicies: the one of a step, and others that let traffic through to the same pods.  Pure.

Called by `isolate_network` and `lift_isolation`.  Policies add up: what any of them allows is
allowed, so that a policy which allows nothing takes nothing away that another one gives.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.kubernetes import labels

SPEC = "backout.dev/spec"
"""The annotation that tells what a policy said when Backout made it."""
INCIDENT = "backout.dev/incident"
MANAGED_BY = "app.kubernetes.io/managed-by"
LONGEST = 63
UNFIT = re.compile(r"[^a-z0-9]+")
SIDES = {"ingress": "Ingress", "egress": "Egress"}
Object = dict[str, Any]


def digest_of(spec: Mapping[str, Any]) -> str:
    """Return a short hash of what a policy says."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def manifest(spec: Object, *, incident: str, step: str) -> Object:
    """Return a step's policy.  Its name says incident, step and, by a hash, what it says."""
    digest, slug = digest_of(spec), _slug(incident)
    head = _slug(f"{incident}-{step}")[: LONGEST - len(digest) - 1].rstrip("-")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{head}-{digest}",
            "labels": {MANAGED_BY: "backout", INCIDENT: slug},
            "annotations": {SPEC: digest},
        },
        "spec": spec,
    }


def _slug(text: str) -> str:
    return UNFIT.sub("-", text.lower()).strip("-")


def is_ours(found: Object, wanted: Object) -> bool:
    """Say whether a policy is the one that a step makes, or made and somebody changed."""
    return _annotation(found) == _annotation(wanted)


def _annotation(policy: Object) -> str | None:
    annotations = policy["metadata"].get("annotations") or {}
    found: str | None = annotations.get(SPEC)
    return found


def unchanged(found: Object, wanted: Object) -> bool:
    """Say whether a policy says what the step wants."""
    return bool(found.get("spec") == wanted["spec"])


def openings(
    others: Iterable[Object], pods: Iterable[Object], types: Iterable[str]
) -> dict[str, Object]:
    """Return, by name, the policies that let traffic of these types through to one of the pods."""
    bearing = [pod["metadata"].get("labels") or {} for pod in pods]
    return {
        each["metadata"]["name"]: each
        for each in others
        if any(_allows(each["spec"], kind) for kind in types)
        and any(labels.matches(each["spec"].get("podSelector") or {}, given) for given in bearing)
    }


def _allows(spec: Mapping[str, Any], kind: str) -> bool:
    side = next(side for side, name in SIDES.items() if name == kind)
    return kind in (spec.get("policyTypes") or ()) and bool(spec.get(side))


def of_incident(policy: Object, wanted: Object) -> bool:
    """Say whether Backout made a policy in the incident of another one."""
    mine = wanted["metadata"]["labels"]
    given = policy["metadata"].get("labels") or {}
    return all(given.get(key) == value for key, value in mine.items())


def made_for(policy: Object, incident: str) -> bool:
    """Say whether Backout made a policy in this incident."""
    given = policy["metadata"].get("labels") or {}
    is_named = str(policy["metadata"]["name"]).endswith(f"-{_annotation(policy)}")
    return is_named and (given.get(MANAGED_BY), given.get(INCIDENT)) == ("backout", _slug(incident))


def as_made(policy: Object) -> bool:
    """Say whether a policy still says what Backout wrote when it made it."""
    return digest_of(policy["spec"]) == _annotation(policy)
