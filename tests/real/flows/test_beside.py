"""AIVO's database restored to a moment, beside the one in use, on moto's RDS."""

from __future__ import annotations

from typing import Any

import pytest

from flows import events
from flows.states import State, StepState
from tests.real.aws.databases import NAME, described, good_moment, orders
from tests.real.flows.campus import answer_on_loopback
from tests.real.flows.conftest import Open
from tests.real.flows.school import Databases
from tests.real.services.aws.server import Aws

RESTORES = "rds:RestoreDBInstanceToPointInTime"
WRITES = "rds:(Create|Delete|Modify|Restore).*"
BESIDE = f"{NAME}-inc-1"
Json = Any


@pytest.fixture
def apart(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Json:
    """The restored database, asked where moto says that the instance is."""
    answer_on_loopback(monkeypatch)
    return databases.apart(monkeypatch)


def instances(aws: Aws) -> set[str]:
    """Return the names of all instances."""
    found = aws.client("rds").describe_db_instances()["DBInstances"]
    return {each["DBInstanceIdentifier"] for each in found}


def settings(aws: Aws) -> Json:
    """Return what AWS tells of the database in use, but for the clock of its backups."""
    found = described(aws, NAME)
    return {name: value for name, value in found.items() if name != "LatestRestorableTime"}


@pytest.mark.covers("AIVO-R1", "AIVO-R13", "AIVO-R14", "AIVO-R15", "AIVO-FIX17", "AIVO-FIX18")
@pytest.mark.covers("AIVO-FIX29", "AIVO-FIX30", "AIVO-FIX31", "AIVO-FIX42")
async def test_a_database_is_restored_beside(
    stage: Open, aws: Aws, account: Json, databases: Databases, apart: Json
) -> None:
    """A new instance like the primary, with its loss told before; it is asked, and not used."""
    orders(aws, Port=databases.primary.server.port)
    moment = await good_moment(aws)
    before = settings(aws)
    aws.progress.looks = 0
    aws.calls.clear()
    aivo = await stage(aws=account, databases=apart)
    aivo.declare("student records are wrong", data=True)
    plan = await aivo.plan("point_in_time", source=NAME, time=moment, check=True)
    assert plan.class_id == "data"
    assert any("loses what was written after" in each for each in plan.step("instance").warnings)
    aivo.approve("michael-chen", "marcus-rodriguez")
    assert aivo.run.state is State.APPROVE, "neither the declarer nor the CEO"
    assert aws.asked(WRITES) == []
    aivo.approve("emily-watson")
    run = await aivo.until_ended()
    assert instances(aws) == {NAME, BESIDE}
    assert settings(aws) == before
    assert len(aws.asked(WRITES)) == 1
    done = run.steps["instance"].output
    assert done is not None
    assert done["instance"] == BESIDE
    assert {"users", "consistent", "restored_users"} <= set(aivo.done())
    told = [said for said in aivo.messages.said.values() if "Nothing was cut over" in said]
    assert done["host"] in told[0]


@pytest.mark.covers("AIVO-R13", "AIVO-FIX29")
async def test_a_moment_must_be_given_with_its_zone(stage: Open, aws: Aws, account: Json) -> None:
    """None at all, one without a zone, one outside of the window: each is refused with a reason."""
    orders(aws)
    moment = await good_moment(aws)
    aivo = await stage(aws=account)
    aivo.declare(data=True)
    assert "time=…" in await aivo.refused("point_in_time")
    without_zone = moment.partition("+")[0]
    told = await aivo.refused("point_in_time", source=NAME, time=without_zone)
    assert "time zone" in told
    told = await aivo.refused("point_in_time", source=NAME, time="2020-01-01T00:00:00Z")
    assert "nothing that goes back to" in told


async def test_databases_need_not_be_reachable(stage: Open, aws: Aws, account: Json) -> None:
    """Unless people ask for it nothing is looked up in either: the steps are not in the plan."""
    orders(aws)
    moment = await good_moment(aws)
    aivo = await stage(aws=account)
    aivo.declare(data=True)
    plan = await aivo.plan("point_in_time", source=NAME, time=moment)
    assert {"announce", "instance", "announce_end"} == {step.id for step in plan.steps}


@pytest.mark.covers("AIVO-R14")
async def test_what_was_restored_beside_stays_after_an_undo(
    stage: Open, aws: Aws, account: Json, databases: Databases, apart: Json
) -> None:
    """There is nothing to put back, since nothing in use was changed; people are told so."""
    orders(aws, Port=databases.primary.server.port)
    moment = await good_moment(aws)
    aws.progress.looks = 0
    databases.recovered.execute("DELETE FROM users WHERE id > 10")  # which a check won't pass
    aivo = await stage(aws=account, databases=apart)
    aivo.declare(data=True)
    await aivo.plan("point_in_time", source=NAME, time=moment, check=True)
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: run.steps["consistent"].state is StepState.DONE)
    aivo.feed(events.HoldAsked(reason="users are missing"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="users are missing"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert instances(aws) == {NAME, BESIDE}
    assert any("costs until a person deletes it" in s for s in aivo.messages.said.values())


@pytest.mark.crash
@pytest.mark.covers("AIVO-R14", "AIVO-FIX17")
async def test_a_restart_while_it_is_restored_begins_no_second_one(
    stage: Open, aws: Aws, account: Json
) -> None:
    """The bot ends in the long wait; the next one finds the instance by its tags."""
    orders(aws)
    moment = await good_moment(aws)
    aws.progress.looks = None
    aivo = await stage(aws=account)
    aivo.declare(data=True)
    await aivo.plan("point_in_time", source=NAME, time=moment)
    aivo.approve("alex-thompson")
    await aivo.until(lambda run: len(aws.asked(RESTORES)) == 1)
    await aivo.close()
    aws.progress.finish("rds:DBInstance")
    aivo.wake()
    await aivo.until_ended()
    assert len(aws.asked(RESTORES)) == 1
    assert instances(aws) == {NAME, BESIDE}
