"""`backout plan`: what a procedure would do now, looked at for real.  Changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import console, print_json, say, waiting

if TYPE_CHECKING:
    from config.models.bundles import Bundle
    from config.models.procedures import Procedure
    from flows.plans import Plan, Scalar

COLOURS = {"~": "yellow", "!": "magenta", "-": "red", "+": "green"}


def plan(system: str, procedure: str, given: Sequence[str], *, as_json: bool) -> ExitCode:
    """Make a plan of a procedure and print it."""
    settings = ground.settings()
    bundle = ground.one_system(ground.bundles(settings), system)
    name = ground.one_procedure(bundle, procedure)
    inputs = read_inputs(bundle.procedures[name], given)
    from bot import wiring

    with waiting(f"Looking at {bundle.system.title} …"):
        made = asyncio.run(wiring.make_plan(settings, bundle.system.system, name, inputs=inputs))
    if as_json:
        print_json(made)
    else:
        _print(made, bundle)
    return ExitCode.OK


def _print(plan: "Plan", bundle: "Bundle") -> None:
    from rich.text import Text

    from bot.views.plan_text import plan_text

    out = console()
    text = plan_text(plan, system=bundle.system.title, environment=bundle.system.environment)
    if not out.is_terminal:
        say(text.rstrip())
        return
    for line in text.rstrip().splitlines():
        out.print(Text(line, style=_style(line)))


def _style(line: str) -> str:
    """Colour a change by its mark, wherever in the line's head it stands."""
    for word in line.replace("‖", " ").split()[:2]:
        if word in COLOURS:
            return COLOURS[word]
    return "" if line.startswith(" ") else "bold"


def read_inputs(procedure: "Procedure", given: Sequence[str]) -> Mapping[str, "Scalar"]:
    """Read `name=value` pairs for a procedure, each as what its default is."""
    from flows import inputs

    try:
        values = inputs.read(procedure, given)
    except inputs.InputError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    if lacking := inputs.lacking(procedure, values):
        needs = " ".join(f"--input {name}=…" for name in lacking)
        raise CommandError(f"{procedure.procedure} needs {needs}", ExitCode.USAGE)
    return values
