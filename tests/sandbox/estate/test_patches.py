"""Patches are applied as the real API server applies them."""

from __future__ import annotations

import pytest

from sandbox.estate.patches import json_patch, merge_patch, strategic_merge
from sandbox.estate.statuses import ApiStatusError
from sandbox.estate.values import Object

POD: Object = {
    "containers": [
        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
        {"name": "sidecar", "image": "proxy:1"},
    ],
    "volumes": [{"name": "data", "emptyDir": {}}],
    "args": ["--a", "--b"],
}


def test_strategic_merge_keeps_the_sidecar() -> None:
    """Patching one container's image leaves the other container and its variables alone."""
    patch = {"containers": [{"name": "app", "image": "app:2"}]}
    changed = strategic_merge(POD, patch)
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
    changed = strategic_merge(POD, patch)
    assert [item["name"] for item in changed["containers"]] == ["new", "app"]
    assert changed["volumes"] == [{"name": "other"}]
    assert "args" not in changed


def test_strategic_merge_replaces_plain_lists_and_deletes_nulls() -> None:
    """A list without a merge key is replaced whole, and null removes."""
    changed = strategic_merge(POD, {"args": ["--c"], "volumes": None})
    assert changed["args"] == ["--c"]
    assert "volumes" not in changed


def test_strategic_merge_tells_ports_apart() -> None:
    """Ports of containers merge by containerPort, ports of Services by port."""
    ports = [{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "b"}]
    changed = strategic_merge({"ports": ports}, {"ports": [{"containerPort": 81, "name": "c"}]})
    assert [port["name"] for port in changed["ports"]] == ["a", "c"]


def test_strategic_merge_wants_the_merge_key() -> None:
    """A list entry without its key is refused, not guessed."""
    with pytest.raises(ApiStatusError, match="merge key"):
        strategic_merge(POD, {"containers": [{"image": "x"}]})


def test_merge_patch_replaces_lists() -> None:
    """A JSON merge patch knows no list keys: the sidecar goes."""
    changed = merge_patch(POD, {"containers": [{"name": "app"}], "args": None})
    assert changed == {"containers": [{"name": "app"}], "volumes": POD["volumes"]}


def test_json_patch_applies_all_or_nothing() -> None:
    """A `test` that doesn't hold stops the patch and leaves the object as it was."""
    operations: list[Object] = [
        {"op": "replace", "path": "/containers/0/image", "value": "app:2"},
        {"op": "test", "path": "/containers/1/image", "value": "proxy:2"},
    ]
    with pytest.raises(ApiStatusError) as refusal:
        json_patch(POD, operations)
    assert refusal.value.code == 422
    assert POD["containers"][0]["image"] == "app:1"


def test_json_patch_knows_every_operation() -> None:
    """Add, remove, replace, move, copy and escaped pointers work."""
    changed = json_patch(
        {"a": [1, 3], "b/c": 1},
        [
            {"op": "add", "path": "/a/1", "value": 2},
            {"op": "add", "path": "/a/-", "value": 4},
            {"op": "copy", "from": "/a/0", "path": "/d"},
            {"op": "move", "from": "/b~1c", "path": "/e"},
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "/d", "value": 9},
        ],
    )
    assert changed == {"a": [2, 3, 4], "d": 9, "e": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "remove", "path": "/containers/9"},
        {"op": "swap", "path": "/args"},
        {"path": "/args"},
        {"op": "add", "path": "args", "value": 1},
    ],
)
def test_json_patch_refuses_what_does_not_fit(operation: Object) -> None:
    """A missing path, an unknown operation or a bad pointer is an error of the request."""
    with pytest.raises(ApiStatusError) as refusal:
        json_patch(POD, [operation])
    assert refusal.value.reason == "Invalid"
