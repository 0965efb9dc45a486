"""What the API server refuses in a pod's spec, or in the template of one."""

from __future__ import annotations

import re
from typing import Any

from sandbox.estate.objects.quantities import amount
from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL, SUBDOMAIN, check_annotations, check_labels
from sandbox.estate.rules.pod_defaults import containers
from sandbox.estate.values import Object

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MESSAGES = ("FallbackToLogsOnError", "File")
_PORT = (1, 65535)
_PORT_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])*")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def check_template(template: Object, field: str, causes: Causes) -> None:
    """Check a pod template."""
    meta = template.get("metadata") or {}
    check_labels(meta.get("labels") or {}, f"{field}.labels", causes)
    check_annotations(meta.get("annotations") or {}, f"{field}.annotations", causes)
    check_spec(template["spec"], f"{field}.spec", causes)


def check_spec(spec: Object, field: str, causes: Causes) -> None:
    """Check a pod's spec."""
    volumes = _check_volumes(spec.get("volumes") or [], f"{field}.volumes", causes)
    if not spec.get("containers"):
        causes.required(f"{field}.containers")
    seen: set[str] = set()
    for kind in ("containers", "initContainers"):
        for at, container in enumerate(spec.get(kind) or []):
            where = f"{field}.{kind}[{at}]"
            if container["name"] in seen:
                causes.duplicate(f"{where}.name", container["name"])
            seen.add(container["name"])
            _check_container(container, where, volumes, causes)
    if spec["restartPolicy"] not in RESTART_POLICIES:
        causes.unsupported(f"{field}.restartPolicy", spec["restartPolicy"], RESTART_POLICIES)
    causes.not_negative(
        f"{field}.terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"]
    )
    _check_account(spec.get("serviceAccountName", ""), field, causes)


def _check_account(name: str, field: str, causes: Causes) -> None:
    for problem in SUBDOMAIN.problems(name) if name else ():
        causes.invalid(f"{field}.serviceAccountName", name, problem)


def _check_volumes(volumes: list[Object], field: str, causes: Causes) -> set[str]:
    seen: set[str] = set()
    for at, volume in enumerate(volumes):
        name = volume["name"]
        if not name:
            causes.required(f"{field}[{at}].name")
        elif name in seen:
            causes.duplicate(f"{field}[{at}].name", name)
        else:
            for problem in LABEL.problems(name):
                causes.invalid(f"{field}[{at}].name", name, problem)
        seen.add(name)
    return seen


def _check_container(container: Object, field: str, volumes: set[str], causes: Causes) -> None:
    name = container["name"]
    if not name:
        causes.required(f"{field}.name")
    for problem in LABEL.problems(name) if name else ():
        causes.invalid(f"{field}.name", name, problem)
    if not container.get("image"):
        causes.required(f"{field}.image")
    elif container["image"] != container["image"].strip():
        causes.invalid(
            f"{field}.image", container["image"], "must not have leading or trailing whitespace"
        )
    causes.one_of(
        f"{field}.terminationMessagePolicy", container["terminationMessagePolicy"], _MESSAGES
    )
    _check_ports(container.get("ports") or [], f"{field}.ports", causes)
    _check_variables(container.get("env") or [], f"{field}.env", causes)
    _check_mounts(container.get("volumeMounts") or [], field, volumes, causes)
    causes.one_of(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    _check_resources(container["resources"], f"{field}.resources", causes)


def _check_ports(ports: list[Object], field: str, causes: Causes) -> None:
    names: set[str] = set()
    for at, port in enumerate(ports):
        name, number = port.get("name", ""), port["containerPort"]
        if name:
            _check_port_name(name, f"{field}[{at}].name", causes)
            if name in names:
                causes.duplicate(f"{field}[{at}].name", name)
            names.add(name)
        if not number:
            causes.required(f"{field}[{at}].containerPort")
        elif not _PORT[0] <= number <= _PORT[1]:
            causes.invalid(
                f"{field}[{at}].containerPort", number, "must be between 1 and 65535, inclusive"
            )
        causes.one_of(f"{field}[{at}].protocol", port["protocol"], _PROTOCOLS)


def _check_port_name(name: str, field: str, causes: Causes) -> None:
    if len(name) > 15:
        causes.invalid(field, name, "must be no more than 15 characters")
    if not _PORT_NAME.fullmatch(name):
        causes.invalid(
            field, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
        )
    elif not re.search("[a-z]", name):
        causes.invalid(field, name, "must contain at least one letter (a-z)")


def _check_variables(variables: list[Object], field: str, causes: Causes) -> None:
    for at, variable in enumerate(variables):
        if not variable["name"]:
            causes.required(f"{field}[{at}].name")
        source = variable.get("valueFrom")
        if source is None:
            continue
        where = f"{field}[{at}].valueFrom"
        if not any(name in source for name in _SOURCES):
            one = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
            causes.invalid(where, "", f"{one}`secretKeyRef` or `fileKeyRef`")
        if variable.get("value"):
            causes.invalid(where, "", "may not be specified when `value` is not empty")


def _check_mounts(mounts: list[Object], field: str, volumes: set[str], causes: Causes) -> None:
    paths: set[str] = set()
    for at, mount in enumerate(mounts):
        where = f"{field}.volumeMounts[{at}]"
        if not mount["name"]:
            causes.required(f"{where}.name")
        elif mount["name"] not in volumes:
            causes.not_found(f"{where}.name", mount["name"])
        if not mount["mountPath"]:
            causes.required(f"{where}.mountPath")
        elif mount["mountPath"] in paths:
            causes.invalid(f"{where}.mountPath", mount["mountPath"], "must be unique")
        paths.add(mount["mountPath"])


def _check_resources(resources: Object, field: str, causes: Causes) -> None:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, value in sorted(amounts.items()):
            if amount(str(value)) < 0:
                causes.invalid(
                    f"{field}.{kind}[{name}]", value, "must be greater than or equal to 0"
                )
    for name, value in sorted(requests.items()):
        if name in limits and amount(str(value)) > amount(str(limits[name])):
            problem = f"must be less than or equal to {name} limit of {limits[name]}"
            causes.invalid(f"{field}.requests", value, problem)


def quality(spec: Object) -> str:
    """Return the quality of service that a pod's resources give it."""
    every = [container["resources"] for container in containers(spec)]
    if not any(item.get("requests") or item.get("limits") for item in every):
        return "BestEffort"
    return "Guaranteed" if all(_is_guaranteed(item) for item in every) else "Burstable"


def _is_guaranteed(resources: Object) -> bool:
    limits: dict[str, Any] = resources.get("limits") or {}
    requests = limits | (resources.get("requests") or {})
    return {"cpu", "memory"} <= limits.keys() and all(
        requests[name] == limits[name] for name in ("cpu", "memory")
    )
