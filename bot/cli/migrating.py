"""`backout migrate`: bring the journal's schema up, or take it back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import print_table, say

if TYPE_CHECKING:
    from flows.migrating import Store


def migrate(to: int | None, *, down: bool, dry_run: bool, yes: bool) -> ExitCode:
    """Migrate the store that the settings name, and say what was done."""
    from flows import migrating

    if down and to is not None:
        raise CommandError("say --down, or --to with a version, not both", ExitCode.USAGE)
    with _store(write=not dry_run) as (store, name):
        target = max(migrating.standing(store).version - 1, 0) if down else to
        if dry_run:
            moves = migrating.moves(store, target)
        else:
            moves = migrating.migrate(store, target, lose=yes)
        for move in moves:
            way = "up to" if move.up else "back before"
            say(f"{'would go' if dry_run else 'went'} {way} {move.name}")
        after = migrating.standing(store).version
    if not moves:
        say(f"Nothing to do: {name} has schema {after}.")
    elif not dry_run:
        say(f"{name} has schema {after} now.")
    return ExitCode.OK


def status() -> ExitCode:
    """Say what the store has; 1 where something is missing."""
    from flows import migrating

    with _store(write=False) as (store, name):
        now = migrating.standing(store)
    rows = [[each, "applied"] for each in now.applied]
    rows += [[each, "missing"] for each in now.missing]
    rows += [[f"queue {each}", "missing"] for each in now.queue]
    print_table(["migration", "state"], rows)
    if now.strange:
        say(f"{name} was migrated by a newer Backout: {', '.join(now.strange)}.")
    missing = now.missing or now.queue
    if missing:
        say("Run `backout migrate`.")
    return ExitCode.PROBLEM if missing or now.strange else ExitCode.OK


@contextmanager
def _store(*, write: bool) -> Iterator[tuple["Store", str]]:
    """Return which store it is and what people call it; a folder is locked while it is changed."""
    from flows.embedded import alone
    from flows.journal import FILE
    from flows.opening import place_of

    place = place_of(ground.settings())
    if place.url is not None:
        yield place.url, "the shared database"
        return
    path = place.folder / FILE
    if not write:
        yield path, str(path)
        return
    lock = alone(place.folder)
    try:
        yield path, str(path)
    finally:
        lock.release()
