"""Helm against a test's namespace, and a chart to install.

Made by the fixtures of tests/real/conftest.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.real.bench.clusters import Cluster, run

Json = Any

CHART = """\
apiVersion: v2
name: shop
description: What the bench installs
version: 0.1.0
appVersion: "1.0.0"
"""
VALUES = """\
image: shop/checkout:1.0.0
replicas: 2
settings:
  currency: EUR
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: {{ .Release.Name }}
          image: {{ .Values.image }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{name: http, port: 80, targetPort: 8080}]
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  {{- range $name, $value := .Values.settings }}
  {{ $name }}: {{ $value | quote }}
  {{- end }}
"""


def write_chart(folder: Path) -> Path:
    """Write the chart `shop`: a Deployment, a Service and a ConfigMap; return its folder."""
    files = {
        "Chart.yaml": CHART,
        "values.yaml": VALUES,
        "templates/workload.yaml": WORKLOAD,
        "templates/settings.yaml": SETTINGS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


class Helm:
    """One version of Helm in one namespace.  Its caches are in the session's folder."""

    def __init__(self, path: Path, cluster: Cluster, *, kubeconfig: Path | None = None) -> None:
        self.path = path
        self._cluster = cluster
        self._kubeconfig = kubeconfig or cluster.kubeconfig

    def __call__(self, *arguments: str | Path) -> str:
        """Run it and return what it printed; raise `CommandError`."""
        command = [self.path, *arguments, "--kubeconfig", self._kubeconfig]
        return run(
            [*command, "--namespace", self._cluster.namespace], folder=self._cluster.bench.folder
        )

    def release(self, name: str, chart: Path, *flags: str, **values: object) -> None:
        """Install or upgrade a release: `release("checkout", chart, image="shop/checkout:2")`."""
        sets = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        self("upgrade", "--install", name, chart, *sets, *flags)

    def history(self, name: str) -> list[Json]:
        """Return the revisions of a release, oldest first."""
        found: list[Json] = json.loads(self("history", name, "--output", "json"))
        return found
