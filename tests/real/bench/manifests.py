"""Objects of the usual kinds, as plain dicts, for tests to apply and to change.

Every function takes further parts of the object's `spec` by keyword, in the API's own spelling.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Json = Any

IMAGE = "shop/checkout:1.0.0"


def made(api: str, kind: str, name: str, **parts: Json) -> Json:
    """Return an object; `labels` and `annotations` go into its metadata, `spec` stays a dict."""
    meta = {"name": name}
    meta |= {part: parts.pop(part) for part in ("labels", "annotations") if part in parts}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **parts}


def pod_template(
    name: str,
    image: str = IMAGE,
    *,
    annotations: Mapping[str, str] | None = None,
    sidecars: Mapping[str, str] | None = None,
    **spec: Json,
) -> Json:
    """Return a pod template; `sidecars` names further containers with their images."""
    images = {name: image, **(sidecars or {})}
    return {
        "metadata": {"labels": {"app": name}, "annotations": dict(annotations or {})},
        "spec": {
            "containers": [{"name": each, "image": of} for each, of in images.items()],
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def deployment(
    name: str = "checkout",
    image: str = IMAGE,
    *,
    replicas: int = 2,
    template: Json = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Json,
) -> Json:
    """Return a Deployment; `annotations` are its pods'."""
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template or pod_template(name, image, annotations=annotations),
        **spec,
    }
    return made("apps/v1", "Deployment", name, labels={"app": name}, spec=body)


def stateful_set(
    name: str = "postgres", image: str = "shop/postgres:15", *, replicas: int = 1, **spec: Json
) -> Json:
    """Return a StatefulSet; its pods start side by side."""
    given = deployment(name, image, replicas=replicas, podManagementPolicy="Parallel", **spec)
    given["spec"]["serviceName"] = name
    return given | {"kind": "StatefulSet"}


def daemon_set(name: str = "agent", image: str = "shop/agent:1.0.0", **spec: Json) -> Json:
    """Return a DaemonSet."""
    body = {"selector": {"matchLabels": {"app": name}}, "template": pod_template(name, image)}
    return made("apps/v1", "DaemonSet", name, labels={"app": name}, spec={**body, **spec})


def service(
    name: str = "checkout", *, selector: Mapping[str, str] | None = None, **spec: Json
) -> Json:
    """Return a Service on port 80 for the pods of that name, or of `selector`."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    body = {"selector": dict(selector or {"app": name}), "ports": ports, **spec}
    return made("v1", "Service", name, spec=body)


def config_map(name: str = "checkout", **data: str) -> Json:
    """Return a ConfigMap with these entries."""
    return made("v1", "ConfigMap", name, data=data)


def secret(name: str = "checkout", *, type_: str = "Opaque", **data: str) -> Json:
    """Return a Secret; the entries are given in the clear."""
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return made("v1", "Secret", name, type=type_, data=encoded)


def ingress(
    name: str = "shop", *, host: str = "shop.example.com", backend: str = "checkout", **spec: Json
) -> Json:
    """Return an Ingress with one host and one backend."""
    to = {"service": {"name": backend, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": to}
    return made(
        "networking.k8s.io/v1",
        "Ingress",
        name,
        spec={"rules": [{"host": host, "http": {"paths": [path]}}], **spec},
    )


def network_policy(name: str = "isolate", *, app: str = "checkout", **spec: Json) -> Json:
    """Return a NetworkPolicy that lets nothing in."""
    body = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"], **spec}
    return made("networking.k8s.io/v1", "NetworkPolicy", name, spec=body)


def job(
    name: str = "migrate",
    image: str = "shop/migrate:1.0.0",
    *,
    exit_code: int = 0,
    seconds: float = 0.2,
    message: str = "",
    backoffLimit: int = 0,  # noqa: N803 - the API's spelling
    **spec: Json,
) -> Json:
    """Return a Job whose pods run for some seconds and end with a code and a message."""
    rules = {"bench/exit-code": str(exit_code), "bench/seconds": str(seconds)}
    rules |= {"bench/message": message} if message else {}
    template = pod_template(name, image, annotations=rules, restartPolicy="Never")
    del template["metadata"]["labels"]
    body = {"template": template, "backoffLimit": backoffLimit, **spec}
    return made("batch/v1", "Job", name, spec=body)


def cron_job(name: str = "reports", schedule: str = "0 3 * * *", **spec: Json) -> Json:
    """Return a CronJob."""
    template = {"spec": job(name)["spec"]}
    return made(
        "batch/v1", "CronJob", name, spec={"schedule": schedule, "jobTemplate": template, **spec}
    )


def autoscaler(
    name: str = "checkout",
    *,
    least: int = 2,
    most: int = 10,
    kind: str = "Deployment",
    **spec: Json,
) -> Json:
    """Return a HorizontalPodAutoscaler on CPU."""
    target = {"type": "Utilization", "averageUtilization": 70}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    return made("autoscaling/v2", "HorizontalPodAutoscaler", name, spec={**body, **spec})


def disruption_budget(name: str = "checkout", *, least: int = 1, **spec: Json) -> Json:
    """Return a PodDisruptionBudget for the pods of that name."""
    selector = {"matchLabels": {"app": name}}
    body = {"minAvailable": least, "selector": selector, **spec}
    return made("policy/v1", "PodDisruptionBudget", name, spec=body)


def virtual_service(
    name: str = "checkout",
    *,
    weights: Mapping[str, int] | None = None,
    hosts: Sequence[str] | None = None,
    version: str = "v1",
    **spec: Json,
) -> Json:
    """Return an Istio VirtualService that splits one host's traffic over its subsets."""
    route = [
        {"destination": {"host": name, "subset": subset}, "weight": weight}
        for subset, weight in (weights or {"stable": 90, "canary": 10}).items()
    ]
    body = {"hosts": list(hosts or (name,)), "http": [{"name": "primary", "route": route}], **spec}
    return made(f"networking.istio.io/{version}", "VirtualService", name, spec=body)


def scaled_object(name: str = "checkout", *, least: int = 1, most: int = 10, **spec: Json) -> Json:
    """Return a KEDA ScaledObject on a schedule."""
    times = {"timezone": "UTC", "start": "0 8 * * *", "end": "0 20 * * *", "desiredReplicas": "4"}
    body = {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": least,
        "maxReplicaCount": most,
        "triggers": [{"type": "cron", "metadata": times}],
    }
    return made("keda.sh/v1alpha1", "ScaledObject", name, spec={**body, **spec})
