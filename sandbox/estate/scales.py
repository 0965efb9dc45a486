"""The `/scale` subresource: a workload's size as an object of its own.

Its fields are owned like all others: who owns the size of the Scale owns the `replicas` of the
workload, through the subresource.
"""

from __future__ import annotations

from dataclasses import replace as replaced
from typing import Any

from sandbox.estate.bodies import read_scale
from sandbox.estate.objects import ownership
from sandbox.estate.objects.decoding import DecodingError, decode
from sandbox.estate.objects.ownership import APPLY, ApplyConflictError, Claim, Claims, Manager
from sandbox.estate.objects.paths import Paths
from sandbox.estate.objects.shapes import struct
from sandbox.estate.options import WriteOptions
from sandbox.estate.patching import applied_conflict, patch_object
from sandbox.estate.registry import Registry, Write
from sandbox.estate.resources import SCALE
from sandbox.estate.routing import Call
from sandbox.estate.statuses import Cause, bad_request, conflict, invalid_kind
from sandbox.estate.values import Object, clone

_VERSION = "autoscaling/v1"
_REPLICAS: Paths = frozenset({("f:spec", "f:replicas")})
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def view(item: Object) -> Object:
    """Return the Scale of a workload."""
    meta, spec = item["metadata"], item["spec"]
    status: Object = {"replicas": (item.get("status") or {}).get("replicas", 0)}
    if selector := _selector(spec.get("selector") or {}):
        status["selector"] = selector
    replicas = spec.get("replicas", 1)
    return {
        "kind": "Scale",
        "apiVersion": _VERSION,
        "metadata": {key: meta[key] for key in _KEPT if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def replace(
    registry: Registry, call: Call, old: Object, data: bytes, options: WriteOptions
) -> Object:
    """Set the size that a PUT holds."""
    scale = read_scale(data)
    return _change(registry, call, old, scale, options)


def patch(
    registry: Registry, call: Call, old: Object, change: tuple[Any, str], options: WriteOptions
) -> Object:
    """Set the size that a patch leads to."""
    patched = patch_object(view(old), *change, call.resource)
    return _change(registry, call, old, patched, options)


def apply(
    registry: Registry, call: Call, old: Object, config: Object, options: WriteOptions
) -> Object:
    """Set the size that an apply holds."""
    by = ownership.writer(options.manager, _VERSION, operation=APPLY, subresource=SCALE)
    shape = struct("autoscaling.v1.Scale")
    claims = _of_scale(ownership.read(old))
    try:
        merged, claims = ownership.applied(
            view(old), config, shape, claims, by, force=options.force
        )
    except ApplyConflictError as error:
        raise applied_conflict(error) from None
    return _store(registry, call, old, merged, claims, options)


def _change(
    registry: Registry, call: Call, old: Object, scale: Object, options: WriteOptions
) -> Object:
    shape = struct("autoscaling.v1.Scale")
    try:
        scale = decode(scale, shape).object
    except DecodingError as error:
        raise bad_request(str(error)) from None
    meta = scale["metadata"]
    name = meta.get("name", call.name)
    if name != call.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
    version = meta.get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise conflict(call.resource, call.name)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        problem = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid_kind(
            "Scale.autoscaling", call.name, [Cause(field="spec.replicas", problem=problem)]
        )
    by = ownership.writer(options.manager, _VERSION, subresource=SCALE, ignores=("f:status",))
    before = view(old)
    after = before | {"spec": scale.get("spec") or {}}
    claims = ownership.updated(before, after, shape, _of_scale(ownership.read(old)), by)
    return _store(registry, call, old, after, claims, options)


def _store(
    registry: Registry,
    call: Call,
    old: Object,
    scale: Object,
    claims: Claims,
    options: WriteOptions,
) -> Object:
    changed = clone(old)
    changed["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
    every = _of_parent(ownership.read(old), claims, call.resource.api_version)
    write = Write(manager=options.manager, dry=options.dry)
    stored = registry.change_claimed(call.resource, old, changed, every, write)
    return view(stored)


def _of_scale(claims: Claims) -> Claims:
    """Return the claims to a workload's size as claims to its Scale's."""
    return {
        who: Claim(fields=_REPLICAS, version=_VERSION, time=claim.time)
        for who, claim in claims.items()
        if claim.fields >= _REPLICAS
    }


def _of_parent(before: Claims, scale: Claims, version: str) -> Claims:
    """Return the workload's claims after those to its Scale changed; new ones have no time."""
    result: dict[Manager, Claim] = {}
    left = dict(scale)
    for who, claim in before.items():
        if not claim.fields >= _REPLICAS or who in left:
            result[who] = claim
            left.pop(who, None)
        elif rest := claim.fields - _REPLICAS:
            result[who] = replaced(claim, fields=rest)
    for who in left:
        manager = who if who.operation == APPLY else replaced(who, version=version)
        result[manager] = Claim(fields=_REPLICAS, version=version, time="")
    return result


def _selector(selector: Object) -> str:
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or []:
        values = ",".join(sorted(rule.get("values") or []))
        match rule["operator"]:
            case "Exists":
                parts.append(rule["key"])
            case "DoesNotExist":
                parts.append(f"!{rule['key']}")
            case operator:
                parts.append(f"{rule['key']} {operator.lower()} ({values})")
    return ",".join(parts)
