"""Files that let real programs reach the estate: a kubeconfig, and a `helm` on the PATH."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from sandbox.estate.catalogue import NAMESPACE
from sandbox.estate.values import Object

CONTEXT = "aivo-production"
_HELM = Path(__file__).resolve().parents[1] / "bin" / "helm"


def write_kubeconfig(path: Path, *, server: str, token: str) -> None:
    """Write a kubeconfig as JSON, which is YAML that the standard library can read."""
    config: Object = {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": server}}],
        "users": [{"name": "backout", "user": {"token": token}}],
        "contexts": [
            {
                "name": CONTEXT,
                "context": {"cluster": CONTEXT, "user": "backout", "namespace": NAMESPACE},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def install_helm(folder: Path) -> None:
    """Write a `helm` command that runs the simulated one with this very Python."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "helm"
    words = [sys.executable, "-S", "-E", str(_HELM)]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
