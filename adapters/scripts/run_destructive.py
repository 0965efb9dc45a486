"""`script.run_destructive`: a program of the system's own that can lose something."""

from typing import ClassVar

from adapters.scripts.run import ScriptRun
from flows.actions import Effect, JsonObject


class ScriptRunDestructive(ScriptRun):
    """Run a script of which system.yaml says what it can lose (`loses`).

    In everything else it is `script.run`, which such a script refuses.  Approvers read the loss
    beside the step, and the higher gate of steps that lose data applies.

    Effect: destroys.  Not undoable.  Units: seconds.  Errors: those of `script.run`, and permanent
    for a script that loses nothing.
    """

    uses: ClassVar[str] = "script.run_destructive"
    effect: ClassVar[Effect] = Effect.DESTROYS
    example: ClassVar[JsonObject] = {
        "script": "purge-uploads",
        "arguments": ["--before=2026-11-21"],
    }
