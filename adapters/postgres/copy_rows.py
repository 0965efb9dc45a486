"""`postgres.copy_rows`: put single rows back from another database, a restored one for instance."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from adapters.postgres import copies, foreign_keys, rows, sessions
from adapters.postgres.copies import Copy, Part
from adapters.postgres.places import EXAMPLE, MEANING, Host, Place
from adapters.postgres.rows import Key, Shape, Value, Values
from adapters.postgres.sessions import Session
from adapters.postgres.tables import CopiedTable
from adapters.values import Names, count, fingerprint_of, listed, masked
from config.models.base import Identifier, Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    Verdict,
)

SHOWN = 100
LONGEST_VALUE = 60
MOST = 1000


class PostgresCopyRowsInputs(Model):
    """From where to where, and which rows."""

    source: Identifier = Field(
        description="Name in connections.databases of the one that has the good rows."
    )
    source_host: Host | None = Field(default=None, description=MEANING, examples=[EXAMPLE])
    target: Identifier = Field(
        description="Name in connections.databases of the one that gets them."
    )
    tables: Annotated[
        tuple[CopiedTable, ...],
        Field(
            min_length=1,
            description="Tables in the order of writing: what others point at comes first.",
        ),
    ]
    masked: Names = Field(
        default=(), description="Columns whose values reviewers don't get to see."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.source == self.target and self.source_host is None:
            raise ValueError("source and target are the same")
        names = [each.table for each in self.tables]
        if len(set(names)) < len(names):
            raise ValueError("a table stands twice: put its keys together")
        for each in self.tables:
            if len(set(each.keys)) < len(each.keys):
                raise ValueError(f"a key of {each.table} stands twice")
        if sum(len(each.keys) for each in self.tables) > MOST:
            raise ValueError(f"more than {MOST} rows: copy them in several steps")
        return self

    @property
    def origin(self) -> Place:
        """Return where the good rows are read."""
        return Place(name=self.source, host=self.source_host)

    @property
    def destination(self) -> Place:
        """Return where they are written."""
        return Place(name=self.target)


class PostgresCopyRowsOutput(Model):
    """What is in the target now."""

    rows: dict[str, int] = Field(description="Table to its rows that are as in the source.")
    changed: int = Field(description="Rows that were written.")
    checksum: str = Field(description="Of all these rows, the same in the marker row.")
    orphans: dict[str, int] = Field(
        description="Foreign keys of these tables with rows that point at nothing."
    )


class PostgresCopyRows(Action):
    """Copy rows by primary key from one database to another, over what is there.

    For damage that is limited to known rows: they are read from a restored copy, compared column by
    column for a reviewer, and written in one transaction, with a marker row
    (`backout.copied_rows`) by which a repeat knows that it is done.  The rows of before are
    captured, encrypted; `undo` writes them back, and deletes rows that were new.  Rows are locked
    and compared with the capture first: nothing that somebody has changed meanwhile is overwritten.
    Triggers fire, and foreign keys are checked before the commit.

    Effect: destroys, as far as newer values are overwritten; the capture keeps them.  Units: rows,
    1000 at most.  Errors: permanent where a row is not in the source, the tables differ, there is
    no primary key, a right is missing, somebody has changed a row, a constraint refuses, or the
    database is not the pinned one; transient where a lock is not got in 3 s; unknown outcome when
    the answer to the commit is lost.
    """

    uses: ClassVar[str] = "postgres.copy_rows"
    effect: ClassVar[Effect] = Effect.DESTROYS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = PostgresCopyRowsInputs
    Output: ClassVar[type[Model]] = PostgresCopyRowsOutput
    example: ClassVar[JsonObject] = {
        "source": "recovered",
        "target": "main",
        "tables": [
            {"table": "public.assessments", "keys": ["81", "82"]},
            {"table": "public.grades", "keys": [["4711", "maths"]]},
        ],
    }

    def permissions(self, inputs: PostgresCopyRowsInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the databases."""
        return ()

    async def preview(self, inputs: PostgresCopyRowsInputs, context: Context) -> Preview:
        """Compare the rows column by column."""
        async with sessions.opened(context, inputs.destination) as target:
            found, theirs = await _compared(inputs, target, context)
            await copies.require_markers(target)
            warnings = sessions.unpinned(context, target)
            identity = target.identity.lasting
        changes = [each for part in found for each in _changes(part, inputs, context)]
        number = len(changes)
        if number > SHOWN:
            rest = count(number - SHOWN, "more row")
            changes = [*changes[:SHOWN], Change(subject=rest, before="as it is", after="copied")]
        over = sum(key in part.before for part in found for key in part.changed)
        return Preview(
            summary=f"Copy {count(number, 'row')} of {listed(p.shape.table for p in found)} from "
            f"{inputs.origin} to {inputs.target}",
            fingerprint=fingerprint_of(
                [identity, theirs, [copies.plain((part,)) for part in found]]
            ),
            changes=tuple(changes),
            in_place=not number,
            touches=number,
            losses=f"what was written to {count(over, 'row')} since; undo has it" if over else "",
            warnings=warnings,
        )

    async def capture(self, inputs: PostgresCopyRowsInputs, context: Context) -> JsonObject:
        """Keep the rows of before and those that are to come, encrypted."""
        async with sessions.opened(context, inputs.destination) as target:
            found, theirs = await _compared(inputs, target, context)
            await copies.require_markers(target)
            return {
                "identity": list(target.identity.lasting),
                "source": list(theirs),
                "checksum": copies.checksum(found),
                "changed": sum(len(part.changed) for part in found),
                "rows": copies.seal(found, context),
            }

    async def apply(
        self, inputs: PostgresCopyRowsInputs, captured: JsonObject, context: Context
    ) -> None:
        """Write the captured rows in one transaction, unless the marker is there."""
        async with sessions.opened(context, inputs.destination, writes=True) as target:
            sessions.require_same(target, captured["identity"])
            await copies.write(target, await copies.unseal(captured, target, context), context)

    async def verify(
        self, inputs: PostgresCopyRowsInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Compare the rows and the marker, and follow the tables' foreign keys."""
        async with sessions.opened(context, inputs.destination) as target:
            if captured:
                found = await copies.unseal(captured, target, context)
                mark = await copies.marker(target, context)
                if mark is None:
                    if await copies.at_work(target, sessions.application_name(context)):
                        return NotYet(progress="its transaction is not over", after=1.0)
                    return Refuted(why=f"nothing was copied to {inputs.target}")
                if mark[1]:
                    return Refuted(why="the rows were copied, and put back since")
            else:
                found, _ = await _compared(inputs, target, context)
            if other := await _differing(found, target):
                return Refuted(why=f"not as in {inputs.origin}: {listed(other)}")
        orphans, told = await _followed(inputs, context)
        number = captured.get("changed", 0)
        return Holds(
            summary=f"{count(number, 'row')} copied from {inputs.origin} to {inputs.target}, all "
            f"as they should be{told}",
            output={
                "rows": {part.shape.table: len(part.wanted) for part in found},
                "changed": number,
                "checksum": copies.checksum(found),
                "orphans": orphans,
            },
        )

    async def undo(
        self, inputs: PostgresCopyRowsInputs, captured: JsonObject, context: Context
    ) -> str:
        """Write the rows of before back, in one transaction, and look."""
        async with sessions.opened(context, inputs.destination, writes=True) as target:
            sessions.require_same(target, captured["identity"])
            kept = await copies.unseal(captured, target, context)
            number = await copies.put_back(target, kept, context)
        async with sessions.opened(context, inputs.destination) as target:
            for part in kept:
                if await rows.read(target, part.shape, part.keys) != part.before:
                    raise PermanentError(
                        f"{part.shape.table} is not as it was: somebody writes to these rows."
                    )
        return f"{count(number, 'row')} of {inputs.target} put back, all as they were"


async def _compared(
    inputs: PostgresCopyRowsInputs, target: Session, context: Context
) -> tuple[Copy, tuple[str, str]]:
    """Read both sides; return what differs, and which database the source is."""
    names = (str(inputs.origin), inputs.target)
    found: list[Part] = []
    async with sessions.opened(context, inputs.origin) as source:
        ours, theirs = target.identity, source.identity
        if (ours.system, ours.number, ours.started) == (
            theirs.system,
            theirs.number,
            theirs.started,
        ):
            raise PermanentError(
                f"{names[0]} and {names[1]} lead to the same database: check their DSNs."
            )
        for each in inputs.tables:
            shapes = await rows.shape(source, each.table), await rows.shape(target, each.table)
            rows.require_alike(*shapes, names)
            _require_rights(shapes, (source, target))
            wanted = await rows.read(source, shapes[1], _fitting(each, shapes[1]))
            if len(wanted) < len(each.keys):
                missing = [key for key in each.keys if key not in wanted]
                raise PermanentError(
                    f"{each.table} in {names[0]} does not have "
                    f"{listed('/'.join(key) for key in missing)}: leave out what it can't give."
                )
            before = await rows.read(target, shapes[1], tuple(wanted))
            found.append(Part(shape=shapes[1], before=before, wanted=wanted))
        return tuple(found), source.identity.lasting


def _fitting(each: CopiedTable, shape: Shape) -> tuple[Key, ...]:
    width = len(shape.keys)
    if odd := [key for key in each.keys if len(key) != width]:
        told = listed(column.name for column in shape.keys)
        raise PermanentError(
            f"The primary key of {each.table} is {told}, which {'/'.join(odd[0])} does not fit."
        )
    return each.keys


def _require_rights(shapes: tuple[Shape, Shape], both: tuple[Session, Session]) -> None:
    if not shapes[0].readable:
        raise PermanentError(
            f"The role {both[0].identity.user} may not read {shapes[0].table} in {both[0].name}: "
            "GRANT SELECT on it."
        )
    if not (shapes[1].readable and shapes[1].writable):
        raise PermanentError(
            f"The role {both[1].identity.user} may not write {shapes[1].table} in {both[1].name}: "
            "GRANT SELECT, INSERT, UPDATE, DELETE on it."
        )


async def _differing(found: Copy, target: Session) -> list[str]:
    other: list[str] = []
    for part in found:
        now = await rows.read(target, part.shape, part.keys)
        keys = [key for key in part.keys if now.get(key) != part.wanted[key]]
        other += [f"{part.shape.table} {'/'.join(key)}" for key in keys]
    return other


async def _followed(inputs: PostgresCopyRowsInputs, context: Context) -> tuple[dict[str, int], str]:
    """Count orphans of the tables' foreign keys; what keeps us from it is told."""
    wanted = {each.table for each in inputs.tables}
    try:
        async with sessions.opened(context, inputs.destination) as session:
            keys = [
                each
                for each in await foreign_keys.all_of(session)
                if each.child in wanted or each.parent in wanted
            ]
            counted = {str(key): await foreign_keys.orphans(session, key) for key in keys}
    except (TransientError, PermanentError) as error:  # each new row's were checked at the commit
        return {}, f"; their foreign keys could not be followed as a whole ({error})"
    broken = {key: number for key, number in counted.items() if number}
    if broken:
        told = listed(f"{key} has {count(n, 'row')}" for key, n in broken.items())
        return broken, f"; but rows of these tables point at nothing: {told}"
    return {}, f"; {count(len(keys), 'foreign key')} followed, none broken"


def _changes(part: Part, inputs: PostgresCopyRowsInputs, context: Context) -> list[Change]:
    columns = [each.name for each in part.shape.columns]

    def told(names: Iterable[str], row: Values, other: Values | None = None) -> str:
        cells = zip(names, row, other or row, strict=True)
        shown = [(name, value) for name, value, old in cells if other is None or value != old]
        return ", ".join(f"{name}={_shown(name, value, inputs, context)}" for name, value in shown)

    made = []
    for key, row in part.changed.items():
        old = part.before.get(key)
        made.append(
            Change(
                subject=f"{part.shape.table} {told([c.name for c in part.shape.keys], key)}",
                before=None if old is None else told(columns, old, row),
                after=told(columns, row, old),
            )
        )
    return made


def _shown(name: str, value: Value, inputs: PostgresCopyRowsInputs, context: Context) -> str:
    if value is None:
        return "NULL"
    if name in inputs.masked:
        return masked(context.surroundings.vault, value)
    return value if len(value) <= LONGEST_VALUE else f"{value[: LONGEST_VALUE - 1]}…"
