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
    labels = dict(template["metadata"]["labels"])
    return {
        "metadata": {
            "name": f"{meta['name']}-{hashed}",
            "namespace": meta["namespace"],
            "generation": 1,
            "labels": labels,
            "annotations": {},
            "ownerReferences": [owner(deployment)],
        },
        "spec": {
            "replicas": 0,
            "selector": {
                "matchLabels": spec["selector"].get("matchLabels", {}) | {HASH_LABEL: hashed}
            },
            "template": template,
        },
        "status": {"replicas": 0},
    }


def new_pod(replicaset: Object, random: Random) -> Object:
    """Return a pending pod from a ReplicaSet's template."""
    meta, template = replicaset["metadata"], replicaset["spec"]["template"]
    name = f"{meta['name']}-{suffix(random)}"
    return {
        "metadata": clone(template.get("metadata") or {})
        | {
            "name": name,
            "namespace": meta["namespace"],
            "generateName": f"{meta['name']}-",
            "ownerReferences": [owner(replicaset)],
        },
        "spec": {"restartPolicy": "Always", "schedulerName": "default-scheduler"}
        | clone(template["spec"]),
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }
