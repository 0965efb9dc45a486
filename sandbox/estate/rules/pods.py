"""Pods: the account and tolerations that admission adds, and what may change."""

from __future__ import annotations

import zlib

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.pod_checks import check_spec, quality
from sandbox.estate.rules.pod_defaults import containers, fill_pod
from sandbox.estate.values import Object, clone

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a place, no secret
_TOKEN_SECONDS = 3607
_EVICTED_AFTER = 300  # seconds
_CHANGEABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)


def prepare_pod(pod: Object) -> None:
    """Give a new pod its account with a token, its tolerations, and its first status."""
    spec = pod["spec"]
    account = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = account
    if spec.get("automountServiceAccountToken", True):
        _mount_token(pod)
    spec.setdefault("tolerations", [])
    spec["tolerations"] += [
        _toleration(name)
        for name in ("not-ready", "unreachable")
        if all(item.get("key") != f"node.kubernetes.io/{name}" for item in spec["tolerations"])
    ]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    pod["status"] = {"phase": "Pending", "qosClass": quality(spec)}


def check_pod(pod: Object, causes: Causes) -> None:
    """Check a pod."""
    check_spec(pod["spec"], "spec", causes)


def check_pod_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that only those parts of a pod change that may."""
    if _fixed(new) != _fixed(old):
        causes.forbidden("spec", _MAY_CHANGE)


def _fixed(pod: Object) -> Object:
    spec = clone(pod["spec"])
    for name in _CHANGEABLE:
        spec.pop(name, None)
    for container in containers(spec):
        container.pop("image", None)
    return spec


def _toleration(name: str) -> Object:
    return {
        "key": f"node.kubernetes.io/{name}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _EVICTED_AFTER,
    }


def _mount_token(pod: Object) -> None:
    spec = pod["spec"]
    name = f"kube-api-access-{_suffix(pod['metadata']['name'])}"
    added = False
    for container in containers(spec):
        mounts = container.setdefault("volumeMounts", [])
        if all(item["mountPath"] != _TOKEN_PATH for item in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_PATH})
            added = True
    if added:
        spec.setdefault("volumes", []).append({"name": name, "projected": _token_sources()})


def _token_sources() -> Object:
    namespace = {"fieldPath": "metadata.namespace", "apiVersion": "v1"}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    return {
        "defaultMode": 0o644,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": authority},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
        ],
    }


def _suffix(name: str) -> str:
    number = zlib.crc32(name.encode())
    return "".join(_ALPHABET[number // 27**place % 27] for place in range(5))


__all__ = ["check_pod", "check_pod_change", "fill_pod", "prepare_pod"]
