"""Releases of Helm charts."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm, write_chart
from tests.real.kubernetes.stories.story import Story


async def _released_twice(cluster: Cluster, folder: Path) -> None:
    helm, chart = Helm(assets.program("helm"), cluster), write_chart(folder / "shop")
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", image="shop/checkout:1.1.0")


STORIES = (
    Story(uses="helm.history", inputs={"release": "checkout"}, before=_released_twice),
    Story(
        uses="helm.rollback",
        inputs={"release": "checkout", "revision": 1, "timeout": "30s"},
        before=_released_twice,
    ),
)
