"""Kubeconfigs that the bench writes: one cluster, one user, one context, one namespace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTEXT = "bench"


def write(
    path: Path, *, server: str, authority: Path, user: dict[str, Any], namespace: str = "default"
) -> Path:
    """Write a kubeconfig, readable to its owner only, and return its path.

    `user` is what the format calls so: `{"token": …}`, or names of certificate files.
    """
    cluster = {"server": server, "certificate-authority": str(authority)}
    context = {"cluster": CONTEXT, "user": CONTEXT, "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": user}],
        "contexts": [{"name": CONTEXT, "context": context}],
    }
    path.touch(mode=0o600)  # Helm warns about one that others can read
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
