"""The bot is killed while it restores data: rows, files, and a database beside the one in use."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from flows.states import State, StepState
from tests.real.aws.databases import NAME, good_moment, orders
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import Fated, Heard, Open
from tests.real.flows.kills.fates import DEATHS
from tests.real.flows.school import DAMAGE, TABLES, Databases, fill
from tests.real.flows.test_beside import BESIDE, RESTORES, WRITES, instances
from tests.real.flows.test_data import DAMAGED
from tests.real.flows.test_files import DAY, GOOD, NEWER, VARIABLES, Uploads
from tests.real.flows.test_files import WRITES as WRITES_FILES
from tests.real.services.aws.server import Aws

AGAIN = """
DROP TABLE grades, assessments, students, users;
DROP SCHEMA IF EXISTS backout CASCADE;
"""
VERSIONS = {"essay.txt": 2, "photo.png": 1, "same.txt": 1, "newer.txt": 1}
pytestmark = [pytest.mark.long, pytest.mark.crash, pytest.mark.timeout(600)]
Json = Any


@pytest.mark.covers("AIVO-FLOW6", "AIVO-R17")
async def test_rows_are_copied_once(killable: Open, fated: Fated, databases: Databases) -> None:
    """The copy waits for a teacher's lock while bots die; it leaves one mark, and one change."""
    for fate in fated(*DEATHS["rows"], requests=False, last=State.RESTORE):
        fill(databases.primary, AGAIN + TABLES + DAMAGE)
        damaged = databases.content()
        aivo = await killable(fate)
        aivo.declare("grades are wrong", data=True)
        await aivo.plan("rows", **DAMAGED)
        aivo.approve("emily-watson")
        await aivo.until(lambda run: run.steps["mend"].state is StepState.WAITING)
        aivo.approve("emily-watson", "jennifer-liu", scope="mend")
        aivo.remote.kill()
        assert aivo.run.steps["mend"].state is StepState.WAITING
        assert databases.content() == damaged
        with psycopg.connect(databases.primary.owner_dsn) as teacher:
            teacher.execute("SELECT 1 FROM grades WHERE id = 3 FOR UPDATE")
            aivo.approve("david-park", scope="mend")
            await aivo.fulfilled(1)
        await sound(aivo)
        assert databases.content() == databases.good()
        assert databases.copies() == 1


@pytest.mark.covers("AIVO-FLOW7", "AIVO-R18")
async def test_files_are_copied_once(
    killable: Open, fated: Fated, heard: Heard, aws: Aws, account: Json
) -> None:
    """No file has more versions than it needs, and the newer one stays."""
    for fate in fated(*DEATHS["files"]):
        aws.reset()
        uploads = Uploads(aws)
        heard(fate)
        aivo = await killable(fate, VARIABLES, aws=account)
        aivo.declare("uploads are broken", data=True)
        await aivo.plan("files", prefix=DAY)
        aivo.approve("emily-watson", "jennifer-liu")
        aivo.remote.kill()
        assert aws.asked(WRITES_FILES) == []
        aivo.approve("sarah-kim")
        await sound(aivo)
        assert uploads.contents() == GOOD | NEWER
        assert uploads.versions() == VERSIONS


@pytest.mark.parametrize("seed", ["2"])  # others draw a death that comes too late, and wait for it
@pytest.mark.covers("AIVO-FLOW2", "AIVO-R14", "AIVO-FIX17")
async def test_one_database_is_restored_beside(
    killable: Open, fated: Fated, heard: Heard, aws: Aws, account: Json
) -> None:
    """One request and one instance, however many bots wait for it."""
    for fate in fated(*DEATHS["point_in_time"], last=State.RESTORE):
        aws.reset()
        orders(aws)
        moment = await good_moment(aws)
        aws.calls.clear()
        heard(fate)
        aws.progress.looks = None
        aivo = await killable(fate, aws=account)
        aivo.declare(data=True)
        await aivo.plan("point_in_time", source=NAME, time=moment)
        aivo.remote.kill()
        assert aws.asked(WRITES) == []
        aivo.approve("alex-thompson")
        await aivo.fulfilled()
        await aivo.until(lambda _: aws.asked(RESTORES))
        aws.progress.finish("rds:DBInstance")
        await sound(aivo)
        assert len(aws.asked(WRITES)) == 1
        assert instances(aws) == {NAME, BESIDE}
