"""Namespaces: what is filled in."""

from __future__ import annotations

from sandbox.estate.values import Object

_NAME = "kubernetes.io/metadata.name"


def fill_namespace(item: Object) -> None:
    """Fill in a Namespace: the label that selectors find it by."""
    meta = item["metadata"]
    if meta.get("name"):
        meta.setdefault("labels", {})[_NAME] = meta["name"]


def prepare_namespace(item: Object) -> None:
    """Let a new Namespace be there."""
    item["spec"] = {"finalizers": ["kubernetes"]}
    item["status"] = {"phase": "Active"}
