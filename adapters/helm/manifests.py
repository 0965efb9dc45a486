"""Two manifests compared: which objects come, go and change, and which images.  Pure.

Called by the preview of `helm.rollback`.  Values never leave this module, except images and
names, because manifests hold secrets.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.values import listed
from flows.actions import Change

Objects = dict[str, Any]
MOST_IMAGES = 40
RESOURCES = {
    "ConfigMap": "configmaps",
    "CronJob": "cronjobs.batch",
    "DaemonSet": "daemonsets.apps",
    "Deployment": "deployments.apps",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling",
    "Ingress": "ingresses.networking.k8s.io",
    "Job": "jobs.batch",
    "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "PodDisruptionBudget": "poddisruptionbudgets.policy",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StatefulSet": "statefulsets.apps",
}
HOLDS_DATA = (
    "PersistentVolumeClaim/",
    "PersistentVolume/",
    "Namespace/",
    "CustomResourceDefinition/",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Objects by `Kind/name`, and images that change."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    images: tuple[Change, ...]

    @property
    def touches(self) -> int:
        """Count the objects that would come, go or change."""
        return len(self.added) + len(self.removed) + len(self.changed)

    @property
    def summary(self) -> str:
        """Write `3 objects changed, 1 removed`."""
        if not self.touches:
            return "no object changes"
        parts = {"changed": self.changed, "added": self.added, "removed": self.removed}
        return "objects: " + ", ".join(f"{len(v)} {word}" for word, v in parts.items() if v)

    def rights(self) -> Iterator[tuple[str, str]]:
        """Return (verb, resource) of what Helm would do to kinds that every cluster has."""
        for verb, names in (
            ("patch", self.changed),
            ("create", self.added),
            ("delete", self.removed),
        ):
            for kind in dict.fromkeys(name.partition("/")[0] for name in names):
                if kind in RESOURCES:
                    yield verb, RESOURCES[kind]

    @property
    def losses(self) -> str:
        """Name removed objects that hold data."""
        gone = [name for name in self.removed if name.startswith(HOLDS_DATA)]
        return f"removes {listed(gone)} with what they hold" if gone else ""


def compare(before: str, after: str) -> Difference:
    """Compare two manifests as Helm prints them (YAML documents)."""
    old, new = _objects(before), _objects(after)
    both = old.keys() & new.keys()
    return Difference(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        changed=tuple(sorted(key for key in both if old[key] != new[key])),
        images=tuple(_image_changes(old, new)),
    )


def _objects(text: str) -> Objects:
    # PyYAML comes with the Kubernetes client; its C loader is twelve times as fast as ruamel.yaml,
    # and a drift check waits for this.
    yaml: Any = importlib.import_module("yaml")
    found: Objects = {}
    for each in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(each, Mapping) and "kind" in each:
            name = (each.get("metadata") or {}).get("name", "")
            found[f"{each['kind']}/{name}"] = each
    return found


def _image_changes(old: Objects, new: Objects) -> Iterator[Change]:
    before = dict(_all_images(old))
    after = dict(_all_images(new))
    differing = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    for key in differing[:MOST_IMAGES]:
        yield Change(subject=f"{key} image", before=before.get(key), after=after.get(key))


def _all_images(objects: Objects) -> Iterator[tuple[str, str]]:
    for key, each in objects.items():
        containers = list(_containers(each.get("spec")))
        for name, image in containers:
            yield (key if len(containers) == 1 else f"{key} {name}"), image


def _containers(value: Any) -> Iterator[tuple[str, str]]:
    """Find containers at whatever depth the kind has its pod template."""
    if isinstance(value, list):
        for each in value:
            yield from _containers(each)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key in ("containers", "initContainers") and isinstance(inner, list):
                for each in inner:
                    if isinstance(each, Mapping) and "image" in each:
                        yield str(each.get("name", "")), str(each["image"])
            else:
                yield from _containers(inner)
