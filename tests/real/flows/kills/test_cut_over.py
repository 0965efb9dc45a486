"""The bot is killed while it shuts a database, restores it, and leads everything to the new one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg
import pytest

from flows.runs import Run
from flows.states import StepState
from tests.real.aws.databases import good_moment
from tests.real.bench.gateway import Gateway
from tests.real.flows.campus import GRADES, MIGRATOR, NAME, Campus
from tests.real.flows.conftest import FIGURES
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import LATENCY, SLOW, Fated, Heard, Open, hear
from tests.real.flows.kills.fates import DEATHS
from tests.real.flows.programs import READ_ONLY, SERVICES, URL
from tests.real.flows.test_cut_over import BESIDE, GOOD, RESTORES, STOPPED, estate, is_as_before
from tests.real.services.monitoring import Monitoring

__all__ = ["estate"]
pytestmark = [pytest.mark.long, pytest.mark.crash, pytest.mark.timeout(900)]
WRITES = "rds:(Create|Delete|Modify|Restore).*"
AROUND = (
    "database_shut",
    "writers",
    "app_shut",
    "instance",
    "cut_over",
    "end_old",
    "old_shut",
    "app_open",
    "start",
)
SPARED = 3  # while a step beside them had been interrupted as often as it may be
Json = Any


def written_since_shut(estate: Campus, run: Run) -> int:
    """Count what was written to the old database after the applications could only read."""
    old, _ = estate.sides.ports
    shut = run.steps["database_shut"].ended_at
    assert shut is not None
    return int(estate.sides.ask(old, "SELECT count(*) FROM visits WHERE at > %s", shut))


def is_cut_over(estate: Campus) -> bool:
    """Say whether programs work on the new database as they did, and the old one is shut."""
    both, (old, new) = estate.sides, estate.sides.ports
    assert both.only_reads(old)
    assert both.only_reads(old, MIGRATOR)
    assert not both.only_reads(new)
    assert not both.only_reads(new, MIGRATOR)
    assert both.sessions(old) == 0
    return (
        estate.setting(URL) == both.url(new)
        and estate.setting(READ_ONLY) == "no"
        and estate.replicas() == SERVICES
        and estate.programs.addresses() == {both.url(new)}
    )


@pytest.mark.covers("AIVO-FLOW2", "AIVO-FIX16", "AIVO-FIX17", "AIVO-FIX19")
async def test_all_is_led_to_one_restored_database(  # noqa: PLR0917 each is a component
    killable: Open,
    fated: Fated,
    heard: Heard,
    estate: Campus,
    gateway: Gateway,
    monitoring: Monitoring,
    steady: None,
    account: Json,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shut once, restored once, cut over once all agree; nothing more reaches the old one."""
    monitoring.target.set(LATENCY, SLOW)
    monitoring.target.set("aivo:availability", 0.999)
    await monitoring.settled("aivo:availability", lambda value: value > 0.99)
    monkeypatch.setenv("KUBECONFIG", str(gateway.kubeconfig))
    both, (old, new), aws = estate.sides, estate.sides.ports, estate.aws
    moment = await good_moment(aws, NAME)
    aws.progress.looks = None
    aws.calls.clear()
    (fate,) = fated(*DEATHS["data"], around=AROUND)
    heard(fate)
    hear(gateway, fate)
    estate.page.calls_allowed = 10_000  # those of a dozen bots
    connections = estate.connections()
    connections["kubernetes"]["server"] = gateway.server
    aivo = await killable(fate, estate.variables(), aws=account, **connections)
    aivo.declare("all grades are zero", data=True)
    await aivo.plan("data", time=moment)
    aivo.remote.kill()
    assert is_as_before(estate)
    assert aws.asked(WRITES) == []
    aivo.approve("emily-watson")
    run = await aivo.until(lambda run: aws.asked(RESTORES) or run.held)
    assert run.held is None, run.held
    aivo.remote.kill()  # it waits, as it would for most of an hour
    aws.progress.finish("rds:DBInstance")
    await aivo.asked("cut_over")
    assert estate.replicas() == STOPPED
    aivo.approve("jennifer-liu", scope="cut_over")
    aivo.remote.kill()
    assert aivo.run.steps["cut_over"].state is StepState.WAITING
    assert estate.setting(URL) == both.url(old)
    with psycopg.connect(both.url(old), autocommit=True, connect_timeout=30) as overlooked:
        aivo.approve("david-park", scope="cut_over")
        await aivo.fulfilled()
        monitoring.target.set(LATENCY, FIGURES[LATENCY])
        await sound(aivo, unsure=("executives", "executives_end"))
        with pytest.raises(psycopg.errors.AdminShutdown):
            overlooked.execute("SELECT 1")
    assert len(fate.around) <= SPARED, f"not killed around {fate.around}"
    assert is_cut_over(estate)
    assert both.ask(new, GRADES) == GOOD
    assert written_since_shut(estate, aivo.run) == 0
    assert aws.asked(WRITES) == [RESTORES]
    assert estate.instances() == {NAME, BESIDE}
    mails = Counter(str(each["Subject"]) for each in estate.office.messages())
    assert all(count == 1 for count in mails.values()), mails
    (incident,) = estate.page.incidents
    assert incident["status"] == "resolved"
