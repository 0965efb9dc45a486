"""AIVO's data rollback: programs that write, two real PostgreSQL, moto's RDS, a control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from bot.views import approving
from flows import events
from flows.gates import Verb
from flows.plans import Plan, Scalar
from flows.runs import Run
from flows.states import State, StepState
from sandbox.estate.statuspage import TOKEN
from tests.real.aws.databases import good_moment
from tests.real.bench.clusters import Cluster
from tests.real.flows.campus import (
    GRADES,
    MIGRATOR,
    NAME,
    Campus,
    answer_on_loopback,
    campus,
    environment,
    sides,
)
from tests.real.flows.conftest import Open
from tests.real.flows.programs import READ_ONLY, SERVICES, URL
from tests.real.flows.stage import Stage
from tests.real.services.aws.server import Aws
from tests.real.services.monitoring import Monitoring
from tests.real.services.postgres import PostgresServer

BESIDE = f"{NAME}-inc-1"
STOPPED = {**dict.fromkeys(SERVICES, 0), "student-dashboard": 1}
GOOD = "55.00"
RESTORES = "rds:RestoreDBInstanceToPointInTime"
Json = Any


@pytest.fixture
async def estate(
    cluster: Cluster, aws: Aws, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Campus]:
    """Everything that AIVO's data rollback touches."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    monkeypatch.setenv("AIVO_STATUSPAGE_TOKEN", TOKEN)
    monkeypatch.setenv("AIVO_TEST_STUDENT_PASSWORD", "of-the-test-student")
    answer_on_loopback(monkeypatch)
    with sides(postgres_server) as both:
        for name, value in environment(both).items():
            monkeypatch.setenv(name, value)
        async with campus(cluster, aws, both) as found:
            yield found


@pytest.fixture
async def aivo(estate: Campus, stage: Open, account: Json, monitoring: Monitoring) -> Stage:
    """AIVO there, with a data incident declared by Marcus."""
    monitoring.target.set("aivo:availability", 0.999)
    await monitoring.settled("aivo:availability", lambda value: value > 0.99)
    found = await stage(aws=account, variables=estate.variables(), **estate.connections())
    found.declare("all grades are zero", data=True)
    return found


async def planned(aivo: Stage, estate: Campus, **inputs: Scalar) -> Plan:
    """Ask for the plan, with a moment that can be restored."""
    moment = await good_moment(estate.aws, NAME)
    estate.aws.progress.looks = 0
    estate.aws.calls.clear()
    advised = await aivo.until(lambda run: bool(run.blocked))
    assert "!incident plan data time=…" in advised.advice
    return await aivo.plan("data", time=moment, **inputs)


async def asked(aivo: Stage) -> Run:
    """Wait until people are asked whether to cut over."""
    return await aivo.until(
        lambda run: run.steps["cut_over"].state is StepState.WAITING or run.state is State.HOLD
    )


def is_as_before(estate: Campus) -> bool:
    """Say whether programs work on the database of before as they did, and nothing is shut."""
    old, _ = estate.sides.ports
    assert estate.replicas() == SERVICES
    assert estate.setting(READ_ONLY) == "no"
    assert estate.setting(URL) == estate.sides.url(old)
    return not (estate.sides.only_reads(old) or estate.sides.only_reads(old, MIGRATOR))


@pytest.mark.covers("AIVO-FLOW2", "AIVO-I8", "AIVO-I9", "AIVO-I10", "AIVO-R3", "AIVO-R14")
@pytest.mark.covers("AIVO-FIX12", "AIVO-FIX13", "AIVO-FIX16", "AIVO-FIX19", "AIVO-FIX30")
@pytest.mark.covers("AIVO-FIX42", "AIVO-Q1", "AIVO-Q6", "AIVO-V2", "AIVO-V3", "AIVO-V8")
async def test_from_the_declaration_to_the_restored_data(aivo: Stage, estate: Campus) -> None:
    """Writers stop, two people agree to the loss, all is led to the new one, every mode is left."""
    both, (old, new) = estate.sides, estate.sides.ports
    assert is_as_before(estate)
    plan = await planned(aivo, estate)
    aivo.approve("emily-watson")
    run = await asked(aivo)
    assert run.held is None
    assert estate.replicas() == STOPPED
    assert estate.setting(READ_ONLY) == "true"
    assert both.only_reads(old)
    assert not both.only_reads(old, MIGRATOR)
    written = both.visits(old)
    lost = plan.step("cut_over").losses
    assert lost.startswith(f"what was written after {(plan.inputs or {})['time']}")
    assert lost[:60] in str(approving.step_gate_blocks(run, aivo.engine.now()))
    assert {"restored_sound", "restored_grades"} <= set(aivo.done())

    aivo.approve("jennifer-liu", "michael-chen", "emily-watson", scope="cut_over")
    assert aivo.run.steps["cut_over"].state is StepState.WAITING, "the VP or the CTO as well"
    assert estate.setting(URL) == both.url(old)
    aivo.approve("david-park", scope="cut_over")
    run = await aivo.until_ended()
    assert run.outcome == "restored"
    assert estate.setting(URL) == both.url(new)
    assert estate.programs.addresses() == {both.url(new)}
    assert both.ask(new, GRADES) == GOOD
    assert estate.replicas() == SERVICES
    assert estate.setting(READ_ONLY) == "no"
    assert both.only_reads(old)
    assert both.only_reads(old, MIGRATOR)
    assert both.visits(old) == written, "nobody has written to the old one since"
    assert both.visits(new) > 0
    assert both.sessions(old) == 0
    order = ["quiet", "instance", "cut_over", "end_old", "app_open", "start"]
    assert [step for step in aivo.done() if step in order] == order
    assert run.steps["submission"].state is StepState.DONE

    subjects = [str(each["Subject"]) for each in estate.office.messages()]
    assert subjects == [
        "INC-1: production data are being restored",
        "INC-1: how the restore of production data ended",
    ]
    (incident,) = estate.page.incidents
    assert incident["status"] == "resolved"
    said = " ".join(aivo.messages.said.values())
    assert f"at 127.0.0.1:{new}" in said
    assert both.password not in said + str(aivo.engine.run("INC-1"))


@pytest.mark.covers("AIVO-I10", "AIVO-FIX13", "AIVO-FIX16", "AIVO-FIX43", "AIVO-Q1")
async def test_a_loss_that_is_refused_leaves_all_as_it_was(aivo: Stage, estate: Campus) -> None:
    """What is left open is ended if people say so; denied, it holds, and undo leaves every mode."""
    await planned(aivo, estate, terminate=True)
    both, (old, _) = estate.sides, estate.sides.ports
    with psycopg.connect(both.url(old, MIGRATOR), connect_timeout=30) as migrator:
        migrator.execute("INSERT INTO visits (who) VALUES ('a migration')")
        aivo.approve("jennifer-liu")
        await aivo.until(lambda run: run.steps["end_left"].state is StepState.WAITING)
        assert both.only_reads(old), "nothing waits for it but the restore"
        aivo.approve("alex-thompson", scope="end_left")
        run = await asked(aivo)
        with pytest.raises(psycopg.errors.AdminShutdown):
            migrator.execute("SELECT 1")
    gate = run.gate_of("cut_over")
    assert gate is not None
    no = events.Decided(
        scope="cut_over",
        person=aivo.person("sarah-kim"),
        verb=Verb.DENY,
        digest=gate.digest,
        reason="too much would be lost",
    )
    aivo.feed(no, "sarah-kim")
    run = await aivo.until(lambda run: run.state is State.HOLD)
    assert run.held is not None
    assert "too much would be lost" in run.held.why
    aivo.feed(events.UndoAsked(reason="rows are copied instead"))
    run = await aivo.until(lambda run: run.ended or run.state is State.HOLD)
    assert run.outcome == "undone", run.held
    assert is_as_before(estate)
    assert estate.instances() == {NAME, BESIDE}
    await written_again(aivo, estate)
    assert any("was taken back" in said for said in aivo.messages.said.values())


async def written_again(aivo: Stage, estate: Campus) -> None:
    """Wait until programs write to the old database again."""
    old, _ = estate.sides.ports
    seen = estate.sides.visits(old)
    await aivo.until(lambda _: estate.sides.visits(old) > seen)


@pytest.mark.crash
@pytest.mark.covers("AIVO-FLOW2", "AIVO-FIX16", "AIVO-FIX17", "AIVO-FIX19")
async def test_restarts_and_an_undo_after_the_cut_over(aivo: Stage, estate: Campus) -> None:
    """The bot ends after the restore and amid the restarts; undone, all is on the old one again."""
    both, (old, new) = estate.sides, estate.sides.ports
    assert "end_left" not in {step.id for step in (await planned(aivo, estate)).steps}
    aivo.approve("emily-watson")
    await asked(aivo)
    aivo.approve("jennifer-liu", scope="cut_over")
    await aivo.close()
    aivo.wake()
    assert estate.setting(URL) == both.url(old)
    aivo.approve("sarah-kim", scope="cut_over")
    await aivo.until(lambda _: estate.setting(URL) == both.url(new))
    await aivo.close()
    aivo.wake()
    run = await aivo.until(lambda run: run.state in (State.VALIDATE, State.HOLD))
    assert run.held is None
    assert estate.aws.asked(RESTORES) == [RESTORES]
    assert both.visits(new) > 0
    aivo.feed(events.HoldAsked(reason="the wrong moment"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="the wrong moment"))
    run = await aivo.until(lambda run: run.ended or run.state is State.HOLD)
    assert run.outcome == "undone", run.held
    assert is_as_before(estate)
    await written_again(aivo, estate)
    assert both.sessions(new) == 0
    assert estate.programs.addresses() == {both.url(old)}
