"""Traffic that is sent elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.colours import KEY, coloured, pointing, serving, until
from tests.real.kubernetes.stories.story import Story


async def _colours(cluster: Cluster, _: Path) -> None:
    ingress = cluster.ingress(backend="checkout-green")
    services = [cluster.service(f"checkout-{c}", selector={KEY: c}) for c in ("blue", "green")]
    deployments = [coloured("checkout", colour) for colour in ("blue", "green")]
    cluster.apply(*deployments, *services, pointing("checkout", "green"), ingress)
    await cluster.settled("checkout-blue", "checkout-green")
    names = ("checkout", "checkout-blue", "checkout-green")
    await until(lambda: [serving(cluster, name) for name in names] == [2, 2, 2])


async def _split(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.virtual_service())


STORIES = (
    Story(
        uses="kubernetes.switch_selector",
        inputs={"services": ["checkout"], "key": KEY, "value": "blue"},
        before=_colours,
    ),
    Story(
        uses="kubernetes.patch_ingress_backend",
        inputs={"ingress": "shop", "all": True, "current": "checkout-green", "to": "checkout-blue"},
        before=_colours,
    ),
    Story(
        uses="istio.set_route_weights",
        inputs={
            "virtual_service": "checkout",
            "weights": {"checkout/stable": 100, "checkout/canary": 0},
        },
        before=_split,
    ),
)
