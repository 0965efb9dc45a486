"""`http.synthetic`: whether a journey through the service still works, as a test user has it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.http import exchanges, journeys
from adapters.http.journeys import UNIQUE, JourneyStep, Wallet
from adapters.values import count, listed
from config.models.base import Duration, Model
from config.models.connections import SecretRef
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

LOOK_AGAIN = 15.0
LONGEST_RUN = 20.0
"""Seconds, so that within a look's 30 s there is time to clear up."""
MOST_STEPS = 20


class HttpSyntheticInputs(Model):
    """A journey, the test user that makes it, and what clears up after it."""

    journey: str = Field(min_length=1, max_length=80, description="Its name, e.g. `login`.")
    identity: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="The test user or tenant that it is made as; needed where it writes.",
    )
    secrets: dict[journeys.Name, SecretRef] = Field(
        default_factory=dict,
        description="Name to a reference, used as `${name}`; sent over https only, never told.",
    )
    steps: tuple[JourneyStep, ...] = Field(min_length=1, max_length=MOST_STEPS)
    cleanup: tuple[JourneyStep, ...] = Field(
        default=(),
        max_length=MOST_STEPS,
        description="Requests that remove what the journey made; those whose values are there are "
        "sent in any case, also after a failure.",
    )
    timeout: Duration = Field(default=timedelta(seconds=10), description="For each answer.")
    within: Duration | None = Field(default=None, description="For all answers together.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = {UNIQUE, *self.secrets}
        if UNIQUE in self.secrets:
            raise ValueError("`unique` is the name of what is another text in each run")
        for step in (*self.steps, *self.cleanup):
            if unknown := step.names() - known:
                raise ValueError(
                    f'"{step.name}" uses {listed(sorted(unknown))}, which is neither a secret nor '
                    "kept by a step before it"
                )
            if step.names() - {UNIQUE} and not step.protected:
                raise ValueError(f'"{step.name}" would send a secret without TLS: use https')
            if step.writes and self.identity is None:
                raise ValueError(f'"{step.name}" writes: say as which test user (`identity`)')
            known |= step.keep.keys()
        return self


class HttpSyntheticOutput(Model):
    """What was seen."""

    ok: bool
    failed: str | None = Field(description="The step at which it ended, null where all went well.")
    steps: int = Field(description="How many steps went well.")
    latency_ms: float = Field(description="Milliseconds that the answers took together.")


class HttpSynthetic(Reading[HttpSyntheticInputs]):
    """Make a journey of several requests as a test user, and compare each answer.

    Cookies and kept values go from one request to the next, and are forgotten at the end; no other
    run sees them.  Redirects are followed for GET and on the same host only.  What the journey
    made is removed by `cleanup`, also when it fails.  As wanted: holds.  Otherwise: not yet, with
    the step that failed.  Not answered: not yet, unknown, without output.

    Effect: reads; nobody but the test user is touched.  Units: milliseconds.  Errors: permanent
    for a malformed address and for a secret that is not there.
    """

    uses: ClassVar[str] = "http.synthetic"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = HttpSyntheticInputs
    Output: ClassVar[type[Model]] = HttpSyntheticOutput
    example: ClassVar[JsonObject] = {
        "journey": "login",
        "identity": "synthetic@aivo.edu",
        "secrets": {"password": "env:AIVO_SYNTHETIC_PASSWORD"},
        "steps": [
            {
                "name": "log in",
                "method": "POST",
                "url": "https://api.aivo.edu/login",
                "body": {"user": "synthetic@aivo.edu", "password": "${password}"},
                "keep": {"token": "session.token"},
            },
            {
                "name": "open the dashboard",
                "url": "https://api.aivo.edu/dashboard",
                "headers": {"Authorization": "Bearer ${token}"},
                "expect": {"student.role": "synthetic"},
            },
        ],
        "within": "2s",
    }

    def permissions(self, inputs: HttpSyntheticInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: the test user's own secrets are all that it takes."""
        return ()

    def describe(self, inputs: HttpSyntheticInputs) -> str:
        """Say what is done, and as whom."""
        steps = listed((f"{each.name} ({each.method})" for each in inputs.steps), MOST_STEPS)
        who = f" as {inputs.identity}" if inputs.identity else ""
        after = f"; then clear up with {count(len(inputs.cleanup), 'request')}"
        return f"Make the journey {inputs.journey}{who}: {steps}{after if inputs.cleanup else ''}"

    async def look(self, inputs: HttpSyntheticInputs, context: Context) -> Verdict:
        """Make the journey once."""
        secret = context.surroundings.secret
        wallet = Wallet.of({name: secret(each) for name, each in inputs.secrets.items()})
        async with exchanges.own_client() as client:
            run = Run(inputs, context, wallet, client)
            verdict: Verdict
            try:
                async with asyncio.timeout(LONGEST_RUN):
                    verdict = await run.go()
            except TimeoutError:
                told = f"unknown: the journey took longer than {LONGEST_RUN:g} s"
                verdict = NotYet(progress=told, after=LOOK_AGAIN)
            finally:
                left = await run.clear_up()
        return _with(verdict, left)


class Run:
    """One run of a journey, with cookies and values of its own."""

    def __init__(
        self, inputs: HttpSyntheticInputs, context: Context, wallet: Wallet, client: Any
    ) -> None:
        self._inputs, self._context = inputs, context
        self._wallet, self._client = wallet, client
        self._done = 0
        self._seconds = 0.0

    async def go(self) -> Verdict:
        """Send the requests one after the other until one is not answered as wanted."""
        for step in self._inputs.steps:
            try:
                wrong = await self._send(step)
            except TransientError as error:
                told = f"unknown: {self._tell(step, str(error))}"
                return NotYet(progress=told, after=LOOK_AGAIN)
            if wrong is not None:
                return self._failed(step.name, self._tell(step, wrong))
            self._done += 1
        told = f"the journey {self._inputs.journey} took {self._latency():g} ms"
        limit = self._inputs.within
        if limit is not None and self._seconds > limit.total_seconds():
            return self._failed(
                self._inputs.steps[-1].name, f"{told}, expected {limit.total_seconds():g} s"
            )
        return Holds(summary=f"{told}, {count(self._done, 'step')}", output=self._output(None))

    async def clear_up(self) -> Sequence[str]:
        """Remove what was made, as far as it is known; return what is left, in words."""
        left = []
        for step in self._inputs.cleanup:
            if not step.names() <= self._wallet.values.keys():
                continue  # what it would remove was never made
            try:
                wrong = await self._send(step)
            except (TransientError, PermanentError) as error:
                wrong = str(error)
            if wrong is not None:
                left.append(self._tell(step, wrong))
        return left

    async def _send(self, step: JourneyStep) -> str | None:
        request = journeys.request_of(step, self._wallet, self._inputs.timeout.total_seconds())
        try:
            answer = await exchanges.exchange(self._context, request, client=self._client)
        except PermanentError as error:
            raise PermanentError(self._wallet.hide(str(error))) from None
        self._seconds += answer.seconds
        return journeys.judge(step, answer, self._wallet)

    def _tell(self, step: JourneyStep, what: str) -> str:
        return self._wallet.hide(f'"{step.name}" {what}')

    def _failed(self, step: str, told: str) -> NotYet:
        return NotYet(progress=told, after=LOOK_AGAIN, output=self._output(step))

    def _latency(self) -> float:
        return round(self._seconds * 1000, 1)

    def _output(self, failed: str | None) -> JsonObject:
        return {
            "ok": failed is None,
            "failed": failed,
            "steps": self._done,
            "latency_ms": self._latency(),
        }


def _with(verdict: Verdict, left: Sequence[str]) -> Verdict:
    """Add what could not be cleared up; a service that can't remove does not work, either."""
    if not left:
        return verdict
    told = f"not cleared up: {listed(left)}"
    match verdict:
        case Holds():
            output = {**verdict.output, "ok": False, "failed": "cleanup"}
            return NotYet(progress=told, after=LOOK_AGAIN, output=output)
        case NotYet():
            progress = f"{verdict.progress}; {told}"
            return NotYet(progress=progress, after=verdict.after, output=verdict.output)
        case _:
            return verdict
