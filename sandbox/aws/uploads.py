"""The buckets: what users uploaded, and the copies of the last days.

Called by `part`, to seed them, to spoil files, and to count which are wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

from sandbox.aws.names import ACCOUNT, BACKUPS, PREFIX, REGION, UPLOADS
from sandbox.estate.values import Object
from sandbox.parts import QUIET, Disturbance

KINDS = ("essay", "photo", "slides")
SAVED, NEWER = 22, 2  # files that the backup has, and files that are newer
SPOILED = 9
SERVICE = "media-service"  # what cannot show a file that is wrong
BEFORE = timedelta(days=6)


def names() -> list[str]:
    """Return all files as users know them."""
    every = range(1, SAVED + NEWER + 1)
    return [f"class-{n % 4 + 1}/{KINDS[n % 3]}-{n:02}.txt" for n in every]


def content(name: str) -> bytes:
    """Return what a user uploaded."""
    lines = (f"{name}, line {number} of the original upload\n" for number in range(1, 9))
    return "".join(lines).encode()


def folder(day: datetime) -> str:
    """Return where the copies of a day lie."""
    return f"{PREFIX}{day:%Y-%m-%d}/"


def newest(now: datetime) -> str:
    """Return where the newest copies lie: yesterday's."""
    return folder(now - timedelta(days=1))


def seed() -> None:
    """Make both buckets."""
    backend, now = _backend(), datetime.now(UTC)
    for bucket in (UPLOADS, BACKUPS):
        backend.create_bucket(bucket, REGION)
    backend.put_bucket_versioning(UPLOADS, "Enabled")
    for number, name in enumerate(names()):
        age = BEFORE if number < SAVED else timedelta(hours=5)
        _put(backend, UPLOADS, PREFIX + name, content(name), now - age)
    for days in (2, 1):
        day = now - timedelta(days=days)
        for name in names()[:SAVED]:
            _put(backend, BACKUPS, folder(day) + name, content(name), day)


def spoil() -> None:
    """Overwrite some of the files, as a job that went wrong does; again changes nothing."""
    backend = _backend()
    if not wrong():
        for name in names()[:SPOILED]:
            text = f"thumbnail of {name}\n".encode()
            _put(backend, UPLOADS, PREFIX + name, text, datetime.now(UTC))


def wrong() -> int:
    """Count files that are not as users uploaded them; never waits."""
    bucket = _backend().buckets.get(UPLOADS)
    if bucket is None:
        return 0
    found = ((name, bucket.keys.get(PREFIX + name)) for name in names())
    return sum(getattr(key, "etag", "") != _etag(content(name)) for name, key in found)


def view(wrong: int) -> Object:
    """Return what the panel shows."""
    prefix = newest(datetime.now(UTC))
    return {"total": SAVED + NEWER, "wrong": wrong, "bucket": BACKUPS, "prefix": prefix}


def disturbance(wrong: int) -> Disturbance:
    """Return what users feel of files that are wrong."""
    return Disturbance(errors={SERVICE: wrong / (SAVED + NEWER)}) if wrong else QUIET


def _put(backend: Any, bucket: str, key: str, value: bytes, moment: datetime) -> None:
    made = backend.put_object(bucket, key, value)
    made.last_modified = moment.replace(tzinfo=None)


def _etag(value: bytes) -> str:
    return f'"{md5(value, usedforsecurity=False).hexdigest()}"'


def _backend() -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"]
