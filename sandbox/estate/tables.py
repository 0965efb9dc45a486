"""Lists as the tables that `kubectl get` asks for, so that its output looks as usual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.estate.resources import DEPLOYMENTS, PODS, REPLICASETS, Resource
from sandbox.estate.values import Object

_Column = tuple[str, Callable[[Object], object]]


def wanted(accept: str) -> bool:
    """Tell whether a client prefers tables."""
    return "as=Table" in accept.split(",", maxsplit=1)[0]


def table(resource: Resource, items: list[Object], version: str) -> Object:
    """Return objects as a `Table`."""
    columns = _COLUMNS.get(resource, (("Name", _name), ("Age", _age)))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [
            {
                "name": title,
                "type": "string",
                "format": "name" if title == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for title, _ in columns
        ],
        "rows": [
            {
                "cells": [cell(item) for _, cell in columns],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": item["metadata"],
                },
            }
            for item in items
        ],
    }


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _age(item: Object) -> str:
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    seconds = int((datetime.now(UTC) - created).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"


def _status(key: str) -> Callable[[Object], object]:
    return lambda item: (item.get("status") or {}).get(key, 0)


def _ready_deployment(item: Object) -> str:
    return f"{item['status'].get('readyReplicas', 0)}/{item['spec']['replicas']}"


def _ready_pod(item: Object) -> str:
    states = item["status"].get("containerStatuses") or []
    return f"{sum(state['ready'] for state in states)}/{len(item['spec']['containers'])}"


def _phase(item: Object) -> str:
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    for state in item["status"].get("containerStatuses") or []:
        if "waiting" in state["state"]:
            return str(state["state"]["waiting"]["reason"])
    return str(item["status"].get("phase", "Pending"))


def _restarts(item: Object) -> int:
    return sum(state["restartCount"] for state in item["status"].get("containerStatuses") or [])


_COLUMNS: dict[Resource, tuple[_Column, ...]] = {
    DEPLOYMENTS: (
        ("Name", _name),
        ("Ready", _ready_deployment),
        ("Up-to-date", _status("updatedReplicas")),
        ("Available", _status("availableReplicas")),
        ("Age", _age),
    ),
    REPLICASETS: (
        ("Name", _name),
        ("Desired", lambda item: item["spec"]["replicas"]),
        ("Current", _status("replicas")),
        ("Ready", _status("readyReplicas")),
        ("Age", _age),
    ),
    PODS: (
        ("Name", _name),
        ("Ready", _ready_pod),
        ("Status", _phase),
        ("Restarts", _restarts),
        ("Age", _age),
    ),
}
