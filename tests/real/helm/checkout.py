"""The release that the tests of this folder roll back, and how it is looked at."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm

NEW = "shop/checkout:1.1.0"
OLD = "shop/checkout:1.0.0"
LATER = """\
{{- if .Values.later }}
apiVersion: v1
kind: ConfigMap
metadata: {name: later}
{{- end }}
"""


def add_later(chart: Path) -> None:
    """Let a release with `later` hold one more object."""
    (chart / "templates" / "later.yaml").write_text(LATER, encoding="utf-8")


def image(cluster: Cluster) -> str:
    """Return the image that checkout is to run."""
    found = cluster.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"]
    return str(found[0]["image"])


def statuses(helm: Helm) -> list[str]:
    """Return the status of each revision, oldest first."""
    return [each["status"] for each in helm.history("checkout")]


def newest(helm: Helm) -> tuple[int, str]:
    """Return the newest revision and its status."""
    found = helm.history("checkout")[-1]
    return found["revision"], found["status"]
