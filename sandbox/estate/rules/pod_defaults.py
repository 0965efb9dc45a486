"""What the API server fills into a pod's spec, or into the template of one."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.estate.values import Object

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODE = 0o644
_TOKEN_SECONDS = 3600


def fill_template(template: Object) -> None:
    """Fill in a pod template."""
    template.setdefault("metadata", {})
    fill_spec(template["spec"])


def fill_pod(pod: Object) -> None:
    """Fill in a pod: what templates get, and what only pods do."""
    spec = pod["spec"]
    fill_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in containers(spec):
        limits = container["resources"].get("limits") or {}
        if limits:
            requests = container["resources"].get("requests") or {}
            container["resources"]["requests"] = limits | requests


def fill_spec(spec: Object) -> None:
    """Fill in a pod's spec."""
    if not spec.get("containers"):
        spec["containers"] = None
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in containers(spec):
        _fill_container(container, on_host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or []:
        _fill_volume(volume)


def containers(spec: Object) -> Iterator[Object]:
    """Yield the containers of a spec, those that run first at first."""
    yield from spec.get("initContainers") or []
    yield from spec.get("containers") or []


def _fill_container(container: Object, *, on_host: bool) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if container.get("image"):
        container.setdefault("imagePullPolicy", _pull_policy(container["image"]))
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")
        if on_host:
            port.setdefault("hostPort", port["containerPort"])
    for variable in container.get("env") or []:
        source = (variable.get("valueFrom") or {}).get("fieldRef")
        if source is not None:
            source.setdefault("apiVersion", "v1")
    for name in _PROBES:
        if name in container:
            _fill_probe(container[name])
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _fill_http(handler)


def _pull_policy(image: str) -> str:
    name, at, _ = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if not at and tag in ("", "latest") else "IfNotPresent"


def _fill_probe(probe: Object) -> None:
    for name, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(name, value)
    _fill_http(probe)
    if "grpc" in probe and probe["grpc"].get("service") is None:
        probe["grpc"]["service"] = ""


def _fill_http(handler: Object) -> None:
    if "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")


def _fill_volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if name in volume:
            volume[name].setdefault("defaultMode", _MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for source in (volume.get("projected") or {}).get("sources") or []:
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
        _fill_fields(source.get("downwardAPI") or {})
    _fill_fields(volume.get("downwardAPI") or {})


def _fill_fields(projection: Object) -> None:
    for item in projection.get("items") or []:
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")
