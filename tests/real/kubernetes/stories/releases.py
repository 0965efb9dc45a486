"""Releases of Helm charts."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm, write_chart
from tests.real.kubernetes.stories.story import Story

# Every release holds one of each kind under a name of its own, so that a rollback creates and
# deletes them, and a Service that it changes.
PASSING = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Values.passing }}}
spec:
  replicas: 1
  selector: {matchLabels: {app: {{ .Values.passing }}}}
  template:
    metadata: {labels: {app: {{ .Values.passing }}}}
    spec: {containers: [{name: main, image: "shop/passing:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Values.passing }}}
spec: {selector: {app: {{ .Values.passing }}}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Values.passing }}}
---
apiVersion: v1
kind: Service
metadata: {name: lasting}
spec: {selector: {app: {{ .Values.passing }}}, ports: [{port: 80}]}
"""


async def _released_twice(cluster: Cluster, folder: Path) -> None:
    helm, chart = Helm(assets.program("helm"), cluster), write_chart(folder / "shop")
    (chart / "templates" / "passing.yaml").write_text(PASSING, encoding="utf-8")
    helm.release("checkout", chart, "--wait", passing="old")
    changed = {"image": "shop/checkout:1.1.0", "settings": {"currency": "USD"}}
    helm.release("checkout", chart, "--wait", passing="new", **changed)


STORIES = (
    Story(uses="helm.history", inputs={"release": "checkout"}, before=_released_twice),
    Story(
        uses="helm.rollback",
        inputs={"release": "checkout", "revision": 1, "timeout": "30s"},
        before=_released_twice,
        # Asked when Helm gave up: why are the pods not ready?
        seldom=('{apiGroups: [""], resources: ["pods"], verbs: ["list"]}',),
    ),
)
