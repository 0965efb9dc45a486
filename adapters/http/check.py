"""`http.check`: does an address answer as it should?  A look, told apart from not knowing."""

import json
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field

from adapters.http import exchanges
from adapters.http.exchanges import Answer, Request
from adapters.values import lookup
from config.models.base import Duration, Model
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
LONGEST_VALUE = 200

Scalar = str | int | float | bool


class HttpCheckInputs(Model):
    """What is asked, and what counts as well."""

    url: str = Field(pattern=r"^https?://\S+$", max_length=2000)
    status: int = Field(default=200, ge=100, le=599, description="The status that counts as well.")
    field: str | None = Field(
        default=None, description="Dotted path into the JSON body that must be there."
    )
    equals: Scalar | None = Field(default=None, description="What the field must be.")
    timeout: Duration = Field(default=timedelta(seconds=5), description="For the whole answer.")


class HttpCheckOutput(Model):
    """What was seen."""

    ok: bool
    status: int
    value: Any = Field(default=None, description="The field's value, null where it is not there.")
    latency_ms: float = Field(description="Milliseconds until the whole answer was there.")


class HttpCheck(Reading[HttpCheckInputs]):
    """Ask an address, and compare status and one JSON field.

    Answered as wanted: holds.  Answered otherwise: not yet, with what was seen.  Not answered
    (refused, too late, broken): not yet, unknown, without output; an address that is down is
    never "not degraded".  Redirects are followed on the same host only.

    Effect: reads.  Units: milliseconds.  Errors: none but a malformed address (permanent).
    """

    uses: ClassVar[str] = "http.check"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = HttpCheckInputs
    Output: ClassVar[type[Model]] = HttpCheckOutput
    example: ClassVar[JsonObject] = {
        "url": "https://api.aivo.edu/health",
        "field": "status",
        "equals": "ok",
        "timeout": "5s",
    }

    def permissions(self, inputs: HttpCheckInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: it needs no account."""
        return ()

    def describe(self, inputs: HttpCheckInputs) -> str:
        """Say what is asked."""
        wanted = f"{inputs.status}" + (f" with {_wish(inputs)}" if inputs.field else "")
        return f"Ask {inputs.url} for {wanted}"

    async def look(self, inputs: HttpCheckInputs, context: Context) -> Verdict:
        """Ask once."""
        seconds = inputs.timeout.total_seconds()
        try:
            answer = await exchanges.exchange(
                context, Request(method="GET", url=inputs.url, seconds=seconds)
            )
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        return judge(inputs, answer)


def judge(inputs: HttpCheckInputs, answer: Answer) -> Verdict:
    """Compare an answer with what is wanted."""
    there, value = lookup(answer.json(), inputs.field) if inputs.field else (True, None)
    if isinstance(value, str):
        value = value[:LONGEST_VALUE]
    as_wanted = there and (inputs.equals is None or value == inputs.equals)
    ok = answer.status == inputs.status and as_wanted
    latency = round(answer.seconds * 1000, 1)
    output = {"ok": ok, "status": answer.status, "value": value, "latency_ms": latency}
    seen = f"answered {answer.status} in {latency:g} ms"
    if inputs.field:
        seen += (
            f", {inputs.field} is {json.dumps(value)}"
            if there
            else f", {inputs.field} is not there"
        )
    if ok:
        return Holds(summary=seen, output=output)
    wanted = f"{inputs.status}" + (f" and {_wish(inputs)}" if inputs.field else "")
    return NotYet(progress=f"{seen}, expected {wanted}", after=LOOK_AGAIN, output=output)


def _wish(inputs: HttpCheckInputs) -> str:
    if inputs.equals is None:
        return inputs.field or ""
    return f"{inputs.field} {json.dumps(inputs.equals)}"
