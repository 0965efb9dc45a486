"""JSON patches and merge patches are applied as the real API server applies them."""

from __future__ import annotations

import pytest

from sandbox.estate.objects.patches import PatchError, json_patch, merge_patch
from sandbox.estate.values import Object

POD: Object = {
    "containers": [
        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
        {"name": "sidecar", "image": "proxy:1"},
    ],
    "volumes": [{"name": "data", "emptyDir": {}}],
    "args": ["--a", "--b"],
}


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
    with pytest.raises(PatchError, match="test failed"):
        json_patch(POD, operations)
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


def test_a_test_for_null_passes_where_nothing_is() -> None:
    """The server's library reads an absent member as null in a `test`."""
    changed = json_patch({"a": 1}, [{"op": "test", "path": "/b", "value": None}])
    assert changed == {"a": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/missing/member", "value": 1},
        {"op": "remove", "path": "/missing"},
        {"op": "remove", "path": "/containers/9"},
        {"op": "swap", "path": "/args"},
        {"path": "/args"},
        {"op": "add", "path": "args", "value": 1},
    ],
)
def test_json_patch_refuses_what_does_not_fit(operation: Object) -> None:
    """A missing path, an unknown operation or a bad pointer is an error of the request."""
    with pytest.raises(PatchError):
        json_patch(POD, [operation])
