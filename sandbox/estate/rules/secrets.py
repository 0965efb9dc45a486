"""ConfigMaps and Secrets: their keys, the types of secrets, and what may not change."""

from __future__ import annotations

import base64
import json
import re

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import CONFIG_KEY
from sandbox.estate.values import Object

OPAQUE = "Opaque"
_TLS = "kubernetes.io/tls"
_BASIC = "kubernetes.io/basic-auth"
_DOCKER = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  # the name of a type
_ACCOUNT = "kubernetes.io/service-account.name"
_LARGEST = 1024 * 1024
_FROZEN = "field is immutable when `immutable` is set"
_BARE_WORD = re.compile(r"\s*(.)")


def fill_secret(item: Object) -> None:
    """Fill in a Secret: its type, and its data from the plain strings."""
    item.setdefault("type", OPAQUE)
    for key, value in (item.pop("stringData", None) or {}).items():
        item.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()


def check_secret(item: Object, causes: Causes) -> None:
    """Check a Secret."""
    data = item.get("data") or {}
    _check_keys(data, "data", causes)
    if sum(len(base64.b64decode(value)) for value in data.values()) > _LARGEST:
        causes.too_long("data", _LARGEST)
    kind = item["type"]
    if kind == _TLS:
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                causes.required(f"data[{key}]")
    elif kind == _BASIC and not {"username", "password"} & data.keys():
        causes.required("data[username]")
        causes.required("data[password]")
    elif kind in _DOCKER:
        _check_docker(data, _DOCKER[kind], causes)
    elif kind == _TOKEN and not (item["metadata"].get("annotations") or {}).get(_ACCOUNT):
        causes.required(f"metadata.annotations[{_ACCOUNT}]")


def check_secret_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that a Secret keeps its type, and an immutable one everything."""
    causes.immutable("type", new["type"], old["type"])
    if old.get("immutable"):
        if not new.get("immutable"):
            causes.forbidden("immutable", _FROZEN)
        if new.get("data") != old.get("data"):
            causes.forbidden("data", _FROZEN)


def check_configmap(item: Object, causes: Causes) -> None:
    """Check a ConfigMap."""
    data, binary = item.get("data") or {}, item.get("binaryData") or {}
    _check_keys(data, "data", causes)
    for key in sorted(data.keys() & binary.keys()):
        causes.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    _check_keys(binary, "binaryData", causes)
    total = sum(len(value) for value in [*data.values(), *binary.values()])
    if total > _LARGEST:
        causes.too_long("", _LARGEST)


def check_configmap_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that an immutable ConfigMap keeps everything."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        causes.forbidden("immutable", _FROZEN)
    for name in ("data", "binaryData"):
        if new.get(name) != old.get(name):
            causes.forbidden(name, _FROZEN)


def _check_keys(data: Object, field: str, causes: Causes) -> None:
    for key in sorted(data):
        for problem in CONFIG_KEY.problems(key):
            causes.invalid(f"{field}[{key}]", key, problem)


def _check_docker(data: Object, key: str, causes: Causes) -> None:
    if key not in data:
        causes.required(f"data[{key}]")
        return
    text = base64.b64decode(data[key]).decode(errors="replace")
    try:
        json.loads(text)
    except ValueError:
        first = _BARE_WORD.match(text)
        problem = (
            f"invalid character '{first[1]}' looking for beginning of value"
            if first
            else "unexpected end of JSON input"
        )
        causes.redacted(f"data[{key}]", problem)
