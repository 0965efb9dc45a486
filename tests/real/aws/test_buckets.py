"""Evidence in a bucket, on moto's S3: written once, read back, and never without a sentence."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from adapters.aws.s3.buckets import ATTEMPTS, BucketFiles
from adapters.evidence import EvidenceStore
from flows.actions import PermanentError, Stored, TransientError
from flows.engine import AwayError
from flows.files import FilesError, kept_as
from tests.real.services.aws.server import Aws, User

PLACE = "s3://evidence/backout/prod"
NAME = "INC-7/logs/checkout.log"
CONTENT = b"a line\n"
PUT = "s3:PutObject"
Json = Any


@pytest.fixture
def files(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BucketFiles:
    """Return an empty bucket, found as AWS's SDK finds it."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    be(aws, monkeypatch)
    aws.client("s3").create_bucket(
        Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    aws.calls.clear()
    return BucketFiles(PLACE)


def be(aws: Aws, monkeypatch: pytest.MonkeyPatch, *user: User) -> None:
    """Ask as somebody from now on."""
    for name, value in aws.environment(*user).items():
        monkeypatch.setenv(name, value)


def test_a_name_is_given_once(files: BucketFiles, aws: Aws) -> None:
    """What is there is found with S3's own hash, and nothing writes over it."""
    assert files.find(NAME) is None
    assert files.read(NAME) is None
    assert files.put(NAME, CONTENT)
    assert not files.put(NAME, b"another line\n")
    assert files.find(NAME) == kept_as(NAME, CONTENT)
    assert files.read(NAME) == CONTENT
    kept = aws.client("s3").head_object(
        Bucket="evidence", Key=f"backout/prod/{NAME}", ChecksumMode="ENABLED"
    )
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert kept["ChecksumSHA256"] == digest


def test_the_second_of_two_writers_is_told(files: BucketFiles, aws: Aws) -> None:
    """One who looked before the other wrote is stopped by the condition."""
    other = BucketFiles(PLACE)
    looked = files.find

    def look_then_be_overtaken(name: str) -> Json:
        found = looked(name)
        files.find = looked  # type: ignore[method-assign]  # once only
        assert other.put(name, CONTENT)
        return found

    files.find = look_then_be_overtaken  # type: ignore[method-assign]  # between look and write
    assert not files.put(NAME, b"another line\n")
    assert files.read(NAME) == CONTENT
    assert aws.asked(PUT) == [PUT, PUT]


async def test_a_lost_answer_is_found_again(files: BucketFiles, aws: Aws) -> None:
    """The SDK asks again, is told that the name is taken, and it is our own content."""
    aws.lose_answer(PUT)
    stored = await EvidenceStore(files).put(NAME, CONTENT)
    assert stored == Stored(name=NAME, sha256=hashlib.sha256(CONTENT).hexdigest(), size=7)
    assert len(aws.asked(PUT)) == 2


async def test_a_bucket_that_never_answers_is_asked_again_later(
    files: BucketFiles, aws: Aws
) -> None:
    """The step is tried again; then it finds what it wrote itself."""
    store = EvidenceStore(files)
    aws.lose_answer(PUT, times=ATTEMPTS)
    with pytest.raises(TransientError, match=r"s3://evidence/backout/prod does not answer"):
        await store.put(NAME, CONTENT)
    assert (await store.put(NAME, CONTENT)).size == len(CONTENT)


async def test_evidence_is_never_replaced(files: BucketFiles) -> None:
    """Other content under the same name is refused; the same again is not."""
    store = EvidenceStore(files)
    await store.put(NAME, CONTENT)
    await store.put(NAME, CONTENT)
    with pytest.raises(PermanentError, match="never replaced"):
        await store.put(NAME, b"another line\n")
    with pytest.raises(PermanentError, match=f"no evidence INC-7/nothing in {PLACE}"):
        await store.read("INC-7/nothing")


def test_pieces_are_listed_and_removed_by_incident(files: BucketFiles, aws: Aws) -> None:
    """Of this prefix and this incident only, over several pages."""
    for number in range(3):
        files.put(f"INC-7/logs/{number}", CONTENT)
    files.put("INC-70/a", CONTENT)
    aws.client("s3").put_object(Bucket="evidence", Key="backout/production/INC-7/x", Body=b"")
    store = EvidenceStore(files)
    assert store.kept() == ("INC-7", "INC-70")
    assert store.pieces("INC-7") == ("INC-7/logs/0", "INC-7/logs/1", "INC-7/logs/2")
    assert store.forget("INC-7", "Removed by a rule.\n") == 3
    assert store.pieces("INC-7") == ()
    assert files.names("INC-7") == ("INC-7/removed.txt",)
    assert files.names("INC-70") == ("INC-70/a",)
    assert not files.remove("INC-7/logs/0")


def test_an_object_without_a_checksum_is_hashed(files: BucketFiles, aws: Aws) -> None:
    """Stores that keep none, and copies made by other tools, tell no hash."""
    aws.client("s3", request_checksum_calculation="when_required").put_object(
        Bucket="evidence", Key=f"backout/prod/{NAME}", Body=CONTENT
    )
    assert files.find(NAME) == kept_as(NAME, CONTENT)


def test_a_missing_right_is_named(
    files: BucketFiles, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With where to grant it; nothing is written, no key is told."""
    reader = aws.user("s3:GetObject", "s3:ListBucket")
    be(aws, monkeypatch, reader)
    with pytest.raises(FilesError, match=rf"may not do {PUT} in {PLACE}: grant") as refused:
        BucketFiles(PLACE).put(NAME, CONTENT)
    assert reader.key_id not in str(refused.value)
    assert reader.secret not in str(refused.value)
    be(aws, monkeypatch, aws.user("s3:PutObject", name="writer"))
    with pytest.raises(FilesError, match="may not do s3:GetObject"):
        BucketFiles(PLACE).find(NAME)
    be(aws, monkeypatch)
    assert files.names() == ()


def test_a_bucket_that_is_not_there_is_said(files: BucketFiles) -> None:
    """With the variable that names it."""
    with pytest.raises(FilesError, match="There is no bucket elsewhere: see BACKOUT_EVIDENCE"):
        BucketFiles("s3://elsewhere").put(NAME, CONTENT)


def test_a_store_without_conditions_is_refused(files: BucketFiles, aws: Aws) -> None:
    """One that says so takes no evidence."""
    aws.refuse(PUT, "NotImplemented", "A header is not implemented.", status=501)
    with pytest.raises(FilesError, match="can't write on the condition that a name is free"):
        files.put(NAME, CONTENT)


def test_a_write_that_meets_another_waits(files: BucketFiles, aws: Aws) -> None:
    """S3 asks to try again when two write at once."""
    conflict = "ConditionalRequestConflict"
    aws.refuse(PUT, conflict, "The operation was in conflict.", status=409)
    with pytest.raises(AwayError, match=r"does not take s3:PutObject now \(409"):
        files.put(NAME, CONTENT)
    assert files.put(NAME, CONTENT)


def test_a_busy_bucket_is_asked_again(files: BucketFiles, aws: Aws) -> None:
    """At once by the SDK, later by the step."""
    aws.fail(PUT)
    assert files.put(NAME, CONTENT)
    aws.throttle("s3:HeadObject", times=ATTEMPTS)
    with pytest.raises(AwayError, match="s3:GetObject now"):
        files.find(NAME)


def test_without_credentials_nobody_asks(
    files: BucketFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said how to give some."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(FilesError, match="Nothing says who asks for s3://evidence"):
        BucketFiles(PLACE).find(NAME)


def test_a_bucket_out_of_reach_is_tried_again(
    files: BucketFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port at which nobody listens."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(AwayError, match="does not answer"):
        BucketFiles(PLACE).find(NAME)
