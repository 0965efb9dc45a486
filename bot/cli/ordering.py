"""`backout approve` and what else is decided on the command line, while Slack is away.

The running bot does it, asked through its door (`bot.control`): the same rules, the same record,
and the card in Slack catches up.  Who asks is proven by a code of their second factor.
"""

import asyncio
import sys
from typing import TYPE_CHECKING

from bot import limits
from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import complain, say

if TYPE_CHECKING:
    from bot.control.client import DoorClient
    from bot.control.orders import OpenRun, Order
    from config.settings import Settings

STDIN = "-"
SHORT = 8
BOUND = ("approve", "emergency")
"""What counts for exactly the plan that was read."""


def order(  # noqa: PLR0913  # what the commands have in common, by name
    verb: str,
    incident: str,
    *,
    person: str,
    code: str | None,
    step: str = "",
    digest: str = "",
    reason: str = "",
    text: str = "",
    answer: bool | None = None,
) -> ExitCode:
    """Have the running bot do something for a person; 1 where it says why not."""
    from bot.control import orders
    from bot.control.client import DoorClient

    settings = ground.settings()
    door = DoorClient(settings.data)
    open_run = _open(door, incident)
    if verb in BOUND and not _names(open_run, step, digest):
        asked = _command(verb, open_run, step, person)
        return _show_first(settings, open_run, asked, stale=bool(digest))
    given = _order(
        incident=open_run.incident,
        person=person,
        code=_code(code),
        step=step,
        digest=digest,
        reason=reason[: limits.TEXT],
        text=text[: limits.TEXT],
        answer=answer,
    )
    told = asyncio.run(door.order(orders.Word(verb), given))
    (say if told.done else complain)(told.text)
    return ExitCode.OK if told.done else ExitCode.PROBLEM


def _order(**given: "str | bool | None") -> "Order":
    """Return an order, or say what of it can't be one.  A message never repeats the code."""
    from pydantic import ValidationError

    from bot.control.orders import Order

    try:
        return Order.model_validate(given)
    except ValidationError as error:
        wrong = ", ".join(sorted({str(each["loc"][0]) for each in error.errors()}))
        raise CommandError(f"what was given is no {wrong}", ExitCode.USAGE) from None


def _open(door: "DoorClient", incident: str) -> "OpenRun":
    """Return the open incident that is meant."""
    wanted = ground.incident_id(incident)
    runs = asyncio.run(door.runs())
    found = next((run for run in runs if run.incident == wanted), None)
    if found is None:
        known = ", ".join(run.incident for run in runs)
        hint = f"open is {known}" if known else "no incident is open"
        raise CommandError(f"there is no open {wanted}: {hint}", ExitCode.USAGE)
    return found


def _names(run: "OpenRun", step: str, digest: str) -> bool:
    """Say whether a digest names what waits: a code must not be spent on one that does not."""
    current = run.digest_of(step)
    return (len(digest) >= SHORT and current.startswith(digest)) or not current


def _show_first(settings: "Settings", open_run: "OpenRun", asked: str, *, stale: bool) -> ExitCode:
    """Show what an approval would be about: a word alone names no plan."""
    from bot.views.plan_text import plan_text

    with ground.journal(settings) as journal:
        run = journal.run(open_run.incident)
    if run is not None and run.plan is not None:
        text = plan_text(run.plan, system=run.system_title, environment=run.environment)
        say(f"{text.rstrip()}\n")
    if stale:
        complain("Nothing was done: what waits for approval now is another plan than you named.")
    else:
        complain("Nothing was done yet: it counts for exactly the plan that you have read.")
    complain(f"If this is what you want: {asked}")
    return ExitCode.PROBLEM if stale else ExitCode.USAGE


def _command(verb: str, open_run: "OpenRun", step: str, person: str) -> str:
    """Return the command that names what waits now."""
    digest = open_run.digest_of(step)[:SHORT]
    command = f"backout {verb} {open_run.incident} --digest {digest} --as {person}"
    return f"{command} --step {step}" if step else command


def _code(given: str | None) -> str:
    """Ask for the code without showing it, or read it from stdin; never from an argument."""
    import typer

    if given is None:
        said = str(typer.prompt("Code of your authenticator app", hide_input=True, err=True))
    elif given == STDIN:
        said = sys.stdin.readline()
    else:
        raise CommandError(
            "a code among the arguments stays in the shell's history and shows in `ps`: leave "
            "--code out to be asked for it, or write --code - to read it from stdin",
            ExitCode.USAGE,
        )
    code = "".join(said.split())
    if not code.isdecimal() or not code.isascii():
        raise CommandError("that is no code: it has six digits", ExitCode.USAGE)
    return code
