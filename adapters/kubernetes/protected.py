"""Secrets that are not for people to change: types and owners whose own machinery writes them.

Called by `sync_secret` and `revoke_secrets`.
"""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes import reconcilers
from flows.actions import PermanentError

Object = Mapping[str, Any]
FOREIGN = {
    "helm.sh/release.v1": "it is Helm's record of a release, without which no rollback is possible",
    "kubernetes.io/service-account-token": "it is a service account's token: delete the Secret, "
    "and the cluster makes another one",
    "bootstrap.kubernetes.io/token": "it lets nodes join: revoke it by `kubeadm token delete`",
}
"""Types that no step may write, and why."""
KEPT = {
    "kubernetes.io/tls": "it holds a certificate: have its issuer revoke it and make a new one",
    "kubernetes.io/dockercfg": "it lets nodes pull images: revoke it at the registry, and write "
    "the new one by kubernetes.sync_secret",
    "kubernetes.io/dockerconfigjson": "it lets nodes pull images: revoke it at the registry, and "
    "write the new one by kubernetes.sync_secret",
}
"""Types that can't be invalidated by other values here, and what to do instead."""
CERTIFICATE = "cert-manager.io/certificate-name"
SEALED = "sealedsecrets.bitnami.com/managed"
EXTERNAL = "reconcile.external-secrets.io/managed"


def refuse_foreign(found: Object) -> None:
    """Refuse a Secret whose type belongs to a controller."""
    if why := FOREIGN.get(_type(found)):
        raise PermanentError(_refusal(found, why))


def refuse_kept(found: Object) -> None:
    """Refuse a Secret that can't be revoked by writing other values into it."""
    refuse_foreign(found)
    if why := KEPT.get(_type(found)):
        raise PermanentError(_refusal(found, why))
    if who := operator(found) or reconcilers.reconciler(found):
        raise PermanentError(
            f"Secret {_name(found)} is written by {who}, which would put the old values back: "
            "replace them at their source, and let it write the Secret."
        )


def operator(found: Object) -> str:
    """Name what makes a Secret from another object, or nothing."""
    metadata = found.get("metadata") or {}
    written = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    if certificate := written.get(CERTIFICATE):
        return f"cert-manager's certificate {certificate}"
    if EXTERNAL in written:
        return "an ExternalSecret"
    if str(written.get(SEALED, "")).lower() == "true":
        return "a SealedSecret"
    return ""


def _refusal(found: Object, why: str) -> str:
    return f"Secret {_name(found)} has the type {_type(found)}: {why}. Leave it out of the step."


def _name(found: Object) -> str:
    return str(found["metadata"]["name"])


def _type(found: Object) -> str:
    return str(found.get("type") or "Opaque")
