"""Strategic merge patches are applied as the real API server applies them."""

from __future__ import annotations

import pytest

from sandbox.estate.objects.shapes import struct
from sandbox.estate.objects.strategic import MergeKeyError, strategic_merge
from sandbox.estate.values import Object

SHAPE = struct("core.v1.PodSpec")
POD: Object = {
    "containers": [
        {"name": "app", "image": "app:1", "args": ["--a"], "env": [{"name": "A", "value": "1"}]},
        {"name": "sidecar", "image": "proxy:1"},
    ],
    "volumes": [{"name": "data", "emptyDir": {}}],
    "hostname": "here",
}


def test_strategic_merge_keeps_the_sidecar() -> None:
    """Patching one container's image leaves the other container and its variables alone."""
    patch = {"containers": [{"name": "app", "image": "app:2"}]}
    changed = strategic_merge(POD, patch, SHAPE)
    assert changed["containers"][0] == POD["containers"][0] | {"image": "app:2"}
    assert changed["containers"][1] == POD["containers"][1]


def test_strategic_merge_follows_its_directives() -> None:
    """An entry can be deleted, a map replaced, a list ordered, a union reduced to its keys."""
    patch: Object = {
        "$retainKeys": ["containers", "volumes"],
        "$setElementOrder/containers": [{"name": "new"}, {"name": "app"}],
        "containers": [{"name": "new", "image": "n:1"}, {"name": "sidecar", "$patch": "delete"}],
        "volumes": [{"$patch": "replace"}, {"name": "other"}],
    }
    changed = strategic_merge(POD, patch, SHAPE)
    assert [item["name"] for item in changed["containers"]] == ["new", "app"]
    assert changed["volumes"] == [{"name": "other"}]
    assert "hostname" not in changed


def test_strategic_merge_replaces_plain_lists_and_deletes_nulls() -> None:
    """A list without a merge key is replaced whole, and null removes."""
    patch = {"containers": [{"name": "app", "args": ["--c"]}], "volumes": None}
    changed = strategic_merge(POD, patch, SHAPE)
    assert changed["containers"][0]["args"] == ["--c"]
    assert "volumes" not in changed


@pytest.mark.parametrize(
    ("kind", "key"), [("core.v1.Container", "containerPort"), ("core.v1.ServiceSpec", "port")]
)
def test_strategic_merge_tells_ports_apart(kind: str, key: str) -> None:
    """Ports of containers merge by containerPort, ports of Services by port."""
    ports = [{key: 80, "name": "a"}, {key: 81, "name": "b"}]
    patch = {"ports": [{key: 81, "name": "c"}]}
    changed = strategic_merge({"ports": ports}, patch, struct(kind))
    assert [port["name"] for port in changed["ports"]] == ["a", "c"]


def test_strategic_merge_wants_the_merge_key() -> None:
    """A list entry without its key is refused, not guessed."""
    with pytest.raises(MergeKeyError, match="merge key"):
        strategic_merge(POD, {"containers": [{"image": "x"}]}, SHAPE)
