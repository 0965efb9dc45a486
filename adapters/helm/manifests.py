"""Two manifests compared: which objects come, go and change, and which images.  Pure.

Called by `previews` and `outcomes`.  Values never leave this module, except images and names,
because manifests hold secrets.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.helm.objects import Identity
from adapters.values import listed
from flows.actions import Change

Object = Mapping[str, Any]
Objects = dict[Identity, Object]
MOST_IMAGES = 40
POLICY = "helm.sh/resource-policy"
HOLDS_DATA = frozenset(
    {"PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a rollback does to objects, and images that change.

    `target` is all that the target holds; `kept` would go, but is marked to stay.
    """

    target: tuple[Identity, ...]
    added: tuple[Identity, ...]
    removed: tuple[Identity, ...]
    changed: tuple[Identity, ...]
    kept: tuple[Identity, ...]
    images: tuple[Change, ...]

    @property
    def touched(self) -> tuple[Identity, ...]:
        """Return the objects that would come, go or change."""
        return (*self.added, *self.removed, *self.changed)

    @property
    def summary(self) -> str:
        """Write `objects: 3 changed, 1 removed`."""
        if not self.touched:
            return "no object changes"
        parts = {"changed": self.changed, "added": self.added, "removed": self.removed}
        return "objects: " + ", ".join(f"{len(v)} {word}" for word, v in parts.items() if v)

    @property
    def losses(self) -> str:
        """Name removed objects that hold data."""
        gone = [str(each) for each in self.removed if each.kind in HOLDS_DATA]
        return f"removes {listed(gone)} with what they hold" if gone else ""


def compare(before: Objects, after: Objects) -> Difference:
    """Compare the objects of two manifests."""
    both = before.keys() & after.keys()
    going = sorted(before.keys() - after.keys())
    return Difference(
        target=tuple(sorted(after)),
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(key for key in going if not _stays(before[key])),
        changed=tuple(sorted(key for key in both if before[key] != after[key])),
        kept=tuple(key for key in going if _stays(before[key])),
        images=tuple(_image_changes(before, after)),
    )


def read(text: str, namespace: str) -> Objects:
    """Read a manifest as Helm prints it (YAML documents) for a release in a namespace."""
    # PyYAML comes with the Kubernetes client; its C loader is twelve times as fast as ruamel.yaml,
    # and a drift check waits for this.
    yaml: Any = importlib.import_module("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = yaml.load_all(text, Loader=loader)
    return {Identity.of(each, namespace): each for each in _flat(documents)}


def _flat(documents: Any) -> Iterator[Object]:
    """Take lists of objects apart, as Helm does."""
    for each in documents:
        if not isinstance(each, Mapping) or "kind" not in each:
            continue
        if str(each["kind"]).endswith("List") and isinstance(each.get("items"), list):
            yield from _flat(each["items"])
        else:
            yield each


def _stays(found: Object) -> bool:
    annotations = (found.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(POLICY, "")).strip().lower() == "keep"


def _image_changes(old: Objects, new: Objects) -> Iterator[Change]:
    before = dict(_all_images(old))
    after = dict(_all_images(new))
    differing = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    for key in differing[:MOST_IMAGES]:
        yield Change(subject=f"{key} image", before=before.get(key), after=after.get(key))


def _all_images(objects: Objects) -> Iterator[tuple[str, str]]:
    for key, each in objects.items():
        containers = images(each)
        for name, image in containers.items():
            yield (str(key) if len(containers) == 1 else f"{key} {name}"), image


def images(found: Object) -> dict[str, str]:
    """Return the image of each container of a workload, by the container's name."""
    return dict(_containers(found.get("spec")))


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
