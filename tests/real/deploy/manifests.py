"""The manifests of deploy/kubernetes as kubectl renders them, in a namespace of a test's own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.real.bench.clusters import Cluster

Json = Any
KUBERNETES = Path(__file__).parents[3] / "deploy" / "kubernetes"


def rendered(cluster: Cluster, part: str, *components: str) -> list[Json]:
    """Render an overlay, with components, as somebody who keeps it in another namespace does."""
    folder = cluster.folder / "-".join((part.replace("/", "-"), *components))
    folder.mkdir()
    above = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": cluster.namespace,
        "resources": [os.path.relpath(KUBERNETES / part, folder)],
        "components": [
            os.path.relpath(KUBERNETES / "components" / each, folder) for each in components
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(above), encoding="utf-8")
    return read(cluster.kubectl("kustomize", str(folder)))


def applied(cluster: Cluster, objects: Sequence[Json], *options: str) -> str:
    """Apply them with kubectl, which refuses a field that the server does not know."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    return cluster.kubectl("apply", "--validate=strict", *options, "-f", "-", stdin=text)


def read(text: str) -> list[Json]:
    """Read documents of YAML."""
    return list(YAML(typ="safe", pure=True).load_all(text))


def only(objects: Sequence[Json], kind: str) -> Json:
    """Return the one object of a kind."""
    [found] = [each for each in objects if each["kind"] == kind]
    return found
