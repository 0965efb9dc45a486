"""`postgres.query_check`: one value from a database, and whether it is all right."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.postgres import sessions
from adapters.postgres.drivers import Row
from adapters.postgres.places import DatabaseInputs
from config.models.base import Expression, Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Reading,
    TransientError,
    Verdict,
)

LOOK_AGAIN = 2.0
SECONDS = 20.0
LONGEST_VALUE = 200
QUERY = r"(?is)^\s*(select|with|table|values|show)\b.+$"

Scalar = bool | int | float | str


class PostgresQueryCheckInputs(DatabaseInputs):
    """What is asked, and what counts as well."""

    query: str = Field(
        pattern=QUERY, max_length=8000, description="One statement with one row of one column."
    )
    expect: Expression | None = Field(
        default=None,
        description="CEL over `value` and `baseline`, e.g. `value >= baseline * 0.99`.",
    )
    baseline: Scalar | None = Field(
        default=None, description="What it was before; without `expect` the value must equal it."
    )
    tolerance: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="How far the value may be from the baseline, as a share of it: 0.01 is 1 %.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tolerance and (self.expect is not None or self.baseline is None):
            raise ValueError("tolerance belongs to a baseline without expect")
        if self.tolerance and isinstance(self.baseline, bool):
            raise ValueError("tolerance belongs to a baseline that is a number")
        return self


class PostgresQueryCheckOutput(Model):
    """What was seen.  `ok` is null where nothing was expected."""

    value: Any = Field(description="The value: a number, a text, true or false.")
    ok: bool | None


class PostgresQueryCheck(Reading[PostgresQueryCheckInputs]):
    """Ask a database for one value, and compare it with what is expected.

    Runs in a read-only transaction with a limit of 20 s; a second statement behind the first is
    refused.  No row and NULL are unknown: not yet, without output, never "all right".  Not as
    expected: not yet, with the value.

    Effect: reads.  Units: those of the query.  Errors: permanent for a query or expression that is
    wrong, one that writes, more than one row or column, a missing right, and a database that is not
    the pinned one; a server that does not answer is unknown.
    """

    uses: ClassVar[str] = "postgres.query_check"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PostgresQueryCheckInputs
    Output: ClassVar[type[Model]] = PostgresQueryCheckOutput
    example: ClassVar[JsonObject] = {
        "database": "main",
        "query": "SELECT count(*) FROM public.users",
        "baseline": 120000,
        "tolerance": 0.01,
    }

    def permissions(
        self, inputs: PostgresQueryCheckInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    def describe(self, inputs: PostgresQueryCheckInputs) -> str:
        """Say what is asked."""
        wanted = _wish(inputs)
        return f"Ask {inputs.place} for {inputs.query}" + (f", {wanted}" if wanted else "")

    async def look(self, inputs: PostgresQueryCheckInputs, context: Context) -> Verdict:
        """Ask once."""
        try:
            async with sessions.opened(context, inputs.place, seconds=SECONDS) as session:
                rows = await session.ask_foreign(inputs.query)
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        value = one_value(rows)
        if value is None:
            why = "the value is NULL" if rows else "no row for this query"
            return NotYet(progress=f"unknown: {why}", after=LOOK_AGAIN)
        ok = _met(inputs, value)
        told = f"value is {json.dumps(value, ensure_ascii=False)}"
        output = {"value": value, "ok": ok}
        if ok is False:
            return NotYet(progress=f"{told}, {_wish(inputs)}", after=LOOK_AGAIN, output=output)
        return Holds(summary=told + (f", {_wish(inputs)}" if ok else ""), output=output)


def one_value(rows: list[Row]) -> Any:
    """Return the only value as JSON has it, or None; `PermanentError` where there are more."""
    if not rows:
        return None
    if len(rows) > 1 or len(rows[0]) != 1:
        raise PermanentError(
            f"The query gave {len(rows)} rows of {len(rows[0])} columns instead of one value: "
            "aggregate them in the query."
        )
    value = rows[0][0]
    match value:
        case Decimal():
            number = float(value)
            return int(value) if value == value.to_integral_value() else number
        case datetime() | date() | time():
            return value.isoformat()
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)[:LONGEST_VALUE]


def _met(inputs: PostgresQueryCheckInputs, value: Any) -> bool | None:
    if inputs.expect is None and inputs.baseline is None:
        return None
    if inputs.expect is None:
        return _near(inputs, value)
    from config import expressions

    values = {"value": value, "baseline": inputs.baseline}
    try:
        compiled = expressions.compile_expression(inputs.expect)
        met = expressions.evaluate_condition(compiled, values)
    except expressions.ExpressionError as error:
        raise PermanentError(f"`expect` is wrong: {error}") from error
    if met is None:
        raise PermanentError(
            "`expect` may use `value`, and `baseline` where one is given, which "
            f"`{inputs.expect}` does not keep to."
        )
    return met


def _near(inputs: PostgresQueryCheckInputs, value: Any) -> bool:
    baseline = inputs.baseline
    if not inputs.tolerance:
        return bool(value == baseline)
    if not isinstance(value, int | float) or not isinstance(baseline, int | float):
        raise PermanentError(
            f"tolerance compares numbers, and the value is {value!r}, the baseline {baseline!r}."
        )
    return abs(value - baseline) <= inputs.tolerance * abs(baseline)


def _wish(inputs: PostgresQueryCheckInputs) -> str:
    if inputs.expect is not None:
        based = f" (baseline {inputs.baseline})" if inputs.baseline is not None else ""
        return f"expected {inputs.expect}{based}"
    if inputs.baseline is None:
        return ""
    within = f" within {inputs.tolerance:.2%}" if inputs.tolerance else ""
    return f"expected {json.dumps(inputs.baseline, ensure_ascii=False)}{within}"
