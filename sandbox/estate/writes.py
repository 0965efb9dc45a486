"""Creating, replacing, patching and applying: what clients write, kind of body by kind of body.

`kubernetes` calls `Writes` with the bytes that came; `scales` does the same for `/scale`.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.estate import scales
from sandbox.estate.bodies import Read, completed, read_new, read_patched
from sandbox.estate.objects import ownership
from sandbox.estate.objects.comparing import blank
from sandbox.estate.objects.decoding import DecodingError, decode
from sandbox.estate.objects.ownership import ApplyConflictError
from sandbox.estate.objects.shapes import shape_of
from sandbox.estate.options import WriteOptions
from sandbox.estate.patching import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    applied_conflict,
    patch_object,
    read_patch,
)
from sandbox.estate.registry import Registry, Write, writer_of
from sandbox.estate.resources import NAMESPACES, SCALE, STATUS, Resource
from sandbox.estate.routing import Call
from sandbox.estate.statuses import (
    Cause,
    bad_request,
    conflict,
    invalid,
    not_found,
    unexpected,
    unsupported_media_type,
)
from sandbox.estate.store import Store
from sandbox.estate.values import Object, clone


class Writes:
    """Writes to the cluster; `warnings` are those of the one write that this object makes."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self.warnings: list[str] = []

    def create(self, call: Call, data: bytes, options: WriteOptions) -> Object:
        """Create what a POST holds."""
        item = self._noted(read_new(call.resource, data, options.validation))
        self._place(call, item)
        return self._registry.create(call.resource, item, _write(call, options))

    def replace(self, call: Call, data: bytes, options: WriteOptions) -> Object:
        """Replace an object by what a PUT holds."""
        if call.subresource == SCALE:
            old = self._found(call)
            return scales.replace(self._registry, call, old, data, options)
        item = self._noted(read_new(call.resource, data, options.validation))
        self._place(call, item)
        _check_name(call, item)
        old = self._found(call)
        self._check_identity(call, old, item)
        return self._registry.change(call.resource, old, item, _write(call, options))

    def patch(self, call: Call, data: bytes, kind: str, options: WriteOptions) -> Object:
        """Patch an object in one of the three ways, or apply a configuration."""
        if kind == APPLY_PATCH:
            return self._apply(call, data, options)
        if kind not in (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH):
            raise unsupported_media_type()
        if kind == STRATEGIC_PATCH and call.resource.custom:
            raise unsupported_media_type()
        old = self._found(call)
        body = read_patch(data, kind)
        if call.subresource == SCALE:
            return scales.patch(self._registry, call, old, (body, kind), options)
        patched = patch_object(clone(old), body, kind, call.resource)
        shown = _go_map(body) if kind == STRATEGIC_PATCH else _compact(patched)
        item = self._noted(read_patched(call.resource, patched, shown, options.validation))
        self._place(call, item)
        _check_name(call, item)
        return self._registry.change(call.resource, old, item, _write(call, options))

    def _apply(self, call: Call, data: bytes, options: WriteOptions) -> Object:
        config = _configuration(data)
        old = self._store.get(call.resource, call.namespace, call.name)
        if call.subresource == SCALE:
            return scales.apply(self._registry, call, self._found(call), config, options)
        _check_configuration(call, config)
        write = _write(call, options)
        if old is None:
            return self._apply_new(call, config, write)
        self._check_applied(call, old, config)
        shape = shape_of(call.resource)
        try:
            merged, claims = ownership.applied(
                old,
                config,
                shape,
                ownership.read(old),
                _applier(call.resource, write),
                force=options.force,
            )
        except ApplyConflictError as error:
            raise applied_conflict(error) from None
        merged.setdefault("metadata", {})
        item = completed(call.resource, decode(merged, shape).object)
        return self._registry.change_claimed(call.resource, old, item, claims, write)

    def _apply_new(self, call: Call, config: Object, write: Write) -> Object:
        shape = shape_of(call.resource)
        name = (config.get("metadata") or {}).get("name")
        config = config | {"metadata": (config.get("metadata") or {}) | {"name": name or call.name}}
        merged, claims = ownership.applied(
            blank(shape) | {"metadata": {}},
            config,
            shape,
            {},
            _applier(call.resource, write),
            force=False,
        )
        item = completed(call.resource, decode(merged, shape).object)
        _check_name(call, item)
        self._place(call, item)
        return self._registry.create_claimed(call.resource, item, claims, write)

    def _check_applied(self, call: Call, old: Object, config: Object) -> None:
        asked = (config.get("metadata") or {}).get("resourceVersion")
        if asked and asked != old["metadata"]["resourceVersion"]:
            raise conflict(call.resource, call.name)

    def _noted(self, read: Read) -> Object:
        self.warnings += read.warnings
        return read.object

    def _found(self, call: Call) -> Object:
        item = self._store.get(call.resource, call.namespace, call.name)
        if item is None:
            raise not_found(call.resource, call.name)
        return item

    def _place(self, call: Call, item: Object) -> None:
        """Put an object where the request was sent to, if it doesn't say that it is elsewhere."""
        meta = item["metadata"]
        if not call.resource.namespaced:
            meta.pop("namespace", None)
            return
        if meta.setdefault("namespace", call.namespace) != call.namespace:
            raise bad_request(
                "the namespace of the provided object does not match the namespace sent on the "
                "request"
            )
        if not self._store.get(NAMESPACES, "", call.namespace):
            raise not_found(NAMESPACES, call.namespace)

    def _check_identity(self, call: Call, old: Object, item: Object) -> None:
        uid, known = item["metadata"].get("uid"), old["metadata"]["uid"]
        if uid and uid != known:
            key = "/".join((call.resource.plural, call.namespace, call.name))
            why = (
                f"StorageError: invalid object, Code: 4, Key: /{key}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in "
                f"object meta: {known}"
            )
            raise conflict(call.resource, call.name, why)
        if call.resource.custom and not item["metadata"].get("resourceVersion"):
            problem = "Invalid value: 0: must be specified for an update"
            raise invalid(
                call.resource, call.name, [Cause(field="metadata.resourceVersion", problem=problem)]
            )


def _write(call: Call, options: WriteOptions) -> Write:
    subresource = STATUS if call.subresource == STATUS else ""
    return Write(manager=options.manager, subresource=subresource, dry=options.dry)


def _applier(resource: Resource, write: Write) -> ownership.Writer:
    by = writer_of(resource, write)
    return ownership.writer(
        write.manager,
        by.version,
        operation=ownership.APPLY,
        subresource=write.subresource,
        ignores=by.ignores,
    )


def _configuration(data: bytes) -> Object:
    """Read YAML, of which JSON is a part."""
    try:
        config = json.loads(data)
    except ValueError:
        config = _yaml(data)
    if not isinstance(config, dict):
        raise bad_request("error decoding YAML: the configuration must be an object")
    return config


def _yaml(data: bytes) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(data.decode())
    except (YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise bad_request(
            f"error decoding YAML: error converting YAML to JSON: yaml: {problem}"
        ) from None


def _check_configuration(call: Call, config: Object) -> None:
    version, kind = str(config.get("apiVersion", "")), str(config.get("kind", ""))
    if (version, kind) != (call.resource.api_version, call.resource.kind):
        group, _, short = version.rpartition("/")
        raise bad_request(f"invalid object type: {group}/{short}, Kind={kind}")
    meta = config.get("metadata") or {}
    if "managedFields" in meta:
        raise bad_request("metadata.managedFields must be nil")
    if problem := _type_problem(config, call):
        where = f"{meta.get('namespace', '')}/{meta.get('name', call.name)}"
        group = call.resource.group
        kind_of = f"{group}/{call.resource.version}, Kind={call.resource.kind}"
        raise unexpected(f"failed to create typed patch object ({where}; {kind_of}): {problem}")


def _type_problem(config: Object, call: Call) -> str:
    """Return what doesn't fit an apply's type; nothing of it is left out silently."""
    try:
        decoded = decode(config, shape_of(call.resource))
    except DecodingError as error:
        return _typed_problem(str(error), config)
    if decoded.unknown:
        return f".{decoded.unknown[0]}: field not declared in schema"
    return ""


def _typed_problem(problem: str, config: Object) -> str:
    words = problem.split()
    if "field" not in words or "type" not in words:
        return problem
    path = words[words.index("field") + 1].partition(".")[2]
    value: Any = config
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else value
    if isinstance(value, dict):
        key, value = next((k, v) for k, v in value.items() if not isinstance(v, str))
        path = f"{path}.{key}"
    return f".{path}: expected {words[-1]}, got &value.valueUnstructured{{Value:{value}}}"


def _check_name(call: Call, item: Object) -> None:
    name = item["metadata"].get("name") or call.name
    if name != call.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
    item["metadata"]["name"] = name


def _compact(item: Object) -> str:
    return json.dumps(item, separators=(",", ":"))


def _go_map(value: Any) -> str:
    if isinstance(value, dict):
        pairs = " ".join(f"{key}:{_go_map(member)}" for key, member in sorted(value.items()))
        return f"map[{pairs}]"
    if isinstance(value, list):
        return f"[{' '.join(_go_map(item) for item in value)}]"
    return {True: "true", False: "false", None: "<nil>"}.get(value, str(value))
