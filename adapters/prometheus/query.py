"""`prometheus.query`: one number from an instant query, and whether it is all right."""

import math
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from adapters.prometheus import asking
from config.models.base import Expression, Model
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

LOOK_AGAIN = 2.0


class PrometheusQueryInputs(Model):
    """What is asked, and what counts as well."""

    query: str = Field(min_length=1, max_length=8000, description="PromQL with one sample.")
    expect: Expression | None = Field(
        default=None, description="CEL over `value`, e.g. `value < 0.001`."
    )


class PrometheusQueryOutput(Model):
    """What was seen.  `ok` is null where nothing was expected."""

    value: float
    ok: bool | None
    at: str = Field(description="Time of the sample, ISO 8601.")


class PrometheusQuery(Reading[PrometheusQueryInputs]):
    """Ask Prometheus for one number and compare it with what is expected.

    No sample, more than one, and NaN are unknown: not yet, without output, never "all right".
    Not as expected: not yet, with the value.

    Effect: reads.  Units: those of the query.  Errors: permanent for a query or expression that
    is wrong and for a refused token; a server that does not answer is unknown.
    """

    uses: ClassVar[str] = "prometheus.query"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PrometheusQueryInputs
    Output: ClassVar[type[Model]] = PrometheusQueryOutput
    example: ClassVar[JsonObject] = {
        "query": "sum(rate(http_requests_total{code=~'5..'}[1m])) / "
        "sum(rate(http_requests_total[1m]))",
        "expect": "value < 0.001",
    }

    def permissions(self, inputs: PrometheusQueryInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: the token, where there is one, is all that it takes."""
        return ()

    def describe(self, inputs: PrometheusQueryInputs) -> str:
        """Say what is asked."""
        expected = f", expecting {inputs.expect}" if inputs.expect else ""
        return f"Ask Prometheus for {inputs.query}{expected}"

    async def look(self, inputs: PrometheusQueryInputs, context: Context) -> Verdict:
        """Ask once."""
        try:
            data = await asking.ask(context, "query", {"query": inputs.query})
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        sample = one_sample(data)
        if isinstance(sample, str):
            return NotYet(progress=f"unknown: {sample}", after=LOOK_AGAIN)
        at, value = sample
        ok = asking.met(inputs.expect, value, given="expect") if inputs.expect else None
        output = {"value": value, "ok": ok, "at": at.isoformat()}
        if ok is False:
            told = f"value is {value:.4g}, expected {inputs.expect}"
            return NotYet(progress=told, after=LOOK_AGAIN, output=output)
        met = f", as expected ({inputs.expect})" if inputs.expect else ""
        return Holds(summary=f"value is {value:.4g}{met}", output=output)


def one_sample(data: Any) -> tuple[datetime, float] | str:
    """Return time and value of the only sample, or why there is none."""
    found = data if isinstance(data, dict) else {}
    kind, result = found.get("resultType"), found.get("result") or []
    if kind == "vector":
        if not result:
            return "no data for this query"
        if len(result) > 1:
            return f"{len(result)} series instead of one: aggregate them in the query"
        pair = result[0].get("value")
    elif kind == "scalar":
        pair = result
    else:
        return f"a {kind} instead of one sample"
    if not (isinstance(pair, list) and len(pair) == 2):
        return "no data for this query"
    value = float(pair[1])
    if math.isnan(value):
        return "not a number (NaN): the query divides nothing by nothing"
    return datetime.fromtimestamp(float(pair[0]), UTC), value
