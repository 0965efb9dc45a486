"""Services: their addresses, what is filled in, and what is refused."""

from __future__ import annotations

import zlib
from typing import Any

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL, LABEL_VALUE, key_problems
from sandbox.estate.values import Object

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_OUTSIDE = ("LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_NODE_PORTS = (30000, 2768)


def fill_service(item: Object) -> None:
    """Fill in a Service, before it gets its addresses."""
    spec = item["spec"]
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port["port"]
    if spec["type"] in _OUTSIDE:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")


def prepare_service(item: Object) -> None:
    """Give a new Service its addresses and ports."""
    spec = item["spec"]
    if spec["type"] == "ExternalName":
        return
    spec.setdefault("clusterIP", _address(item["metadata"]["uid"]))
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    _give_node_ports(item)


def keep_addresses(new: Object, old: Object) -> None:
    """Keep what a changed Service was given, as long as its type still needs it."""
    after, before = new["spec"], old["spec"]
    if after["type"] == "ExternalName":
        return
    if before["type"] == "ExternalName":
        prepare_service(new)
        return
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if name in before:
            after.setdefault(name, before[name])
    if after["clusterIP"] != before["clusterIP"] and after["clusterIPs"] == before["clusterIPs"]:
        after["clusterIPs"] = [after["clusterIP"]]
    given = {(port["port"], port["protocol"]): port for port in before.get("ports") or []}
    for port in after.get("ports") or []:
        known = given.get((port["port"], port["protocol"])) or {}
        if after["type"] in _OUTSIDE and "nodePort" in known:
            port.setdefault("nodePort", known["nodePort"])
    _give_node_ports(new)


def check_service(item: Object, causes: Causes) -> None:
    """Check a Service."""
    spec = item["spec"]
    headless = spec.get("clusterIP") == "None"
    if spec["type"] not in TYPES:
        causes.unsupported("spec.type", spec["type"], TYPES)
        return
    ports = spec.get("ports") or []
    if not ports and not headless and spec["type"] != "ExternalName":
        causes.required("spec.ports")
    if spec["type"] == "ExternalName" and not spec.get("externalName"):
        causes.required("spec.externalName")
    _check_ports(ports, causes)
    for key, value in sorted((spec.get("selector") or {}).items()):
        for problem in key_problems(key):
            causes.invalid("spec.selector", key, problem)
        for problem in LABEL_VALUE.problems(value):
            causes.invalid("spec.selector", value, problem)
    causes.one_of("spec.sessionAffinity", spec["sessionAffinity"], _AFFINITIES)


def check_service_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that a Service keeps its address."""
    after, before = new["spec"].get("clusterIPs") or [], old["spec"].get("clusterIPs") or []
    if before and after and new["spec"]["type"] != "ExternalName" and after[0] != before[0]:
        causes.invalid("spec.clusterIPs[0]", after, "may not change once set")


def _check_ports(ports: list[Object], causes: Causes) -> None:
    seen: set[Any] = set()
    for at, port in enumerate(ports):
        where = f"spec.ports[{at}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            causes.required(f"{where}.name")
        for problem in LABEL.problems(name) if name else ():
            causes.invalid(f"{where}.name", name, problem)
        if name and name in seen:
            causes.duplicate(f"{where}.name", name)
        seen.add(name)
        for field in ("port", "targetPort"):
            number = port[field]
            if isinstance(number, int) and not 1 <= number <= 65535:
                causes.invalid(f"{where}.{field}", number, "must be between 1 and 65535, inclusive")
        causes.one_of(f"{where}.protocol", port["protocol"], _PROTOCOLS)
        key = (port["port"], port["protocol"])
        if key in seen:
            causes.duplicate(where, {"port": port["port"], "protocol": port["protocol"]})
        seen.add(key)


def _address(uid: str) -> str:
    """Return a cluster address that is the same for the same Service."""
    number = zlib.crc32(uid.encode())
    return f"10.0.{number // 250 % 250}.{number % 250 + 2}"


def _give_node_ports(item: Object) -> None:
    spec = item["spec"]
    wanted = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts")
    )
    for port in spec.get("ports") or [] if wanted else []:
        key = f"{item['metadata']['uid']}/{port['port']}"
        first, count = _NODE_PORTS
        port.setdefault("nodePort", first + zlib.crc32(key.encode()) % count)
