"""Ingresses: what is refused."""

from __future__ import annotations

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL_1035, SUBDOMAIN
from sandbox.estate.values import Object

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def check_ingress(item: Object, causes: Causes) -> None:
    """Check an Ingress."""
    spec = item["spec"]
    rules, default = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and default is None:
        causes.invalid("spec", [], "either `defaultBackend` or `rules` must be specified")
    if default is not None:
        _check_backend(default, "spec.defaultBackend", causes)
    for at, rule in enumerate(rules):
        host = rule.get("host", "").removeprefix("*.")
        for problem in SUBDOMAIN.problems(host) if host else ():
            causes.invalid(f"spec.rules[{at}].host", rule["host"], problem)
        if "http" in rule:
            _check_paths(rule["http"]["paths"] or [], f"spec.rules[{at}].http.paths", causes)


def _check_paths(paths: list[Object], field: str, causes: Causes) -> None:
    if not paths:
        causes.required(field)
    for at, path in enumerate(paths):
        where, kind = f"{field}[{at}]", path["pathType"]
        if kind is None:
            causes.required(f"{where}.pathType", "pathType must be specified")
        elif kind not in _PATH_TYPES:
            causes.unsupported(f"{where}.pathType", kind, _PATH_TYPES)
        elif kind != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
            causes.invalid(f"{where}.path", path.get("path", ""), "must be an absolute path")
        _check_backend(path["backend"], f"{where}.backend", causes)


def _check_backend(backend: Object, field: str, causes: Causes) -> None:
    service = backend.get("service")
    if service is None and "resource" not in backend:
        causes.required(field, "must specify a service or resource backend")
        return
    if service is None:
        return
    name, port = service["name"], service.get("port") or {}
    if not name:
        causes.required(f"{field}.service.name")
    for problem in LABEL_1035.problems(name) if name else ():
        causes.invalid(f"{field}.service.name", name, problem)
    if not port.get("number") and not port.get("name"):
        causes.required(field, "port name or number is required")
    elif "number" in port and not 1 <= port["number"] <= 65535:
        causes.invalid(
            f"{field}.service.port.number", port["number"], "must be between 1 and 65535, inclusive"
        )
