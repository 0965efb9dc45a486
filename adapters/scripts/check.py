"""`script.check`: what a script says that only looks."""

from typing import ClassVar

from pydantic import Field

from adapters.scripts import programs, runs
from adapters.scripts.programs import Argument
from config.models.base import Identifier, Model
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
    Verdict,
)

LONGEST = 15.0
LOOK_AGAIN = 5.0
WELL = 0


class ScriptCheckInputs(Model):
    """Which of the system's scripts is asked, and about what."""

    script: Identifier = Field(description="Name in `connections.scripts`; it must have a `check`.")
    arguments: tuple[Argument, ...] = Field(
        default=(), max_length=30, description="Passed one by one, after the check's own argument."
    )


class ScriptCheckOutput(Model):
    """What it said."""

    ok: bool
    last_line: str = Field(description="The last line, without secrets.")
    seconds: float = Field(description="How long it took.")


class ScriptCheck(Reading[ScriptCheckInputs]):
    """Ask a script of the system that only looks, such as a health check of its own.

    It is called with the `check` argument that system.yaml names for it, under the same terms as
    `script.run`, and has 15 s.  Exit code 0 holds, 1 is not yet; any other one, and an end by its
    timeout, is unknown: not yet, without output.

    Effect: reads, as system.yaml promises of it.  Units: seconds.  Errors: permanent for a script
    that is not allowed, another one than was allowed, or has no `check`.
    """

    uses: ClassVar[str] = "script.check"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = ScriptCheckInputs
    Output: ClassVar[type[Model]] = ScriptCheckOutput
    example: ClassVar[JsonObject] = {"script": "health-check-production"}

    def permissions(self, inputs: ScriptCheckInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: what a script may look at is decided where it looks."""
        return ()

    def describe(self, inputs: ScriptCheckInputs) -> str:
        """Say what is asked."""
        return " ".join((f"Ask the script {inputs.script}", *inputs.arguments))

    async def look(self, inputs: ScriptCheckInputs, context: Context) -> Verdict:
        """Ask once."""
        program = await programs.find(context, inputs.script)
        if program.script.check is None:
            raise PermanentError(
                f"The script {inputs.script} has no `check` in connections.scripts of system.yaml: "
                "name the argument with which it only looks, or use script.run."
            )
        arguments = (program.script.check, *inputs.arguments)
        end = await runs.perform(context, program, arguments, min(program.timeout, LONGEST))
        told = f"{inputs.script}: {end.told()}"
        output = {"ok": end.code == WELL, "last_line": end.last, "seconds": end.seconds}
        match end.code:
            case 0:
                return Holds(summary=told, output=output)
            case 1:
                return NotYet(progress=told, after=LOOK_AGAIN, output=output)
            case _:
                return NotYet(progress=f"unknown: {told}", after=LOOK_AGAIN)
