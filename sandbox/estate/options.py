"""What a client asks besides the object: dry runs, field managers, how to delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.estate.bodies import WARN
from sandbox.estate.statuses import ApiStatusError, Cause, bad_request, invalid_kind

_VALIDATIONS = ("Ignore", "Strict", "Warn")
POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """How to create or change an object."""

    manager: str
    dry: bool
    validation: str
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """How to delete an object; `grace` in seconds, None for the object's own."""

    dry: bool = False
    policy: str = ""
    grace: int | None = None
    uid: str = ""
    version: str = ""


def write_options(query: Mapping[str, str], agent: str, kind: str) -> WriteOptions:
    """Read the options of a write; `kind` is that of the options in messages."""
    validation = query.get("fieldValidation") or WARN
    if validation not in _VALIDATIONS:
        listed = '"", "Ignore", "Strict", "Warn"'
        raise _unsupported(kind, "fieldValidation", json.dumps(validation), listed)
    return WriteOptions(
        manager=query.get("fieldManager") or agent.partition("/")[0] or "unknown",
        dry=_dry(query.get("dryRun"), kind),
        validation=validation,
        force=query.get("force") in ("true", "1"),
    )


def require_manager(query: Mapping[str, str]) -> None:
    """Refuse an apply that doesn't say who applies."""
    if not query.get("fieldManager"):
        cause = Cause(
            field="fieldManager",
            problem="Required value: is required for apply patch",
            reason="FieldValueRequired",
        )
        raise invalid_kind("PatchOptions.meta.k8s.io", "", [cause])


def delete_options(query: Mapping[str, str], body: Any) -> DeleteOptions:
    """Read the options of a deletion, from its body or else from the query."""
    if not isinstance(body, dict):
        raise bad_request("the body of a deletion must be its options")
    conditions = body.get("preconditions") or {}
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    if policy and policy not in POLICIES:
        listed = ", ".join(f'"{name}"' for name in (*POLICIES, "nil"))
        raise _unsupported("DeleteOptions", "propagationPolicy", json.dumps(policy), listed)
    grace = body.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    dry = body.get("dryRun")
    return DeleteOptions(
        dry=_dry(dry[0] if dry else query.get("dryRun"), "DeleteOptions"),
        policy=policy,
        grace=None if grace is None else int(grace),
        uid=conditions.get("uid") or "",
        version=conditions.get("resourceVersion") or "",
    )


def _dry(value: str | None, kind: str) -> bool:
    if value not in (None, "", "All"):
        raise _unsupported(kind, "dryRun", json.dumps([value]), '"All"')
    return value == "All"


def _unsupported(kind: str, field: str, value: str, known: str) -> ApiStatusError:
    cause = Cause(
        field=field,
        problem=f"Unsupported value: {value}: supported values: {known}",
        reason="FieldValueNotSupported",
    )
    return invalid_kind(f"{kind}.meta.k8s.io", "", [cause])
