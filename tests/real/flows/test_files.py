"""AIVO's uploaded files restored from a day's backup, on moto's S3."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from flows import events
from flows.states import State, StepState
from tests.real.flows.conftest import Open
from tests.real.flows.stage import Stage
from tests.real.services.aws.server import REGION, Aws
from tests.real.services.monitoring import Monitoring

BACKUPS, LIVE = "aivo-backups", "aivo-live-uploads"
DAY = "user-uploads/2025-08-21/"
WRITES = "s3:(Copy|Delete|Put).*"
VARIABLES = {"uploads_bucket": LIVE}
Json = Any


class Uploads:
    """The live bucket: of two good files one is spoiled, one is gone, and one is newer."""

    def __init__(self, aws: Aws) -> None:
        self.s3 = aws.client("s3")
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        for bucket in (BACKUPS, LIVE):
            self.s3.create_bucket(Bucket=bucket, **where)
        versions = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=LIVE, VersioningConfiguration=versions)
        for name in ("essay.txt", "photo.png", "same.txt"):
            self.s3.put_object(Bucket=BACKUPS, Key=DAY + name, Body=f"good {name}")
        self.put("same.txt", "good same.txt")
        self.put("essay.txt", "spoiled!!!!!!!")  # as long as the good one
        self.put("newer.txt", "uploaded after the backup")
        aws.calls.clear()

    def put(self, name: str, content: str) -> None:
        """Upload a file as a user does."""
        self.s3.put_object(Bucket=LIVE, Key=f"user-uploads/{name}", Body=content)

    def contents(self) -> dict[str, str]:
        """Return every live file."""
        found = self.s3.list_objects_v2(Bucket=LIVE).get("Contents", ())
        return {each["Key"].partition("/")[2]: self._read(each["Key"]) for each in found}

    def versions(self) -> Counter[str]:
        """Return how many versions each file has."""
        found = self.s3.list_object_versions(Bucket=LIVE)["Versions"]
        return Counter(each["Key"].partition("/")[2] for each in found)

    def _read(self, key: str) -> str:
        body: bytes = self.s3.get_object(Bucket=LIVE, Key=key)["Body"].read()
        return body.decode()


GOOD = {name: f"good {name}" for name in ("essay.txt", "photo.png", "same.txt")}
NEWER = {"newer.txt": "uploaded after the backup"}


async def approved(aivo: Stage, aws: Aws, **inputs: Json) -> None:
    """Plan and approve it; nothing is written before both have agreed."""
    aivo.declare("uploads are broken", data=True)
    await aivo.plan("files", **inputs)
    aivo.approve("emily-watson", "jennifer-liu", "michael-chen")
    assert aivo.run.state is State.APPROVE, "one of the VP and the CTO as well"
    assert aws.asked(WRITES) == []
    aivo.approve("sarah-kim")


@pytest.mark.covers("AIVO-FLOW7", "AIVO-R18", "AIVO-R20", "AIVO-FIX33", "AIVO-FIX35", "AIVO-Q1")
async def test_files_are_restored_from_a_day(stage: Open, aws: Aws, account: Json) -> None:
    """Spoiled and missing files come back, by content; what is newer stays."""
    uploads = Uploads(aws)
    aivo = await stage(VARIABLES, aws=account)
    await approved(aivo, aws, prefix=DAY)
    run = await aivo.until_ended()
    assert run.plan is not None
    (copy,) = [step for step in run.plan.steps if step.id == "uploads"]
    shown = {each.subject.rpartition("/")[2] for each in copy.changes}
    assert shown == {"essay.txt", "photo.png"}
    assert any("newer.txt" in each for each in copy.warnings)
    assert uploads.contents() == GOOD | NEWER
    assert uploads.versions()["essay.txt"] == 2, "the spoiled one is kept"
    done = run.steps["uploads"].output
    assert done is not None
    assert (done["objects"], done["besides"]) == (3, 1)
    assert any(done["manifest"] in said for said in aivo.messages.said.values())


@pytest.mark.covers("AIVO-FIX33")
async def test_newer_files_go_only_where_that_is_asked(
    stage: Open, aws: Aws, account: Json
) -> None:
    """The plan names what would be deleted, and a version of it stays."""
    uploads = Uploads(aws)
    aivo = await stage(VARIABLES, aws=account)
    await approved(aivo, aws, prefix=DAY, delete=True)
    run = await aivo.until_ended()
    assert run.plan is not None
    gone = [c.subject for c in run.plan.step("uploads").changes if c.after is None]
    assert [each.rpartition("/")[2] for each in gone] == ["newer.txt"]
    assert uploads.contents() == GOOD
    assert uploads.versions()["newer.txt"] == 1


@pytest.mark.covers("AIVO-R18", "AIVO-FIX33")
async def test_files_are_brought_back_from_the_buckets_own_versions(
    stage: Open, aws: Aws, account: Json
) -> None:
    """No backup is as good as the versions of a moment ago."""
    uploads = Uploads(aws)
    before, then = uploads.contents(), datetime.now(UTC)
    while datetime.now(UTC).replace(microsecond=0) <= then:  # versions are told apart by seconds
        await asyncio.sleep(0.05)
    uploads.put("same.txt", "encrypted by somebody")
    aws.calls.clear()
    aivo = await stage(VARIABLES, aws=account)
    await approved(aivo, aws, bucket=LIVE, prefix="user-uploads/", at=then.isoformat())
    await aivo.until_ended()
    assert uploads.contents() == before


async def test_without_a_day_there_is_no_plan(stage: Open, aws: Aws, account: Json) -> None:
    """The date is given by people, with its zone where it is a moment, and must lead to files."""
    Uploads(aws)
    aivo = await stage(VARIABLES, aws=account)
    aivo.declare(data=True)
    assert "!incident plan files prefix=…" in await aivo.refused("files")
    assert "nothing to restore" in await aivo.refused("files", prefix="user-uploads/1999-01-01/")
    naive = await aivo.refused("files", prefix=DAY, at="2025-08-21T14:00:00")
    assert "time zone" in naive


@pytest.mark.covers("AIVO-R18", "AIVO-FIX33")
async def test_restored_files_are_put_back_as_they_were(
    stage: Open, aws: Aws, account: Json, monitoring: Monitoring
) -> None:
    """It did not help: every version of before is the newest again, deleted ones included."""
    uploads = Uploads(aws)
    before = uploads.contents()
    aivo = await stage(VARIABLES, aws=account)
    monitoring.target.set("aivo:error_ratio", 0.2)
    await monitoring.settled("aivo:error_ratio", lambda value: value > 0.1)
    await approved(aivo, aws, prefix=DAY, delete=True)
    await aivo.until(lambda run: run.state is State.VALIDATE)
    assert uploads.contents() == GOOD
    aivo.feed(events.HoldAsked(reason="it is not the files"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="it is not the files"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert uploads.contents() == before


@pytest.mark.crash
@pytest.mark.covers("AIVO-R18")
async def test_a_restart_during_the_restore_copies_nothing_twice(
    stage: Open, aws: Aws, account: Json
) -> None:
    """Answers are lost and the bot ends; the next one finds out what is there and goes on."""
    uploads = Uploads(aws)
    aivo = await stage(VARIABLES, aws=account)
    aws.lose_answer("s3:CopyObject", times=2)
    await approved(aivo, aws, prefix=DAY)
    await aivo.until(lambda run: run.steps["uploads"].state is not StepState.PENDING)
    await aivo.close()
    aws.mend()
    aivo.wake()
    await aivo.until_ended()
    assert uploads.contents() == GOOD | NEWER
    assert uploads.versions() == {"essay.txt": 2, "photo.png": 1, "same.txt": 1, "newer.txt": 1}
