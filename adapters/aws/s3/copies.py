"""What differs between two prefixes, and copying it: forth, and back from the kept versions.

Called by `restore_prefix`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.aws.accounts import Account
from adapters.aws.errors import ChangedError
from adapters.aws.rights import bucket_arn, right
from adapters.aws.s3 import objects
from adapters.aws.s3.objects import SOURCE, STEP, Item, Object, Place

CARRIED = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "WebsiteRedirectLocation",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that is not as it should be; without `wanted` it should not be there."""

    name: str
    wanted: Item | None
    there: Item | None


async def differences(
    account: Account,
    wanted: Mapping[str, Item],
    there: Mapping[str, Item],
    target: Place,
    *,
    delete: bool,
) -> tuple[Difference, ...]:
    """Compare by ETag and, where that can't tell, by what a copy says that it was made of."""
    other = [n for n, item in wanted.items() if n not in there or there[n].etag != item.etag]
    doubtful = [n for n in other if n in there and there[n].size == wanted[n].size]

    async def source_of(name: str) -> tuple[str, str]:
        found = await objects.head(account, target, name)
        return name, (found or {}).get("Metadata", {}).get(SOURCE, "")

    made_of = dict(await objects.side_by_side(source_of, doubtful))
    changed = [n for n in other if made_of.get(n) != wanted[n].etag]
    surplus = [n for n in there if n not in wanted] if delete else []
    return tuple(
        Difference(name=name, wanted=wanted.get(name), there=there.get(name))
        for name in sorted([*changed, *surplus])
    )


async def settle(
    account: Account, source: Place, target: Place, each: Difference, *, version: bool, step: str
) -> None:
    """Make one object as it should be.  What it replaces stays as a version of it.

    Raises `ChangedError` where it was changed since it was listed.
    """
    if each.wanted is None:
        await remove(account, target, each.name)
        return
    wanted = each.wanted.version if version else ""
    found = await objects.head(account, source, each.name, wanted)
    if found is None or found["ETag"].strip('"') != each.wanted.etag:
        raise ChangedError(f"{source}{each.name} was changed since it was listed: look again.")
    kept = {name: found[name] for name in CARRIED if found.get(name)}
    marks = {SOURCE: each.wanted.etag, STEP: step}
    await _copy(
        account,
        _address(source, each.name, wanted),
        target,
        each.name,
        CopySourceIfMatch=f'"{each.wanted.etag}"',
        MetadataDirective="REPLACE",
        Metadata={**found.get("Metadata", {}), **marks},
        **({"IfMatch": f'"{each.there.etag}"'} if each.there else {"IfNoneMatch": "*"}),
        **kept,
    )


async def bring_back(
    account: Account, target: Place, name: str, *, version: str, etag: str, step: str
) -> None:
    """Make an earlier version the newest one again."""
    found = await objects.head(account, target, name, version) or {}
    kept = {each: found[each] for each in CARRIED if found.get(each)}
    marks = {SOURCE: etag, STEP: step}
    await _copy(
        account,
        _address(target, name, version),
        target,
        name,
        MetadataDirective="REPLACE",
        Metadata={**found.get("Metadata", {}), **marks},
        **kept,
    )


async def remove(account: Account, target: Place, name: str) -> None:
    """Delete an object of a versioned bucket: its versions stay."""
    key = target.prefix + name
    asked = right(account.system, "s3:DeleteObject", bucket_arn(account.system, target.bucket, key))
    await account.write(asked, "delete_object", Bucket=target.bucket, Key=key)


def _address(place: Place, name: str, version: str) -> Object:
    key = {"Bucket": place.bucket, "Key": place.prefix + name}
    return {**key, "VersionId": version} if version else key


async def _copy(account: Account, origin: Object, target: Place, name: str, **more: object) -> None:
    key = target.prefix + name
    asked = right(account.system, "s3:PutObject", bucket_arn(account.system, target.bucket, key))
    named = {"Bucket": target.bucket, "Key": key, "CopySource": origin}
    await account.write(asked, "copy_object", **named, **more)


async def put_back(
    account: Account,
    target: Place,
    entry: Mapping[str, Any],
    there: Mapping[str, Item],
    step: str,
) -> str:
    """Put one object back; return its name where somebody else wrote it since."""
    name, version, now = entry["name"], entry["version"], there.get(entry["name"])
    if (now.etag if now else None) == entry["etag"]:
        return ""
    if now is not None:
        found = await objects.head(account, target, name)
        marks = (found or {}).get("Metadata", {})
        if marks.get(STEP) != step:
            return str(name)
        if marks.get(SOURCE) == entry["etag"]:
            return ""
    elif not entry["deletes"]:
        return str(name)
    if version is None:
        await remove(account, target, name)
    else:
        etag = entry["etag"]
        await bring_back(account, target, name, version=version, etag=etag, step=step)
    return ""
