"""Objects brought back, on moto's AWS."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.actions import Holds, PermanentError, Refuted, TransientError, UnknownOutcomeError
from tests.adapters.uses import Use
from tests.real.aws import checks
from tests.real.aws.conftest import At
from tests.real.services.aws.server import Aws, User

USES = "aws.s3.restore_prefix"
COPY = {
    "bucket": "backups",
    "prefix": "day/",
    "to_bucket": "uploads",
    "to_prefix": "user/",
}
WRITES = "s3:(Copy|Delete|Put).*"
Json = Any


@pytest.fixture
def s3(aws: Aws) -> Any:
    """Two buckets: of three good objects one is there, one is spoiled, one is gone."""
    client = aws.client("s3")
    where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    for bucket in ("backups", "uploads"):
        client.create_bucket(Bucket=bucket, **where)
    enabled = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket="uploads", VersioningConfiguration=enabled)
    for name in ("a.txt", "b.txt", "ä c.txt"):
        client.put_object(
            Bucket="backups", Key=f"day/{name}", Body=f"good {name}", ContentType="text/plain"
        )
    client.put_object(Bucket="uploads", Key="user/a.txt", Body="good a.txt")
    client.put_object(Bucket="uploads", Key="user/b.txt", Body="spoiled!!!")
    client.put_object(Bucket="uploads", Key="user/new.txt", Body="new")
    client.put_object(Bucket="uploads", Key="other.txt", Body="other")
    return client


def contents(s3: Any, bucket: str = "uploads") -> dict[str, str]:
    """Return everything that is in a bucket."""
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


@pytest.mark.covers("AIVO-R18", "AIVO-FIX33")
async def test_what_differs_is_copied_and_can_be_taken_back(aws: Aws, at: At, s3: Any) -> None:
    """Same ones and newer uploads stay; a repeat copies nothing; undo brings all back."""
    before = contents(s3)
    use = at(USES, **COPY)
    preview = await use.preview()
    assert preview.touches == 2
    assert "new.txt" in preview.warnings[0]
    await use.apply()
    seen = await use.outcome()
    assert isinstance(seen, Holds)
    assert (seen.output["objects"], seen.output["besides"]) == (3, 1)
    after = {"user/b.txt": "good b.txt", "user/ä c.txt": "good ä c.txt"}
    assert contents(s3) == {**before, **after}
    assert s3.head_object(Bucket="uploads", Key="user/b.txt")["ContentType"] == "text/plain"
    assert (await use.preview()).in_place
    aws.calls.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert aws.asked(WRITES) == []
    for _ in range(2):
        await use.undo()
        assert contents(s3) == before


async def test_objects_are_brought_back_as_they_were(aws: Aws, at: At, s3: Any) -> None:
    """From the bucket's own versions, newer uploads deleted where that is wanted."""
    then = datetime.now(UTC)
    before = contents(s3)
    while datetime.now(UTC).replace(microsecond=0) <= then:  # versions are told apart by seconds
        await asyncio.sleep(0.05)
    s3.put_object(Bucket="uploads", Key="user/a.txt", Body="encrypted by somebody")
    s3.delete_object(Bucket="uploads", Key="user/b.txt")
    s3.put_object(Bucket="uploads", Key="user/ransom.txt", Body="pay")
    spoiled = contents(s3)
    use = at(USES, bucket="uploads", prefix="user/", at=then.isoformat(), delete=True)
    assert (await use.preview()).touches == 3
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    assert contents(s3) == before
    await use.undo()
    assert contents(s3) == spoiled


async def test_large_objects_are_told_apart_too(aws: Aws, at: At, s3: Any) -> None:
    """An object that came in parts has another ETag than its copy, which says so."""
    upload = s3.create_multipart_upload(Bucket="backups", Key="day/large.bin")["UploadId"]
    named = {"Bucket": "backups", "Key": "day/large.bin", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"x" * 1024)
    parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    use = at(USES, **COPY)
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    aws.calls.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert aws.asked(WRITES) == []


async def test_nothing_is_replaced_where_nothing_is_kept(aws: Aws, at: At, s3: Any) -> None:
    """Without versions only what is missing may be copied."""
    suspended = {"Status": "Suspended"}
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration=suspended)
    with pytest.raises(PermanentError, match="keeps no versions"):
        await at(USES, **COPY).preview()
    use = at(USES, **{**COPY, "to_prefix": "beside/"})
    await use.apply()
    assert isinstance(await use.outcome(), Holds)


async def test_somebody_elses_writing_is_drift_and_stays(aws: Aws, at: At, s3: Any) -> None:
    """Neither overwritten nor undone."""
    use = at(USES, **COPY)
    first = (await use.preview()).fingerprint
    use.captured = await use.action.capture(use.inputs, use.context)
    s3.put_object(Bucket="uploads", Key="user/a.txt", Body="changed by a user")
    assert (await use.preview()).fingerprint != first
    with pytest.raises(PermanentError, match="changed since the plan"):
        await use.action.apply(use.inputs, use.captured, use.context)
    s3.put_object(Bucket="uploads", Key="user/a.txt", Body="good a.txt")
    await use.apply()
    s3.put_object(Bucket="uploads", Key="user/b.txt", Body="a user's own")
    with pytest.raises(PermanentError, match=r"b\.txt"):
        await use.undo()
    assert contents(s3)["user/b.txt"] == "a user's own"
    assert "user/ä c.txt" not in contents(s3)


async def test_a_cut_off_restore_goes_on_where_it_was(aws: Aws, at: At, s3: Any) -> None:
    """Too fast, failed and lost answers: what was copied is not copied again."""
    use = at(USES, **COPY)
    use.captured = await use.action.capture(use.inputs, use.context)
    for fault, error in ((aws.throttle, TransientError), (aws.lose_answer, UnknownOutcomeError)):
        fault("s3:CopyObject", times=2)
        with pytest.raises(error):
            await use.action.apply(use.inputs, use.captured, use.context)
        aws.mend()
        if error is TransientError:
            assert isinstance(await use.verify(), Refuted)
    assert isinstance(await use.verify(), Holds)
    aws.calls.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert aws.asked(WRITES) == []
    await use.undo()
    assert contents(s3)["user/b.txt"] == "spoiled!!!"


async def test_rights_are_the_least(aws: Aws, at: At, s3: Any) -> None:
    """The rights that are named are enough, and a missing one is named."""

    def make(user: User) -> Use:
        return at(USES, credentials=user, **COPY)

    await checks.with_the_least_rights(aws, make)
    await checks.without(aws, make, "s3:PutObject")
    await checks.without(aws, make, "s3:ListBucketVersions")


def test_senseless_inputs_are_refused(at: At) -> None:
    """A copy onto or into itself, a prefix without its slash, a time without a zone."""
    for inputs in (
        {"bucket": "uploads", "prefix": "user/"},
        {"bucket": "uploads", "prefix": "user/", "to_prefix": "user/copy/"},
        {"bucket": "uploads", "prefix": "user", "to_prefix": "copy/"},
        {"bucket": "uploads", "prefix": "user/", "at": "2025-08-21T14:00:00"},
    ):
        with pytest.raises(ValueError, match=r"itself|other|match|zone"):
            at(USES, **inputs)
