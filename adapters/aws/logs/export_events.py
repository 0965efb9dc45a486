"""`aws.logs.export_events`: keep the events of a log group as evidence."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters.aws import clocks
from adapters.aws.accounts import connect
from adapters.aws.inputs import Moment, moment, span
from adapters.aws.logs import collections
from adapters.aws.logs.collections import MIB, Folder, Piece, Window
from adapters.aws.rights import arn, right
from adapters.values import count
from config.models.base import Duration, Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Reading,
    Verdict,
)

A_LOOK = 12.0
"""Seconds for which one look goes on to the next piece."""
LONGEST = timedelta(days=31)


class ExportEventsInputs(Model):
    """Which events: of a group, from when until when."""

    group: str = Field(pattern=r"^[A-Za-z0-9_./#-]+$", max_length=512, description="The log group.")
    since: Moment | None = Field(
        default=None,
        description="From this moment on, with its time zone: the first suspicion, and a margin.",
        examples=["2025-08-21T13:00:00Z"],
    )
    last: Duration | None = Field(
        default=None,
        ge=timedelta(minutes=1),
        le=LONGEST,
        description="Instead of `since`: as long as this before the end.",
    )
    until: Moment | None = Field(
        default=None,
        description="Up to this moment; left out: the moment of the first look.",
        examples=["2025-08-21T14:00:00Z"],
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="A filter pattern of CloudWatch Logs; left out: all events.",
        examples=["ERROR"],
    )
    total_bytes: int = Field(
        default=500 * MIB, ge=MIB, le=10_000 * MIB, description="More than this is refused."
    )

    @model_validator(mode="after")
    def _one_begin(self) -> Self:
        if (self.since is None) == (self.last is None):
            raise ValueError("give one of since and last")
        if self.since and self.until and not self.since < self.until <= self.since + LONGEST:
            raise ValueError("until must be after since, by 31 days at most")
        return self


class ExportEventsOutput(Model):
    """What was kept.  What the events say stands in the evidence alone."""

    manifest: str = Field(description="Name of the list of pieces in the evidence store.")
    sha256: str = Field(description="Of the manifest, which holds those of the pieces.")
    events: int
    bytes: int
    first: str = Field(description="Time of the first event, UTC; empty without one.")
    last: str = Field(description="Time of the last event, UTC; empty without one.")


class ExportEvents(Reading[ExportEventsInputs]):
    """Keep the events of a CloudWatch log group as evidence, with a manifest of hashes.

    The window is cut into pieces, each kept once under a name that is the same for every attempt:
    another one goes on where the first was, with the same window.  What events say goes nowhere
    else.  That there were no events is kept, too.

    Effect: reads.  Units: bytes, times in UTC.  Errors: permanent for a group that is not there,
    for more than `total_bytes` and without a right; transient while AWS does not answer.
    """

    uses: ClassVar[str] = "aws.logs.export_events"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = ExportEventsInputs
    Output: ClassVar[type[Model]] = ExportEventsOutput
    example: ClassVar[JsonObject] = {"group": "/aws/apigateway/aivo-prod", "last": "1h"}

    def permissions(self, inputs: ExportEventsInputs, system: System) -> tuple[Permission, ...]:
        """Read the group's events."""
        return (_right(inputs, system),)

    def describe(self, inputs: ExportEventsInputs) -> str:
        """Say what is kept."""
        begin = (
            f"since {moment(inputs.since)}"
            if inputs.since
            else "of the last " + span(inputs.last.total_seconds() if inputs.last else 0)
        )
        until = f" until {moment(inputs.until)}" if inputs.until else ""
        return f"Keep the events of {inputs.group} {begin}{until} as evidence"

    async def preview(self, inputs: ExportEventsInputs, context: Context) -> Preview:
        """See that the group is there and may be read."""
        account = await connect(context)
        window = _window(inputs)
        await account.read(
            _right(inputs, context.system),
            "filter_log_events",
            logGroupName=inputs.group,
            startTime=round(window.begin.timestamp() * 1000),
            limit=1,
        )
        return Preview(summary=self.describe(inputs), fingerprint="")

    async def look(self, inputs: ExportEventsInputs, context: Context) -> Verdict:
        """Keep what is not kept yet, for a while; write the manifest when all is through."""
        folder, clock = Folder(context), asyncio.get_running_loop().time
        account, begun = await connect(context), clock()
        window = await folder.window(_window(inputs))
        every = list(window.pieces())
        kept: list[Piece] = []
        for number, part in enumerate(every):
            piece = await folder.piece(number)
            if piece is None:
                if clock() - begun > A_LOOK:
                    told = f"{number} of {count(len(every), 'piece')} kept, {_amount(kept)}"
                    return NotYet(progress=told, after=0.1)
                asked = _right(inputs, context.system)
                found = await collections.read(account, asked, inputs.group, inputs.pattern, part)
                await folder.keep(number, found)
                piece = await folder.piece(number)
            assert piece is not None
            kept.append(piece)
            if sum(each.stored.size for each in kept) > inputs.total_bytes:
                raise PermanentError(
                    f"{inputs.group} has more than {inputs.total_bytes // MIB} MiB of events in "
                    "this window: give a shorter one, a `pattern`, or more `total_bytes`."
                )
        head = {"group": inputs.group, "pattern": inputs.pattern, **window.plain()}
        stored = await folder.write_manifest({"incident": context.incident, **head}, kept)
        output = ExportEventsOutput(
            manifest=stored.name,
            sha256=stored.sha256,
            events=sum(each.events for each in kept),
            bytes=sum(each.stored.size for each in kept),
            first=_time(next((e.first for e in kept if e.first is not None), None)),
            last=_time(next((e.last for e in reversed(kept) if e.last is not None), None)),
        )
        return Holds(
            summary=f"{_amount(kept)} of {inputs.group} from {moment(window.begin)} to "
            f"{moment(window.end)} kept as {stored.name}",
            output=output.model_dump(mode="json"),
        )


def _right(inputs: ExportEventsInputs, system: System) -> Permission:
    group = arn(system, "logs", f"log-group:{inputs.group}:*")
    return right(system, "logs:FilterLogEvents", group)


def _window(inputs: ExportEventsInputs) -> Window:
    end = (inputs.until or clocks.now()).replace(microsecond=0)
    begin = (inputs.since or end - (inputs.last or timedelta())).replace(microsecond=0)
    if not begin < end <= begin + LONGEST:
        raise PermanentError(
            f"The window would be from {moment(begin)} to {moment(end)}: it must begin before it "
            "ends, and last 31 days at most."
        )
    return Window(begin=begin, end=end)


def _amount(kept: list[Piece]) -> str:
    size = sum(each.stored.size for each in kept)
    events = count(sum(each.events for each in kept), "event")
    return f"{events} ({-(-size // 1024)} KiB)"


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).isoformat(timespec="milliseconds")
