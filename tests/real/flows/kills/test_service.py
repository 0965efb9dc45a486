"""The bot is killed while Helm returns to the previous release.

The cluster, Helm, Prometheus and the status page are the sandbox's, as in tests/real/flows.
"""

from __future__ import annotations

import pytest

from flows.states import State
from sandbox.estate import Estate, releases
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import Fated, Open
from tests.real.flows.kills.fates import DEATHS
from tests.real.flows.services import Until, estate, reached, shipped_bad, until
from tests.real.processes import free_port

__all__ = ["estate", "until"]
pytestmark = [pytest.mark.long, pytest.mark.crash, pytest.mark.timeout(600)]


def rollbacks(estate: Estate) -> int:
    """Count the rollbacks that Helm has written down."""
    found = releases.history(estate.cluster)
    return sum(each["info"]["description"].startswith("Rollback to") for each in found)


@pytest.mark.covers("AIVO-FLOW3", "AIVO-R5")
async def test_helm_rolls_back_once(
    killable: Open, fated: Fated, estate: Estate, until: Until
) -> None:
    """One new revision, and one incident on the status page that is resolved."""
    await shipped_bad(estate, until)
    estate.statuspage.calls_allowed = 10_000  # those of a dozen bots
    (fate,) = fated(*DEATHS["service"], requests=False)
    variables = {"health_url": estate.health_url}
    aivo = await killable(fate, variables, **reached(estate, free_port()))
    aivo.declare()
    await aivo.until(lambda run: run.state is State.APPROVE)
    aivo.remote.kill()
    assert rollbacks(estate) == 0
    assert estate.statuspage.incidents == []
    aivo.approve("emily-watson", "jennifer-liu")
    await sound(aivo)
    assert rollbacks(estate) == 1
    assert estate.website.version() == "2.14.2"
    (incident,) = estate.statuspage.incidents
    assert incident["status"] == "resolved"
    assert len(incident["incident_updates"]) == 2
