"""`backout audit`: is the record whole, against anchors too, and give it to me."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import complain, plural, print_json, say

if TYPE_CHECKING:
    from flows.anchors import Anchor
    from flows.chains import Finding

STDIN = Path("-")


def verify(
    incident: str | None,
    *,
    file: Path | None = None,
    anchors: Path | None = None,
    as_json: bool = False,
) -> ExitCode:
    """Check the journal, or a file that was exported; 1 where anything is wrong."""
    seen = _anchors(anchors)
    checked, findings = _of_file(file, incident, seen) if file else _of_journal(incident, seen)
    wrong = {each.incident for each in findings}
    if as_json:
        print_json({"incidents": checked, "findings": findings})
    else:
        for each in findings:
            say(f"{each.incident}: {each.why}")
        whole = len([each for each in checked if each not in wrong])
        broken = len(wrong.intersection(checked))
        say(f"{plural(len(checked), 'incident')} checked, {whole} whole, {broken} broken.")
        if seen:
            say(f"Compared with {plural(len(seen), 'anchor')}, the last of {seen[-1].at}.")
    return ExitCode.PROBLEM if findings else ExitCode.OK


def _of_journal(
    incident: str | None, seen: Sequence["Anchor"]
) -> tuple[tuple[str, ...], tuple["Finding", ...]]:
    from flows import anchors, auditing

    with ground.journal(ground.settings()) as journal:
        known = tuple(journal.every())
        wanted = _wanted(incident, known)
        findings = tuple(auditing.verify(journal, None if incident is None else wanted))
        if seen:
            findings += anchors.compare(seen, auditing.spots_of(journal))
    return wanted, _about(incident, wanted, findings)


def _of_file(
    file: Path, incident: str | None, seen: Sequence["Anchor"]
) -> tuple[tuple[str, ...], tuple["Finding", ...]]:
    from flows import anchors, exports

    with _lines(file) as lines:
        export = exports.read_export(lines)
    wanted = _wanted(incident, tuple(export.rows))
    findings = tuple(exports.verify_export(export))
    if seen:
        findings += anchors.compare(seen, export.spots())
    return wanted, _about(incident, wanted, findings)


def _about(
    incident: str | None, wanted: Sequence[str], findings: Sequence["Finding"]
) -> tuple["Finding", ...]:
    """Leave out what is about other incidents than the one asked for."""
    return tuple(each for each in findings if incident is None or each.incident in wanted)


def _anchors(file: Path | None) -> tuple["Anchor", ...]:
    if file is None:
        return ()
    from flows import anchors

    with _lines(file) as lines:
        try:
            found = anchors.read(lines)
        except anchors.AnchorError as error:
            raise CommandError(f"{file}: {error}") from error
    if not found:
        raise CommandError(f"{file}: there is no anchor in it", ExitCode.USAGE)
    return found


@contextmanager
def _lines(file: Path) -> Iterator[Iterator[str]]:
    if file == STDIN:
        yield iter(sys.stdin)
        return
    with file.open(encoding="utf-8", errors="replace") as opened:
        yield iter(opened)


def export(incident: str | None) -> ExitCode:
    """Print the events as JSON lines."""
    from flows import exports

    with ground.journal(ground.settings()) as journal:
        wanted = _wanted(incident, tuple(journal.every()))
        for line in exports.export(journal, None if incident is None else wanted):
            say(line)
    return ExitCode.OK


def backup(file: Path) -> ExitCode:
    """Copy the journal of this machine as it is now, beside a running bot."""
    from flows.journal import Journal

    settings = ground.settings()
    Journal.copy(settings.data, file)
    say(f"The journal is in {file}. Check it: put it into a folder of its own as journal.db, and")
    say("run `BACKOUT_DATA=THAT-FOLDER backout audit verify`.")
    return ExitCode.OK


def anchor() -> ExitCode:
    """Write an anchor to every place that the settings name, and print it."""
    import asyncio
    from datetime import UTC, datetime

    from bot import anchoring
    from flows import anchors, auditing

    settings = ground.settings()
    now = datetime.now(UTC)
    with ground.journal(settings) as journal:
        heads = auditing.heads_of(journal)
    wrong = asyncio.run(anchoring.write_now(anchoring.places_of(settings), heads, now))
    say(anchors.written(anchors.anchored(now.isoformat(), heads)))
    for each in wrong:
        complain(each)
    if not settings.anchor_places:
        complain("BACKOUT_ANCHOR names no place: keep this line where the bot can't write.")
    return ExitCode.UNREACHABLE if wrong else ExitCode.OK


def prune(*, dry_run: bool) -> ExitCode:
    """Remove what the rules let go, or only say what that is."""
    from datetime import UTC, datetime

    from bot import retaining
    from bot.stores import evidence_of
    from config.keeping import Retention

    settings = ground.settings()
    if settings.rules == Retention():
        say("BACKOUT_RETENTION sets no rule: everything is kept.")
        return ExitCode.OK
    evidence, removed = evidence_of(settings), 0
    with ground.journal(settings, write=not dry_run) as journal:
        for each in retaining.prune(
            journal, settings.rules, evidence, datetime.now(UTC), dry_run=dry_run
        ):
            removed += 1
            pieces = f" ({plural(each.pieces, 'piece')})" if each.pieces else ""
            say(f"{each.incident}: {each.what}{pieces}, by the rule {each.rule}")
    say(f"{removed} {'would be removed' if dry_run else 'removed'}.")
    return ExitCode.OK


def _wanted(incident: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if incident is None:
        return known
    wanted = ground.incident_id(incident)
    if wanted not in known:
        raise ground.no_incident(wanted, known)
    return (wanted,)
