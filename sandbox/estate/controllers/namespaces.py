"""What every namespace has from the start: an account for pods, and the cluster's authority."""

from __future__ import annotations

from sandbox.estate.controllers.authors import Author
from sandbox.estate.resources import CONFIGMAPS, RESOURCES, SERVICE_ACCOUNTS
from sandbox.estate.values import Object

_AUTHORITY = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)


class NamespaceController:
    """Furnishes new namespaces and empties deleted ones."""

    def __init__(self, author: Author) -> None:
        self._author = author
        self._store = author.store

    def furnish(self, name: str) -> None:
        """Make what a namespace begins with."""
        self._author.ensure(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
        meta: Object = {
            "name": _AUTHORITY,
            "namespace": name,
            "annotations": {"kubernetes.io/description": _DESCRIPTION},
        }
        self._author.ensure(CONFIGMAPS, {"metadata": meta, "data": {"ca.crt": "sandbox\n"}})

    def empty(self, name: str) -> None:
        """Delete what a deleted namespace held."""
        for resource in RESOURCES:
            for item in self._store.list(resource, name) if resource.namespaced else ():
                self._store.delete(resource, name, item["metadata"]["name"])
