"""The bot is killed while it isolates, secures and reopens."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.estate.statuspage import TOKEN
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.flows.besieged import INSTANCE, USER, Besieged, besieged
from tests.real.flows.conftest import FIGURES
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import LATENCY, SLOW, Fated, Heard, Open, hear
from tests.real.flows.kills.fates import DEATHS
from tests.real.flows.test_security import STOPPED, is_as_before
from tests.real.services.aws.server import Aws
from tests.real.services.monitoring import Monitoring

WRITES = "(elasticloadbalancing:Modify|rds:Create|iam:Update).*"
pytestmark = [pytest.mark.long, pytest.mark.crash, pytest.mark.timeout(900)]
Json = Any


@pytest.fixture
async def estate(
    cluster: Cluster,
    aws: Aws,
    steady: None,
    monitoring: Monitoring,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Besieged]:
    """Everything that AIVO's security rollback touches, well but for the incident."""
    monitoring.target.set(LATENCY, SLOW)
    monitoring.target.set("aivo:availability", 0.999)
    await monitoring.settled("aivo:availability", lambda value: value > 0.99)
    monkeypatch.setenv("AIVO_STATUSPAGE_TOKEN", TOKEN)
    async with besieged(cluster, aws) as found:
        found.page.calls_allowed = 10_000  # those of a dozen bots
        yield found


@pytest.mark.covers("AIVO-FLOW1")
async def test_nothing_is_isolated_stopped_or_told_twice(  # noqa: PLR0917 each is a component
    killable: Open,
    fated: Fated,
    heard: Heard,
    estate: Besieged,
    gateway: Gateway,
    monitoring: Monitoring,
    account: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every gate waits for its own people through all deaths, and all is as before at the end."""
    monkeypatch.setenv("KUBECONFIG", str(gateway.kubeconfig))
    (fate,) = fated(*DEATHS["security"])
    heard(fate)
    hear(gateway, fate)
    connections = estate.connections()
    connections["kubernetes"]["server"] = gateway.server
    estate.aws.calls.clear()
    aivo = await killable(fate, estate.variables(), aws=account, **connections)
    aivo.declare("tokens of teachers are sold", security=True)
    await aivo.plan("security", user=USER, key=estate.key[-4:])
    aivo.remote.kill()
    assert estate.aws.asked(WRITES) == []
    assert is_as_before(estate)
    aivo.approve("emily-watson")
    await aivo.asked("status_open")
    aivo.approve("emily-watson", scope="status_open")
    aivo.remote.kill()
    assert estate.page.incidents == []
    aivo.approve("alex-thompson", scope="status_open")
    await aivo.asked("deactivate")
    assert estate.key_status() == "Active"
    aivo.approve("jennifer-liu", "david-park", scope="deactivate")
    await aivo.asked("inside")
    aivo.approve("jennifer-liu", scope="inside")
    aivo.remote.kill()
    assert estate.replicas() == STOPPED
    aivo.approve("sarah-kim", scope="inside")
    await aivo.fulfilled()
    monitoring.target.set(LATENCY, FIGURES[LATENCY])
    await sound(aivo, unsure=("executives", "executives_end"))
    assert is_as_before(estate)
    assert Counter(estate.aws.asked(WRITES)) == {
        "elasticloadbalancing:ModifyListener": 2,
        "rds:CreateDBSnapshot": 1,
        "iam:UpdateAccessKey": 1,
    }
    assert estate.snapshots() == [f"{INSTANCE}-inc-1-snapshot"]
    assert estate.key_status() == "Inactive"
    mails = Counter(estate.subjects())
    assert all(count == 1 for count in mails.values()), mails
    (incident,) = estate.page.incidents
    assert incident["status"] == "resolved"
    assert len(incident["incident_updates"]) == 2
