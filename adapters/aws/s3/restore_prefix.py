"""`aws.s3.restore_prefix`: bring the objects below a prefix back, from a copy or as they were."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.aws.accounts import Account, connect
from adapters.aws.inputs import Moment, moment
from adapters.aws.rights import bucket_arn, right
from adapters.aws.s3 import copies, objects
from adapters.aws.s3.copies import Difference
from adapters.aws.s3.objects import Item, Place
from adapters.values import count, fingerprint_of, listed, step_key
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

LARGEST = 5 * 1024**3
"""Bytes that S3 copies in one request."""
TOLD = 10
BATCH = 64
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
PREFIX = r"^([^/].*)?/$"


class RestorePrefixInputs(Model):
    """From where, as of when, and to where."""

    bucket: str = Field(pattern=BUCKET, description="Where the good objects are.")
    prefix: str = Field(pattern=PREFIX, max_length=900, description="Ends in a slash.")
    at: Moment | None = Field(
        default=None,
        description="As they were at this moment, with its time zone (the bucket keeps versions); "
        "left out: as they are.",
        examples=["2025-08-21T14:00:00Z"],
    )
    to_bucket: str | None = Field(
        default=None,
        pattern=BUCKET,
        description="Left out: the same bucket.",
        examples=["aivo-uploads"],
    )
    to_prefix: str | None = Field(
        default=None,
        pattern=PREFIX,
        max_length=900,
        description="Left out: the same prefix.",
        examples=["user-uploads/"],
    )
    delete: bool = Field(
        default=False, description="Also delete what is there besides, such as newer uploads."
    )
    most: int = Field(default=10_000, ge=1, le=100_000, description="Objects on either side.")

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        source, target = self.source, self.target
        if source == target and self.at is None:
            raise ValueError("it would copy onto itself: give at, to_bucket or to_prefix")
        if source.bucket == target.bucket and source.prefix != target.prefix:
            longer, shorter = sorted((source.prefix, target.prefix), key=len, reverse=True)
            if longer.startswith(shorter):
                raise ValueError("one prefix lies in the other, so copies would be copied again")
        return self

    @property
    def source(self) -> Place:
        """Where objects come from."""
        return Place(bucket=self.bucket, prefix=self.prefix)

    @property
    def target(self) -> Place:
        """Where they go."""
        return Place(bucket=self.to_bucket or self.bucket, prefix=self.to_prefix or self.prefix)


class RestorePrefixOutput(Model):
    """What is there now."""

    objects: int = Field(description="Objects that are as they should be.")
    bytes: int
    besides: int = Field(description="Objects that are there besides, and were left.")
    manifest: str = Field(description="SHA-256 over names, sizes and ETags, sorted by name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Both sides, and what differs."""

    wanted: dict[str, Item]
    there: dict[str, Item]
    differing: tuple[Difference, ...]

    @property
    def replaced(self) -> tuple[Difference, ...]:
        """Return what would be overwritten or deleted."""
        return tuple(each for each in self.differing if each.there)


class RestorePrefix(Action):
    """Copy the objects below a prefix to another place, or bring them back as they were.

    Copied inside S3, by content: what is the same is left alone, so that a repeat goes on where it
    was.  Nothing is deleted unless `delete` says so.  What is overwritten or deleted stays as a
    version, so the target must keep versions where there is something to replace.  Each copy keeps
    its metadata and tags, and says in its metadata of which content and by which step it was made.

    Idempotent: written only over what was listed.

    Effect: changes.  Undo brings the versions of before back, and takes away what was not there;
    not where somebody wrote since.  Units: objects, bytes.  Errors: permanent where there is
    nothing to restore, there are more than `most` objects, one is larger than 5 GiB, the target
    keeps no versions, and without a right (keys of your own: kms:Decrypt, kms:GenerateDataKey);
    unknown outcome when an answer is lost.
    """

    uses: ClassVar[str] = "aws.s3.restore_prefix"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = 3 * ONE_REQUEST  # S3 takes its time to copy 5 GiB
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RestorePrefixInputs
    Output: ClassVar[type[Model]] = RestorePrefixOutput
    example: ClassVar[JsonObject] = {
        "bucket": "aivo-backups",
        "prefix": "user-uploads/2025-08-21/",
        "to_bucket": "aivo-uploads",
        "to_prefix": "user-uploads/",
    }

    def permissions(self, inputs: RestorePrefixInputs, system: System) -> tuple[Permission, ...]:
        """List both sides, read one, write the other, and bring versions of it back."""
        reads = []
        if not isinstance(inputs.at, datetime):  # left out, or not known before an incident
            reads += ["GetObject", "GetObjectTagging"]
        if inputs.at is not None:
            reads += ["GetObjectVersion", "GetObjectVersionTagging"]
        writes = ["GetObject", "GetObjectVersion", "GetObjectVersionTagging"]
        writes += ["PutObject", "PutObjectTagging", "DeleteObject"]
        source = bucket_arn(system, inputs.bucket)
        target = bucket_arn(system, inputs.target.bucket)
        return (
            right(system, "s3:ListBucketVersions", source),
            right(system, "s3:ListBucketVersions", target),
            right(system, "s3:GetBucketVersioning", target),
            *(right(system, f"s3:{verb}", _below(system, inputs.source)) for verb in reads),
            *(right(system, f"s3:{verb}", _below(system, inputs.target)) for verb in writes),
        )

    async def preview(self, inputs: RestorePrefixInputs, context: Context) -> Preview:
        """Show what would be copied, overwritten and deleted, and what is there besides."""
        account = await connect(context)
        sight = await _look(account, inputs)
        await _refuse(account, inputs, sight)
        besides = [] if inputs.delete else [n for n in sight.there if n not in sight.wanted]
        size = sum(each.wanted.size for each in sight.differing if each.wanted)
        when = f" as of {moment(inputs.at)}" if inputs.at else ""
        told = [f"{count(len(sight.differing), 'object')} of {len(sight.wanted)}, {size} bytes"]
        if sight.replaced:
            told.append(f"{len(sight.replaced)} replaced or deleted are kept as versions")
        kept = f"{count(len(besides), 'object')} there besides stay: {listed(besides, 3)}."
        return Preview(
            summary=f"Restore {inputs.source}{when} to {inputs.target}: {'; '.join(told)}",
            fingerprint=fingerprint_of(_relied_on(sight)),
            changes=_changes(inputs.target, sight.differing),
            in_place=not sight.differing,
            touches=len(sight.differing),
            warnings=(kept,) if besides else (),
        )

    async def capture(self, inputs: RestorePrefixInputs, context: Context) -> JsonObject:
        """Keep the list of what is replaced, with its versions, as evidence."""
        sight = await _look(await connect(context), inputs)
        entries = [
            {
                "name": each.name,
                "version": each.there.version if each.there else None,
                "etag": each.there.etag if each.there else None,
                "deletes": each.wanted is None,
            }
            for each in sight.differing
        ]
        content = json.dumps(entries, sort_keys=True).encode()
        name = f"{step_key(context.key)}/before-{hashlib.sha256(content).hexdigest()[:16]}.json"
        stored = await context.surroundings.evidence.put(name, content)
        return {"list": stored.name, "sha256": stored.sha256, "objects": len(entries)}

    async def apply(
        self, inputs: RestorePrefixInputs, captured: JsonObject, context: Context
    ) -> None:
        """Copy what still differs, a few at a time; a hold ends it between them."""
        account = await connect(context)
        sight = await _look(account, inputs)
        await _refuse(account, inputs, sight)
        known = {each["name"] for each in await _entries(captured, context)}
        if new := [each.name for each in sight.differing if each.name not in known]:
            raise PermanentError(
                f"{inputs.target}{new[0]} was changed since the plan was made ({len(new)} such): "
                "see who writes there, then make a new plan."
            )

        async def settle(each: Difference) -> None:
            await copies.settle(
                account,
                inputs.source,
                inputs.target,
                each,
                version=inputs.at is not None,
                step=step_key(context.key),
            )

        for begin in range(0, len(sight.differing), BATCH):
            await context.progress(f"{begin} of {count(len(sight.differing), 'object')}")
            await objects.side_by_side(settle, sight.differing[begin : begin + BATCH])
            await context.pause(0)

    async def verify(
        self, inputs: RestorePrefixInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """List and compare both sides again."""
        sight = await _look(await connect(context), inputs)
        if sight.differing:
            names = listed((each.name for each in sight.differing), 3)
            return Refuted(why=f"{count(len(sight.differing), 'object')} still differ: {names}")
        wanted = [sight.wanted[name] for name in sorted(sight.wanted)]
        lines = "".join(f"{each.name}\t{each.size}\t{each.etag}\n" for each in wanted)
        output = RestorePrefixOutput(
            objects=len(wanted),
            bytes=sum(each.size for each in wanted),
            besides=len(sight.there.keys() - sight.wanted.keys()),
            manifest=hashlib.sha256(lines.encode()).hexdigest(),
        )
        told = f"{count(len(wanted), 'object')} of {inputs.target} are as in {inputs.source}"
        return Holds(summary=told, output=output.model_dump(mode="json"))

    async def undo(
        self, inputs: RestorePrefixInputs, captured: JsonObject, context: Context
    ) -> str:
        """Bring the versions of before back, and take away what was not there."""
        account = await connect(context)
        there = await objects.listed(account, inputs.target, most=inputs.most)
        entries = await _entries(captured, context)

        async def put_back(entry: Mapping[str, Any]) -> str:
            return await copies.put_back(
                account, inputs.target, entry, there, step_key(context.key)
            )

        outcomes = await objects.side_by_side(put_back, entries)
        if others := [each for each in outcomes if each]:
            raise PermanentError(
                f"{count(len(others), 'object')} not put back, because somebody wrote there since: "
                f"{listed(others, 3)}. See to them by hand, then skip the step."
            )
        return f"{count(len(entries), 'object')} of {inputs.target} as before"


def _below(system: System, place: Place) -> str:
    path = ANY if place.prefix == ANY else f"{place.prefix}*"
    return bucket_arn(system, place.bucket, path)


async def _look(account: Account, inputs: RestorePrefixInputs) -> Sight:
    wanted = await objects.listed(account, inputs.source, most=inputs.most, at=inputs.at)
    if not wanted:
        raise PermanentError(f"There is nothing to restore in {inputs.source}: check the prefix.")
    there = await objects.listed(account, inputs.target, most=inputs.most)
    differing = await copies.differences(
        account, wanted, there, inputs.target, delete=inputs.delete
    )
    return Sight(wanted=wanted, there=there, differing=differing)


async def _refuse(account: Account, inputs: RestorePrefixInputs, sight: Sight) -> None:
    large = [e.name for e in sight.differing if e.wanted and e.wanted.size > LARGEST]
    if large:
        raise PermanentError(
            f"{listed(large, 3)} of {inputs.source} is larger than 5 GiB, which S3 does not copy "
            "in one request: copy it by hand first."
        )
    if sight.replaced and not await objects.is_versioned(account, inputs.target.bucket):
        raise PermanentError(
            f"{count(len(sight.replaced), 'object')} of {inputs.target} would be replaced, and the "
            f"bucket keeps no versions: switch versioning on for {inputs.target.bucket}, or "
            "restore to an empty prefix."
        )


def _relied_on(sight: Sight) -> object:
    return [
        (e.name, e.wanted.etag if e.wanted else "", e.there.version if e.there else "")
        for e in sight.differing
    ]


def _changes(target: Place, differing: tuple[Difference, ...]) -> tuple[Change, ...]:
    shown = [
        Change(subject=f"{target}{each.name}", before=_told(each.there), after=_told(each.wanted))
        for each in differing[:TOLD]
    ]
    if (more := len(differing) - TOLD) > 0:
        shown.append(Change(subject=str(target), before=None, after=f"{more} more like these"))
    return tuple(shown)


def _told(item: Item | None) -> str | None:
    return f"{item.size} bytes, {item.etag[:8]}" if item else None


async def _entries(captured: JsonObject, context: Context) -> list[dict[str, Any]]:
    content = await context.surroundings.evidence.read(captured["list"])
    if hashlib.sha256(content).hexdigest() != captured["sha256"]:
        raise PermanentError(
            f"The evidence {captured['list']} is no longer what was captured: somebody changed it."
        )
    found: list[dict[str, Any]] = json.loads(content)
    return found
