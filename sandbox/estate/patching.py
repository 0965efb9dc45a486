"""The kinds of patch bodies, and how each is read and applied."""

from __future__ import annotations

from typing import Any

from sandbox.estate.bodies import parse_json, type_name
from sandbox.estate.objects import ownership
from sandbox.estate.objects.ownership import ApplyConflictError
from sandbox.estate.objects.patches import PatchError, json_patch, merge_patch
from sandbox.estate.objects.paths import shown
from sandbox.estate.objects.shapes import shape_of
from sandbox.estate.objects.strategic import MergeKeyError, strategic_merge
from sandbox.estate.resources import Resource
from sandbox.estate.statuses import (
    ApiStatusError,
    Cause,
    apply_conflict,
    bad_request,
    patch_failed,
    unexpected,
)
from sandbox.estate.values import Object

APPLY_PATCH = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


def read_patch(data: bytes, kind: str) -> Any:
    """Return a JSON patch's operations, or the object that another patch is."""
    try:
        body = parse_json(data)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    wanted, go_type = (
        (list, "[]handlers.jsonPatchOp")
        if kind == JSON_PATCH
        else (dict, "map[string]interface {}")
    )
    if not isinstance(body, wanted):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {type_name(body)} into Go value of "
            f"type {go_type}"
        )
    return body


def patch_object(target: Object, body: Any, kind: str, resource: Resource) -> Object:
    """Return an object with a patch of one of the three kinds applied."""
    if kind == JSON_PATCH:
        try:
            return json_patch(target, body)
        except PatchError:
            raise patch_failed() from None
    if kind == MERGE_PATCH:
        return dict(merge_patch(target, body))
    try:
        return strategic_merge(target, body, shape_of(resource))
    except MergeKeyError as error:
        raise unexpected(str(error)) from None


def applied_conflict(error: ApplyConflictError) -> ApiStatusError:
    """Return the refusal of an apply that would take fields from others."""
    causes = [
        Cause(
            field=shown(path),
            problem=f"conflict with {ownership.named(manager)}",
            reason="FieldManagerConflict",
        )
        for manager, path in error.conflicts
    ]
    return apply_conflict(ownership.told(error.conflicts), causes)
