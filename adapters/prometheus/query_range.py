"""`prometheus.query_range`: one number about a window of time, and whether it is all right."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from adapters.prometheus import asking, clocks
from config.models.base import Duration, Expression, Model, format_duration
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Reading,
    TransientError,
    Verdict,
)

POINTS = 60
MOST_POINTS = 1000
SHORTEST_STEP = timedelta(seconds=1)
LONGEST_PAUSE = 15.0

Over = Literal["avg", "min", "max", "last", "share"]
FOLDS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": fmean,
    "min": min,
    "max": max,
    "last": lambda values: values[-1],
}


class PrometheusQueryRangeInputs(Model):
    """What is asked over which window, how it becomes one number, and what counts as well."""

    query: str = Field(min_length=1, max_length=8000, description="PromQL with one series.")
    window: Duration = Field(description="How far back from now, e.g. `10m`; 7 days at most.")
    step: Duration | None = Field(
        default=None, description="Time between two points; left out: a sixtieth of the window."
    )
    over: Over = Field(
        default="avg",
        description="How the points become one number; `share` is the share of time in `bounds`.",
    )
    bounds: Expression | None = Field(
        default=None, description="With `share`: CEL over each point's `value`."
    )
    expect: Expression | None = Field(
        default=None, description="CEL over the number, `value`, e.g. `value < 0.001`."
    )
    coverage: float = Field(
        default=0.9, gt=0, le=1, description="Share of the points that must be there to judge."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not timedelta(seconds=2) <= self.window <= timedelta(days=7):
            raise ValueError("`window` is from 2s to 168h")
        if self.step is not None and not SHORTEST_STEP <= self.step <= self.window:
            raise ValueError("`step` is from 1s to the window")
        if self.points > MOST_POINTS:
            raise ValueError(f"that is {self.points} points, {MOST_POINTS} at most: a longer step")
        if (self.over == "share") != (self.bounds is not None):
            raise ValueError("`bounds` and `over: share` go together")
        return self

    @property
    def pace(self) -> timedelta:
        """Return the time between two points."""
        chosen = timedelta(seconds=math.ceil(self.window.total_seconds() / POINTS))
        return chosen if self.step is None else self.step

    @property
    def points(self) -> int:
        """Return how many points the window has."""
        return self.window // self.pace + 1


class PrometheusQueryRangeOutput(Model):
    """What was seen.  `ok` is null where nothing was expected."""

    value: float
    ok: bool | None
    samples: int = Field(description="Points that were there.")
    missing: int = Field(description="Points that were not.")
    begins: str = Field(description="Begin of the window, ISO 8601.")
    ends: str = Field(description="End of the window, ISO 8601.")


class PrometheusQueryRange(Reading[PrometheusQueryRangeInputs]):
    """Ask Prometheus for a series over a window, make one number of it, and compare that.

    Points that are absent, NaN or infinite are unknown: with fewer than `coverage` of them, with
    no series or several, nothing is judged: not yet, without output.  A point without a value is
    in no bounds.  (Prometheus itself carries a value on for up to five minutes after its last
    scrape.)  Not as expected: not yet, with the value.

    Effect: reads.  Units: those of the query; a share is between 0 and 1.  Errors: permanent for a
    query or expression that is wrong and for a refused token; a server that does not answer is
    unknown.
    """

    uses: ClassVar[str] = "prometheus.query_range"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PrometheusQueryRangeInputs
    Output: ClassVar[type[Model]] = PrometheusQueryRangeOutput
    example: ClassVar[JsonObject] = {
        "query": "sum(rate(http_requests_total{code=~'5..'}[1m])) / "
        "sum(rate(http_requests_total[1m]))",
        "window": "10m",
        "over": "share",
        "bounds": "value < 0.001",
        "expect": "value >= 0.99",
    }

    def permissions(
        self, inputs: PrometheusQueryRangeInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: the token, where there is one, is all that it takes."""
        return ()

    def describe(self, inputs: PrometheusQueryRangeInputs) -> str:
        """Say what is asked."""
        expected = f", expecting {inputs.expect}" if inputs.expect else ""
        return f"Ask Prometheus for {_named(inputs)} of {inputs.query}{expected}"

    async def look(self, inputs: PrometheusQueryRangeInputs, context: Context) -> Verdict:
        """Ask once, for the window that ends now."""
        again = min(max(inputs.pace.total_seconds(), 2.0), LONGEST_PAUSE)
        ends = clocks.now()
        try:
            data = await asking.ask(context, "query_range", _form(inputs, ends))
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=again)
        values = one_series(data)
        if isinstance(values, str):
            return NotYet(progress=f"unknown: {values}", after=again)
        missing = max(inputs.points - len(values), 0)
        if not values or len(values) < inputs.coverage * inputs.points:
            told = f"{len(values)} of {inputs.points} points are there"
            return NotYet(progress=f"unknown: {told}", after=again)
        value = fold(inputs, values)
        ok = asking.met(inputs.expect, value, given="expect") if inputs.expect else None
        output = {
            "value": value,
            "ok": ok,
            "samples": len(values),
            "missing": missing,
            "begins": (ends - inputs.window).isoformat(),
            "ends": ends.isoformat(),
        }
        told = f"{_named(inputs)} is {value:.4g}"
        if ok is False:
            return NotYet(progress=f"{told}, expected {inputs.expect}", after=again, output=output)
        as_expected = f", as expected ({inputs.expect})" if inputs.expect else ""
        return Holds(summary=f"{told}{as_expected}", output=output)


def one_series(data: Any) -> list[float] | str:
    """Return the finite values of the only series, or why there are none."""
    found = data if isinstance(data, dict) else {}
    result = found.get("result") or []
    if found.get("resultType") != "matrix":
        return f"a {found.get('resultType')} instead of a series"
    if not result:
        return "no data for this query in the window"
    if len(result) > 1:
        return f"{len(result)} series instead of one: aggregate them in the query"
    values = [float(pair[1]) for pair in result[0].get("values") or ()]
    return [each for each in values if math.isfinite(each)]


def fold(inputs: PrometheusQueryRangeInputs, values: Sequence[float]) -> float:
    """Make one number of the points."""
    if inputs.bounds is None:
        return FOLDS[inputs.over](values)
    good = sum(asking.met(inputs.bounds, each, given="bounds") for each in values)
    return good / max(inputs.points, len(values))


def _form(inputs: PrometheusQueryRangeInputs, ends: datetime) -> dict[str, str]:
    return {
        "query": inputs.query,
        "start": f"{(ends - inputs.window).timestamp():.3f}",
        "end": f"{ends.timestamp():.3f}",
        "step": f"{inputs.pace.total_seconds():g}",
    }


def _named(inputs: PrometheusQueryRangeInputs) -> str:
    window = format_duration(inputs.window)
    if inputs.over == "share":
        return f"the share of {window} with {inputs.bounds}"
    if inputs.over == "last":
        return f"the last value of {window}"
    return f"the {inputs.over} over {window}"
