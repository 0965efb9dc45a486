"""Names and copies that the controllers derive from a pod template.

The hash is stable: the same template always gives the same ReplicaSet, which is how a rollback
finds the old one.
"""

from __future__ import annotations

import hashlib
import json
from random import Random

from sandbox.estate.values import Object, clone

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own: no vowels, so no words


def template_hash(template: Object) -> str:
    """Return the label value that stands for a template."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def suffix(random: Random) -> str:
    """Return five characters to end a pod's name."""
    return "".join(random.choice(_ALPHABET) for _ in range(5))


def owner(item: Object) -> Object:
    """Return the reference that a child of `item` carries."""
    return {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "name": item["metadata"]["name"],
        "uid": item["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def new_replicaset(deployment: Object, hashed: str) -> Object:
    """Return a ReplicaSet of no pods for the deployment's current template."""
    meta, spec = deployment["metadata"], deployment["spec"]
    template = clone(spec["template"])
    template.setdefault("metadata", {}).setdefault("labels", {})[HASH_LABEL] = hashed
    selector = clone(spec["selector"])
    selector["matchLabels"] = (selector.get("matchLabels") or {}) | {HASH_LABEL: hashed}
    return {
        "metadata": {
            "name": f"{meta['name']}-{hashed}",
            "namespace": meta["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "annotations": {},
            "ownerReferences": [owner(deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template}
        | ({"minReadySeconds": spec["minReadySeconds"]} if "minReadySeconds" in spec else {}),
    }


def new_pod(parent: Object, template: Object, *, name: str = "") -> Object:
    """Return a pod from a template; without a name, its name begins with its parent's."""
    meta = parent["metadata"]
    labelled = clone(template.get("metadata") or {})
    named = {"name": name} if name else {"generateName": f"{meta['name']}-"}
    return {
        "metadata": labelled
        | named
        | {"namespace": meta["namespace"], "ownerReferences": [owner(parent)]},
        "spec": clone(template["spec"]),
    }
