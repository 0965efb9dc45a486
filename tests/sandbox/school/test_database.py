"""The estate's database is a real one: it restores, refuses and counts by itself."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from adapters.postgres import statements
from sandbox.school import seeds
from sandbox.school.services import CLIENTS
from tests.sandbox.school.conftest import School, query, until

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

GRADE = "SELECT grade::float FROM grades WHERE id = 1"
IDENTITY = "SELECT system_identifier FROM pg_control_system()"
APPS = [seeds.APPLICATION, seeds.MIGRATOR]


async def test_it_starts_with_good_rows(school: School) -> None:
    """What SQL fills in is what the sandbox compares with, and the services write to it."""
    await until(lambda: school.writes["done"] >= 3)
    seen = school.instance()
    assert seen["rows"] == {"users": 120, "students": 100, "assessments": 20, "grades": 400}
    assert seen["wrong"] == {"grades": 0, "assessments": 0}
    assert (seen["in_use"], seen["read_only"]) == (True, False)
    assert school.database.disturbance().errors == {}


async def test_a_restore_goes_back_to_between_two_writes(school: School) -> None:
    """A restored instance has the first of two writes, not the second, and takes writes itself."""
    query(school.dsn, "UPDATE grades SET grade = 1 WHERE id = 1")
    moment = school.estate.wall.now()
    query(school.dsn, "UPDATE grades SET grade = 2 WHERE id = 1")
    restored = await school.restored("before", moment)
    assert query(restored, GRADE) == [(1.0,)]
    assert query(school.dsn, GRADE) == [(2.0,)]
    assert query(restored, IDENTITY) == query(school.dsn, IDENTITY)
    query(restored, "UPDATE grades SET grade = 3 WHERE id = 1")
    assert query(school.dsn, GRADE) == [(2.0,)]
    await until(lambda: school.instance("before")["rows"])
    assert school.state["restored_to"] is not None


async def test_the_latest_moment_and_one_to_come_have_everything(school: School) -> None:
    """A moment after the last commit is no reason to fail: all that there is is restored."""
    query(school.dsn, "UPDATE grades SET grade = 2 WHERE id = 1")
    assert query(await school.restored("latest", None), GRADE) == [(2.0,)]
    assert query(await school.restored("later", school.estate.wall.now() + 36_000), GRADE) == [
        (2.0,)
    ]


async def test_what_can_not_be_restored_is_refused(school: School) -> None:
    """A name that is taken and a moment before the first backup are refused at once."""
    with pytest.raises(ValueError, match="already"):
        school.database.restore("aivo-prod-primary", None)
    with pytest.raises(ValueError, match="no backup"):
        school.database.restore("old", school.estate.wall.now() - 86_400)
    assert school.database.endpoint("old") is None


async def test_a_restored_instance_is_forgotten_whole(school: School) -> None:
    """Asked from another thread, it stops, and nothing of it is left to be seen."""
    await asyncio.to_thread(school.database.restore, "gone", None)
    assert school.database.endpoint("gone") is None
    await until(lambda: school.database.endpoint("gone"))
    restored = await asyncio.to_thread(school.database.endpoint, "gone")
    assert restored is not None
    await asyncio.to_thread(school.database.forget, "gone")
    assert school.database.endpoint("gone") is None

    def refuses() -> bool:
        try:
            query(psycopg.conninfo.make_conninfo(school.dsn, port=restored[1]), "SELECT 1")
        except psycopg.OperationalError:
            return True
        return False

    await until(refuses)
    assert [each["id"] for each in school.state["instances"]] == ["aivo-prod-primary"]


@pytest.mark.covers("AIVO-FIX12", "AIVO-FIX19")
async def test_services_follow_their_address_only_after_a_restart(school: School) -> None:
    """Another address in the ConfigMap has no effect on pods that run; new ones go there."""
    await school.restored("other", None)
    _, port = school.database.endpoint("other") or ("", 0)
    school.configure("database-config", "DATABASE_URL", f"postgresql://127.0.0.1:{port}/aivo")
    done = school.writes["done"]
    await until(lambda: school.writes["done"] > done + 3)
    assert school.instance()["in_use"] is True
    await school.restart(*(each.name for each in CLIENTS))
    await until(lambda: school.instance("other")["sessions"] == 5)
    await until(lambda: school.instance()["sessions"] == 0)
    assert school.instance("other")["in_use"] is True


async def test_an_address_that_leads_nowhere_is_felt(school: School) -> None:
    """Services whose database is not there fail, and their connections count as refused."""
    school.configure("database-config", "DATABASE_URL", "postgresql://127.0.0.1:1/aivo")
    await school.restart("payment-service")
    await until(lambda: school.database.disturbance().errors == {"payment-service": 0.4})
    assert school.database.disturbance().refused == pytest.approx(1 / 5)


async def test_read_only_mode_is_polite(school: School) -> None:
    """Services that were told to save nothing don't try, after a restart."""
    school.configure("app-config", "READ_ONLY_MODE", "true")
    await school.restart("user-service")
    await until(lambda: school.database.disturbance().errors == {"user-service": 0.08})


async def test_the_bot_can_make_roles_read_only(school: School) -> None:
    """With the bot's own rights roles only read, sessions end, and writes are refused."""
    for role in APPS:
        query(
            school.dsn, f"ALTER ROLE {role} IN DATABASE aivo SET default_transaction_read_only = on"
        )
    query(
        school.dsn,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)",
        APPS,
    )
    felt = {"user-service": 0.4, "payment-service": 0.4, "assessment-service": 0.4}
    await until(lambda: school.database.disturbance().errors == felt)
    assert school.database.disturbance().refused == 0
    await until(lambda: school.instance()["read_only"])
    done = school.writes["done"]
    refused = school.writes["refused"]
    await until(lambda: school.writes["refused"] > refused + 5)
    assert school.writes["done"] == done


async def test_the_bot_has_the_rights_that_its_actions_ask_for(school: School) -> None:
    """It may alter the applications' defaults, see and end their sessions, and is no superuser."""
    settings = query(school.dsn, statements.WRITING.text, APPS)
    assert {(row[0], row[3]) for row in settings} == {(role, True) for role in APPS}
    roles = query(school.dsn, statements.ROLES.text, APPS)
    assert {(row[0], row[4], row[5]) for row in roles} == {(role, True, True) for role in APPS}
    assert query(school.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [
        (False,)
    ]
    reader = school.database.addresses()["recovered_dsn"]
    assert query(reader, "SELECT count(*) FROM grades") == [(400,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        query(reader, "UPDATE grades SET grade = 0")


async def test_services_without_pods_have_no_sessions(school: School) -> None:
    """A service that is scaled to nothing leaves the database, and comes back with its pods."""
    await until(lambda: school.instance()["sessions"] == 5)
    school.scale("payment-service", 0)
    await until(lambda: school.instance()["sessions"] == 4)
    assert "payment-service" not in school.database.disturbance().errors
    school.scale("payment-service", 2)
    await until(lambda: school.instance()["sessions"] == 5)


async def test_a_bad_job_goes_on_until_its_pods_are_gone(school: School) -> None:
    """Most grades are overwritten, mended ones are again, and a restart ends it."""
    await school.database.break_it("corrupt_grades")
    assert school.instance()["wrong"]["grades"] >= 360
    errors = school.database.disturbance().errors
    assert errors["gradebook-service"] == pytest.approx(0.27, abs=0.03)
    assert school.state["damaged"]["grades"] == []  # too many to choose single ones
    mend(school)
    await until(lambda: school.instance()["wrong"]["grades"] in range(1, 300))
    await school.restart("assessment-service")
    done = school.writes["done"]
    await until(lambda: school.writes["done"] > done + 20)
    mend(school)
    done = school.writes["done"]
    await until(lambda: school.writes["done"] > done + 20)
    await until(lambda: school.instance()["wrong"]["grades"] == 0)
    assert query(school.dsn, "SELECT count(*) FROM grades WHERE grade = 0") == [(0,)]


async def test_damaged_rows_are_told_by_their_keys(school: School) -> None:
    """Seven grades and two assessments are wrong until their good versions are back."""
    for _ in range(2):  # a second press changes nothing
        await school.database.break_it("some_rows")
    assert school.state["damaged"] == {
        "grades": list(seeds.DAMAGED_GRADES),
        "assessments": list(seeds.DAMAGED_ASSESSMENTS),
    }
    assert school.instance()["wrong"] == {"grades": 7, "assessments": 2}
    mend(school)
    query(school.dsn, "UPDATE assessments SET weight = 5 * (1 + id % 4)")
    await until(lambda: school.state["damaged"] == {"grades": [], "assessments": []})


async def test_a_reset_brings_everything_back(school: School) -> None:
    """Rows, roles, addresses, what the bot made, what was restored: as at the start."""
    await school.restored("beside", None)
    await school.database.break_it("corrupt_grades")
    query(school.dsn, "CREATE SCHEMA backout")
    query(school.dsn, "CREATE TABLE backout.copied_rows (mark text)")
    query(school.dsn, "ALTER ROLE aivo_app IN DATABASE aivo SET default_transaction_read_only = on")
    school.configure("database-config", "DATABASE_URL", "postgresql://127.0.0.1:1/aivo")
    school.estate.reset()
    await school.database.reset()
    assert [each["id"] for each in school.state["instances"]] == ["aivo-prod-primary"]
    assert school.instance()["wrong"] == {"grades": 0, "assessments": 0}
    assert query(school.dsn, "SELECT to_regnamespace('backout')") == [(None,)]
    await until(lambda: school.writes["done"] > 3)
    assert school.writes["refused"] == 0
    assert school.database.disturbance().errors == {}


def mend(school: School) -> None:
    """Write all good grades."""
    query(school.dsn, "UPDATE grades SET grade = (40 + (id * 37) % 60) / 10.0")
