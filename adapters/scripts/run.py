"""`script.run`: a program of the system's own, allowed by its hash."""

from typing import ClassVar

from pydantic import Field

from adapters.scripts import programs, runs
from adapters.scripts.programs import Argument, Program
from adapters.scripts.runs import End, Lost, Never, Running
from adapters.values import fingerprint_of
from config.models.base import Identifier, Model
from config.models.systems import System
from flows.actions import (
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

CHECK_SECONDS = 15.0
LOOK_AGAIN = 1.0
DONE, NOT_DONE = 0, 1
UNCHECKED = "it has no check: what it does is known by its exit code only"


class ScriptRunInputs(Model):
    """Which of the system's scripts is run, and with what."""

    script: Identifier = Field(description="Name in `connections.scripts` of system.yaml.")
    arguments: tuple[Argument, ...] = Field(
        default=(), max_length=30, description="Passed one by one; nothing expands them."
    )


class ScriptRunOutput(Model):
    """How it ended."""

    exit_code: int | None = Field(description="Null where only its check is known.")
    seconds: float | None = Field(description="How long it ran.")
    last_line: str = Field(description="The last line that it said, without secrets.")
    evidence: str | None = Field(description="Name under which all that it said is kept.")


class ScriptRun(Action):
    """Run a script that system.yaml allows, and judge it by its exit code and its own check.

    No shell is involved.  What is run is a private copy of the very bytes whose sha256 was
    compared; it gets PATH, HOME, LANG and the variables that system.yaml names, and an empty
    folder to work in.  At its timeout it is ended with everything that it started, and so is what
    it leaves behind when it ends.  It outlives the bot: whoever looks next finds it at work, or
    its end.  What it says (512 KiB at most, its secrets masked) is kept as evidence.

    With a `check` in system.yaml the same file, called with that argument first, only looks: 0 is
    done, 1 is not done.  It is asked by the preview and by verify.  Without one the exit code is
    all that is known, and a run whose end is lost is for people.  It is never repeated by itself.
    A script that can lose something (`loses`) is refused: `script.run_destructive` runs it.

    Effect: interrupts, because nobody but its authors knows what it does.  Not undoable.  Units:
    seconds.  Errors: permanent for a script that is not allowed, another one than was allowed or
    can't be started, and for a lost end; transient while an earlier attempt is still at work.
    """

    uses: ClassVar[str] = "script.run"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    idempotent: ClassVar[bool] = False
    Inputs: ClassVar[type[Model]] = ScriptRunInputs
    Output: ClassVar[type[Model]] = ScriptRunOutput
    example: ClassVar[JsonObject] = {"script": "smoke-test", "arguments": ["--critical-path"]}

    def permissions(self, inputs: ScriptRunInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: what a script may do is decided where it does it."""
        return ()

    async def preview(self, inputs: ScriptRunInputs, context: Context) -> Preview:
        """Show what would be run, and ask its check whether that is needed."""
        program = await self._find(inputs, context)
        done = await _checked(program, inputs, context)
        told = program.told(inputs.arguments)
        before = None if done is None else "not done, as its check says"
        change = Change(subject=f"script {inputs.script}", before=before, after=told)
        allowed = program.script.model_dump(mode="json")
        return Preview(
            summary=f"Run {inputs.script}: {told}",
            fingerprint=fingerprint_of([inputs.model_dump(mode="json"), allowed]),
            changes=() if done else (change,),
            in_place=done is True,
            losses="" if done else program.script.loses or "",
            warnings=(UNCHECKED,) if done is None else (),
        )

    async def capture(self, inputs: ScriptRunInputs, context: Context) -> JsonObject:
        """Return nothing: what a script changes is not known."""
        return {}

    async def apply(self, inputs: ScriptRunInputs, captured: JsonObject, context: Context) -> None:
        """Start it, unless its check says that it is done."""
        program = await self._find(inputs, context)
        if await _checked(program, inputs, context):
            return
        await runs.start(context, program, inputs.arguments)

    async def verify(
        self, inputs: ScriptRunInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at it: at work, ended, or lost; and ask its check."""
        match await runs.look(context):
            case Running() as running:
                said = f": {running.last}" if running.last else ""
                return NotYet(progress=f"runs for {running.seconds:.0f} s{said}", after=LOOK_AGAIN)
            case End() as end:
                return await _judged(end, inputs, context)
            case Never():
                return await _unseen("it was not started", inputs, context, started=False)
            case Lost(why=why):
                return await _unseen(why, inputs, context, started=True)

    async def _find(self, inputs: ScriptRunInputs, context: Context) -> Program:
        """Return the script; raise `PermanentError` where another action must run it."""
        program = await programs.find(context, inputs.script)
        if (program.script.loses is not None) != (self.effect is Effect.DESTROYS):
            raise PermanentError(
                f"system.yaml says that the script {inputs.script} can lose "
                f"{program.script.loses or 'nothing'}: run it by "
                f"{'script.run_destructive' if program.script.loses else 'script.run'}."
            )
        return program


async def _judged(end: End, inputs: ScriptRunInputs, context: Context) -> Verdict:
    kept = await runs.keep(context, end)
    if end.code != DONE:
        return Refuted(why=f"{inputs.script}: {end.told()} (all of it: {kept})", final=True)
    program = await programs.find(context, inputs.script)
    if await _checked(program, inputs, context) is False:
        return Refuted(
            why=f"{inputs.script} ended well, but its own check says that it is not done "
            f"(all that it said: {kept})",
            final=True,
        )
    output = {
        "exit_code": end.code,
        "seconds": end.seconds,
        "last_line": end.last,
        "evidence": kept,
    }
    return Holds(summary=f"{inputs.script}: {end.told()}", output=output)


async def _unseen(why: str, inputs: ScriptRunInputs, context: Context, *, started: bool) -> Verdict:
    """Judge by the check alone, where there is one."""
    done = await _checked(await programs.find(context, inputs.script), inputs, context)
    if done:
        output = {"exit_code": None, "seconds": None, "last_line": "", "evidence": None}
        return Holds(summary=f"{inputs.script} is done, as its check says", output=output)
    if done is None and started:
        raise PermanentError(
            f"How {inputs.script} ended can't be known: {why}. See what it has done, then skip "
            "the step or retry it."
        )
    return Refuted(why=f"{inputs.script}: {why}")


async def _checked(program: Program, inputs: ScriptRunInputs, context: Context) -> bool | None:
    """Ask the script's own check; None where it has none."""
    if program.script.check is None:
        return None
    arguments = (program.script.check, *inputs.arguments)
    seconds = min(program.timeout, CHECK_SECONDS)
    end = await runs.perform(context, program, arguments, seconds)
    if end.code in (DONE, NOT_DONE):
        return end.code == DONE
    told = f"The check of {program.name} does not say whether it is done: {end.told()}"
    if end.code is None and end.why and "time" in end.why:
        raise TransientError(f"{told}.", delay=5.0)
    raise PermanentError(f"{told}. It must end with 0 (done) or 1 (not done).")
