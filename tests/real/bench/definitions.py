"""Custom kinds that the actions change: Istio's VirtualService and KEDA's ScaledObject.

Nothing routes or scales here. The schemas keep unknown fields, and refuse what Istio's own webhook
refuses of weights. Installed once a session by the fixtures of tests/real/conftest.py.
"""

from __future__ import annotations

import time
from typing import Any

from tests.real.bench.api import Api, RefusedError

Json = Any

OPEN = "x-kubernetes-preserve-unknown-fields"
PATIENCE = 90.0


def install(api: Api) -> None:
    """Define the kinds that the cluster does not have yet, and wait until it serves them."""
    for each in (VIRTUAL_SERVICE, SCALED_OBJECT):
        path = api.path("", "CustomResourceDefinition", each["metadata"]["name"])
        try:
            api.call("GET", path)
        except RefusedError:
            api.apply("", each)
        deadline = time.monotonic() + PATIENCE
        while not _established(api.call("GET", path)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} is not established")
            time.sleep(0.02)


def _established(definition: Json) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _definition(group: str, kind: str, short: str, spec: Json, *versions: str) -> Json:
    schema = {
        "type": "object",
        "properties": {"spec": spec, "status": {"type": "object", OPEN: True}},
    }
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {**names, "shortNames": [short]},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": number == 0,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
                for number, version in enumerate(versions)
            ],
        },
    }


def _rule(rule: str, message: str) -> Json:
    return {"rule": rule, "message": message}


def _list(of: Json, rules: tuple[Json, ...] = ()) -> Json:
    found = {"type": "array", "maxItems": 64, "items": {"type": "object", OPEN: True, **of}}
    return {**found, "x-kubernetes-validations": list(rules)} if rules else found


WEIGHT = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 100}
DESTINATION = {
    "type": "object",
    OPEN: True,
    "required": ["host"],
    "properties": {"host": {"type": "string", "maxLength": 253}},
}
# A single destination may have any weight, or none; several must send the traffic somewhere.
SOMEWHERE = _rule(
    "self.size() < 2 || self.exists(each, has(each.weight) && each.weight > 0)",
    "total destination weight = 0",
)
ROUTE = _list(
    {"required": ["destination"], "properties": {"destination": DESTINATION, "weight": WEIGHT}},
    (SOMEWHERE,),
)
MIRROR = _rule(
    "!(has(self.redirect) && has(self.route))", "HTTP route cannot contain both route and redirect"
)
HTTP = {
    "type": "object",
    OPEN: True,
    "properties": {"route": ROUTE, "redirect": {"type": "object", OPEN: True}},
    "x-kubernetes-validations": [MIRROR],
}
VIRTUAL_SERVICE = _definition(
    "networking.istio.io",
    "VirtualService",
    "vs",
    {
        "type": "object",
        OPEN: True,
        "properties": {
            "hosts": {"type": "array", "items": {"type": "string"}},
            "http": {"type": "array", "maxItems": 64, "items": HTTP},
            "tcp": _list({"properties": {"route": ROUTE}}),
        },
    },
    "v1",
    "v1beta1",
)

COUNT = {"type": "integer", "format": "int32"}
SCALED_OBJECT = _definition(
    "keda.sh",
    "ScaledObject",
    "so",
    {
        "type": "object",
        OPEN: True,
        "required": ["scaleTargetRef", "triggers"],
        "properties": {
            "scaleTargetRef": {
                "type": "object",
                OPEN: True,
                "required": ["name"],
                "properties": {"name": {"type": "string"}},
            },
            "minReplicaCount": COUNT,
            "maxReplicaCount": COUNT,
            "triggers": {"type": "array", "items": {"type": "object", OPEN: True}},
        },
    },
    "v1alpha1",
)
