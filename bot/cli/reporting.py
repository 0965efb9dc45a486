"""`backout report`: the post-mortem of an incident, from the journal."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import complain, print_json, say

if TYPE_CHECKING:
    from config.models.bundles import Bundle
    from config.settings import Settings
    from flows.reports import Report

LEFT_OUT = ("run", "moments")
"""Of the JSON: `backout show --json` has them."""


def report(incident: str, *, picture: Path | None, as_json: bool) -> ExitCode:
    """Print the post-mortem, or draw its timeline into a file."""
    made = _made(ground.incident_id(incident))
    if picture is not None:
        from bot.reporting import pictures

        _write(picture, pictures.png(made))
        complain(f"The timeline of {made.run.id} is drawn in {picture}.")
    elif as_json:
        fields = [field.name for field in dataclasses.fields(made)]
        told = {name: getattr(made, name) for name in fields if name not in LEFT_OUT}
        figures = {"waiting": made.waiting, "restored_after": made.restored_after}
        print_json({"id": made.run.id, "seconds": made.seconds, **figures, **told})
    else:
        from bot.reporting import documents

        say(documents.markdown(made).rstrip())
    return ExitCode.OK


def _made(wanted: str) -> "Report":
    from bot.reporting.promises import promises_of
    from flows import reports

    settings = ground.settings()
    with ground.journal(settings) as journal:
        run = journal.run(wanted)
        if run is None:
            raise ground.no_incident(wanted, journal.incidents())
        events = journal.events(wanted)
    promised = promises_of(_bundle(settings, run.system), run)
    return reports.report(events, now=datetime.now(UTC), promises=promised)


def _bundle(settings: "Settings", system: str) -> "Bundle | None":
    """Return the run's system; a report must not fail because the files are broken by now."""
    from config.places import ConfigurationError

    try:
        found = ground.bundles(settings)
    except ConfigurationError:
        complain("The systems' files can't be read: the follow-ups are left out.")
        return None
    return next((each for each in found if each.system.system == system), None)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}") from error
