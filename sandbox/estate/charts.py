"""The platform's Helm chart as rendered: one Deployment for each service of the catalogue.

`releases` stores the rendered manifest with each revision and applies it when it ships one.
"""

from __future__ import annotations

from sandbox.estate.catalogue import NAMESPACE, REGISTRY, RELEASE, SERVICES, Service
from sandbox.estate.values import Object
from sandbox.helm import yaml_subset


def metadata(chart: str, version: str) -> Object:
    """Return the chart's `Chart.yaml` as a release carries it."""
    return {
        "name": RELEASE,
        "version": chart,
        "description": "AIVO Virtual Brain: all services of the platform",
        "apiVersion": "v2",
        "appVersion": version,
        "type": "application",
    }


def deployments(chart: str, version: str) -> list[Object]:
    """Return the objects that the chart renders for an application version."""
    return [_deployment(service, chart, version) for service in SERVICES]


def manifest(chart: str, version: str) -> str:
    """Return the rendered objects as the text that `helm get manifest` shows."""
    return "".join(
        f"---\n# Source: {RELEASE}/templates/{item['metadata']['name']}.yaml\n"
        f"{yaml_subset.dump(item)}"
        for item in deployments(chart, version)
    )


def _deployment(service: Service, chart: str, version: str) -> Object:
    selector = {
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/name": service.name,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": service.name,
            "namespace": NAMESPACE,
            "labels": selector
            | {
                "app.kubernetes.io/managed-by": "Helm",
                "app.kubernetes.io/version": version,
                "helm.sh/chart": f"{RELEASE}-{chart}",
            },
        },
        "spec": {
            "replicas": service.replicas,
            "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "template": {
                "metadata": {"labels": selector | {"app": service.name}},
                "spec": {"containers": [_container(service, version)]},
            },
        },
    }


def _container(service: Service, version: str) -> Object:
    return {
        "name": service.name,
        "image": f"{REGISTRY}/{service.name}:{version}",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "APP_VERSION", "value": version},
            {"name": "LOG_LEVEL", "value": "info"},
        ],
        "envFrom": [{"configMapRef": {"name": name}} for name in _configs(service)],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5},
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "512Mi"},
        },
    }


def _configs(service: Service) -> tuple[str, ...]:
    return ("app-config", "database-config") if service.database else ("app-config",)
