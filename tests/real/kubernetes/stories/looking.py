"""What is only looked at."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.colours import KEY, coloured, pointing
from tests.real.kubernetes.stories.story import Story, shop


async def _green(cluster: Cluster, _: Path) -> None:
    cluster.apply(pointing("checkout", "green"), coloured("checkout", "green"))
    await cluster.settled("checkout-green")


STORIES = (
    Story(uses="kubernetes.list_unready", inputs={}, before=shop),
    Story(
        uses="kubernetes.get_selector",
        inputs={"services": ["checkout"], "key": KEY, "values": ["blue", "green"]},
        before=_green,
    ),
)
