"""The endpoints controllers: which ready pods a Service sends to."""

from __future__ import annotations

from typing import Any

from sandbox.estate.clock import stamp
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.kubelet import is_leaving, is_over, is_ready
from sandbox.estate.controllers.templates import owner
from sandbox.estate.resources import ENDPOINT_SLICES, ENDPOINTS, PODS, SERVICES
from sandbox.estate.values import Object, clone

_TRIGGERED = "endpoints.kubernetes.io/last-change-trigger-time"
_MANAGED = "endpoints.kubernetes.io/managed-by"
_SLICE_MANAGED = "endpointslice.kubernetes.io/managed-by"
_HEADLESS = "service.kubernetes.io/headless"
NAME = "kubernetes.io/service-name"


class EndpointsController:
    """Keeps the Endpoints and the EndpointSlice of each Service that has a selector."""

    def __init__(self, author: Author) -> None:
        self._author = author
        self._store = author.store

    def reconcile(self, namespace: str, name: str) -> None:
        """Write what a Service sends to."""
        service = self._store.get(SERVICES, namespace, name)
        if service is None:
            self._store.delete(ENDPOINTS, namespace, name)
            return
        if not service["spec"].get("selector") or service["spec"]["type"] == "ExternalName":
            return
        pods = self._pods(service)
        self._write_endpoints(service, pods)
        self._write_slice(service, pods)

    def selecting(self, pod: Object) -> list[str]:
        """Return the names of the Services that select a pod."""
        labels = pod["metadata"].get("labels") or {}
        return [
            item["metadata"]["name"]
            for item in self._store.list(SERVICES, pod["metadata"]["namespace"])
            if _selects(item, labels)
        ]

    def _pods(self, service: Object) -> list[Object]:
        return [
            pod
            for pod in self._store.list(PODS, service["metadata"]["namespace"])
            if _selects(service, pod["metadata"].get("labels") or {})
            and not is_over(pod)
            and pod["status"].get("podIP")
        ]

    def _write_endpoints(self, service: Object, pods: list[Object]) -> None:
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        staying = [pod for pod in pods if not is_leaving(pod)]
        subsets = _subsets(service, staying)
        found = self._store.get(ENDPOINTS, namespace, name)
        labels = (service["metadata"].get("labels") or {}) | {_MANAGED: "endpoint-controller"}
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        if found is None:
            meta = {"name": name, "namespace": namespace, "labels": labels}
            made: Object = {"metadata": meta | {"annotations": {_TRIGGERED: stamp()}}}
            self._author.create(ENDPOINTS, made | ({"subsets": subsets} if subsets else {}))
            return
        changed = clone(found)
        changed["metadata"]["labels"] = labels
        changed.pop("subsets", None)
        if subsets:
            changed["subsets"] = subsets
        if changed != found:
            changed["metadata"].setdefault("annotations", {})[_TRIGGERED] = stamp()
            self._author.update(ENDPOINTS, found, changed)

    def _write_slice(self, service: Object, pods: list[Object]) -> None:
        endpoints = [_endpoint(pod) for pod in pods] or None
        ports = _slice_ports(service, pods) or None
        found = next(iter(self._store.children(ENDPOINT_SLICES, service)), None)
        labels = (service["metadata"].get("labels") or {}) | {
            _SLICE_MANAGED: "endpointslice-controller.k8s.io",
            NAME: service["metadata"]["name"],
        }
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        content = {"addressType": "IPv4", "endpoints": endpoints, "ports": ports}
        if found is None:
            meta = {
                "generateName": f"{service['metadata']['name']}-",
                "namespace": service["metadata"]["namespace"],
                "labels": labels,
                "annotations": {_TRIGGERED: stamp()},
                "ownerReferences": [owner(service)],
            }
            self._author.create(ENDPOINT_SLICES, {"metadata": meta} | content)
            return
        changed = clone(found) | content
        changed["metadata"]["labels"] = labels
        if changed != found:
            changed["metadata"].setdefault("annotations", {})[_TRIGGERED] = stamp()
            self._author.update(ENDPOINT_SLICES, found, changed)


def _selects(service: Object, labels: Object) -> bool:
    selector = service["spec"].get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _reference(pod: Object) -> Object:
    meta = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }


def _subsets(service: Object, pods: list[Object]) -> list[Object]:
    if not pods:
        return []
    ready = [_address(pod) for pod in pods if is_ready(pod)]
    unready = [_address(pod) for pod in pods if not is_ready(pod)]
    ports = [_port(port, pods[0]) for port in service["spec"].get("ports") or []]
    found: Object = {"ports": [port for port in ports if port]}
    found |= {"addresses": ready} if ready else {}
    return [found | ({"notReadyAddresses": unready} if unready else {})]


def _address(pod: Object) -> Object:
    return {
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }


def _endpoint(pod: Object) -> Object:
    ready, leaving = is_ready(pod), is_leaving(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": ready,
            "serving": ready or (leaving and _serves(pod)),
            "terminating": leaving,
        },
        "targetRef": _reference(pod),
        "nodeName": pod["spec"]["nodeName"],
    }


def _serves(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _slice_ports(service: Object, pods: list[Object]) -> list[Object]:
    if not pods:
        return []
    found = [_port(port, pods[0]) for port in service["spec"].get("ports") or []]
    return [{"name": ""} | port for port in found if port]


def _port(port: Object, pod: Object) -> Object:
    """Return a port as the pods have it; nothing if they have none of that name."""
    number: Any = port["targetPort"]
    if isinstance(number, str):
        number = _named_port(number, pod)
    if number is None:
        return {}
    name = {"name": port["name"]} if port.get("name") else {}
    return name | {"port": number, "protocol": port["protocol"]}


def _named_port(name: str, pod: Object) -> Any:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or []:
            if port.get("name") == name:
                return port["containerPort"]
    return None
