"""`backout audit`: is the record whole, and give it to me."""

from bot.cli import ground
from bot.cli.failures import ExitCode
from bot.cli.output import plural, print_json, say


def verify(incident: str | None, *, as_json: bool) -> ExitCode:
    """Check the chains; 1 where one is broken."""
    with ground.journal(ground.settings()) as journal:
        wanted = _wanted(incident, journal.incidents())
        breaks = [found for each in wanted if (found := journal.verify(each)) is not None]
    if as_json:
        print_json({"incidents": wanted, "breaks": breaks})
    else:
        for found in breaks:
            say(f"{found.incident}: broken at event {found.seq}: {found.why}")
        fine = len(wanted) - len(breaks)
        say(f"{plural(len(wanted), 'incident')} checked, {fine} whole, {len(breaks)} broken.")
    return ExitCode.PROBLEM if breaks else ExitCode.OK


def export(incident: str | None) -> ExitCode:
    """Print the events as JSON lines."""
    with ground.journal(ground.settings()) as journal:
        for each in _wanted(incident, journal.incidents()):
            for line in journal.export(each):
                say(line)
    return ExitCode.OK


def _wanted(incident: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if incident is None:
        return known
    wanted = ground.incident_id(incident)
    if wanted not in known:
        raise ground.no_incident(wanted, known)
    return (wanted,)
