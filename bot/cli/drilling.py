"""`backout drill`: is a procedure fit for use?  Planned for real, changed nothing, kept as passed.

Every step is looked at with the rights that a rollback would have; what can't be looked at fails
the drill.  An automatic start asks for one that passed recently.
"""

import asyncio

from bot.cli import ground
from bot.cli.failures import ExitCode
from bot.cli.output import plural, print_json, say, waiting


def drill(system: str, procedure: str, given: list[str], *, as_json: bool) -> ExitCode:
    """Make a plan of a procedure, and keep that it could be made."""
    settings = ground.settings()
    bundle = ground.one_system(ground.bundles(settings), system)
    name = ground.one_procedure(bundle, procedure)
    from bot import wiring
    from bot.cli.planning import read_inputs
    from bot.stores import drills_of

    inputs = read_inputs(bundle.procedures[name], given)
    with waiting(f"Looking at {bundle.system.title} …"):
        made = asyncio.run(wiring.make_plan(settings, bundle.system.system, name, inputs=inputs))
    drills = drills_of(settings)
    drills.passed(bundle.system.system, made)
    warnings = [warning for step in made.steps for warning in step.warnings]
    if as_json:
        print_json({"procedure": name, "plan": made.digest, "warnings": warnings})
        return ExitCode.OK
    say(f"✓ {made.title}: {plural(len(made.steps), 'step')} planned and looked at, none performed")
    say(f"  kept in {drills.place}")
    for warning in warnings:
        say(f"  ! {warning}")
    return ExitCode.OK
