"""Objects below a prefix, now or as they were, and what tells one content from another.

Called by `restore_prefix`.  ETags tell contents apart, but copies of large or encrypted objects get
new ones: each copy that Backout makes says in its metadata of which ETag it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from adapters.aws.accounts import Account
from adapters.aws.errors import NotFoundError
from adapters.aws.rights import bucket_arn, right
from flows.actions import PermanentError

SOURCE, STEP = "backout-source", "backout-step"
"""Keys of the metadata of a copy: the ETag that it was made of, and by which step."""
AT_ONCE = 8
Object = dict[str, Any]
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object's content: `name` is its key below the prefix, `version` `null` in old buckets."""

    name: str
    version: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and a prefix in it."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        """Write `s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}"


async def listed(
    account: Account, place: Place, *, most: int, at: datetime | None = None
) -> dict[str, Item]:
    """Return what is below a prefix by name, as it is or as it was at a time.

    Raises `PermanentError` where there are more than `most`.
    """
    asked = right(account.system, "s3:ListBucketVersions", bucket_arn(account.system, place.bucket))
    found: dict[str, Item | None] = {}
    moments: dict[str, datetime] = {}
    markers: Object = {}
    while True:
        answer = await account.read(
            asked, "list_object_versions", Bucket=place.bucket, Prefix=place.prefix, **markers
        )
        entries: list[tuple[Object, Item | None]] = [
            (each, _item(each, place)) for each in answer.get("Versions", ())
        ]
        entries += [(each, None) for each in answer.get("DeleteMarkers", ())]
        for each, item in entries:
            name, when = each["Key"].removeprefix(place.prefix), each["LastModified"]
            if at is None:
                meant = each["IsLatest"]
            else:  # of versions of one second the later told one is the older
                meant = when <= at and (name not in moments or when > moments[name])
            if meant and not name.endswith("/"):
                found[name], moments[name] = item, when
        if sum(each is not None for each in found.values()) > most:
            raise PermanentError(
                f"{place} holds more than {most} objects: name a longer prefix, or raise `most`."
            )
        if not answer.get("IsTruncated"):
            return {name: each for name, each in found.items() if each is not None}
        markers = {
            "KeyMarker": answer["NextKeyMarker"],
            "VersionIdMarker": answer["NextVersionIdMarker"],
        }


def _item(found: Object, place: Place) -> Item:
    return Item(
        name=found["Key"].removeprefix(place.prefix),
        version=found["VersionId"],
        etag=found["ETag"].strip('"'),
        size=found["Size"],
    )


async def head(account: Account, place: Place, name: str, version: str = "") -> Object | None:
    """Return an object's metadata, or None where it is not there."""
    verb = "s3:GetObjectVersion" if version else "s3:GetObject"
    key = place.prefix + name
    asked = right(account.system, verb, bucket_arn(account.system, place.bucket, key))
    more = {"VersionId": version} if version else {}
    try:
        return await account.read(asked, "head_object", Bucket=place.bucket, Key=key, **more)
    except NotFoundError:
        return None


async def is_versioned(account: Account, bucket: str) -> bool:
    """Say whether a bucket keeps what is overwritten and deleted."""
    asked = right(account.system, "s3:GetBucketVersioning", bucket_arn(account.system, bucket))
    found = await account.read(asked, "get_bucket_versioning", Bucket=bucket)
    return found.get("Status") == "Enabled"


async def side_by_side(act: Callable[[A], Awaitable[B]], every: Iterable[A]) -> list[B]:
    """Do it for each, a few at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(each: A) -> B:
        async with room:
            return await act(each)

    return list(await asyncio.gather(*(one(each) for each in every)))
