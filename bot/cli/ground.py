"""What several commands stand on: settings, systems, one of them by name, the journal.

Every function raises an exception that `bot.cli.failures` can put into a line.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bot.cli.failures import CommandError, ExitCode

if TYPE_CHECKING:
    from config.models.bundles import Bundle
    from config.settings import Settings
    from flows.opening import AnyJournal


def settings() -> "Settings":
    """Read the environment."""
    from config.settings import load

    return load()


def bundles(settings: "Settings") -> tuple["Bundle", ...]:
    """Load every system."""
    from config.loader import load_systems

    return load_systems(settings.systems, settings.overlay)


def one_system(found: Iterable["Bundle"], wanted: str) -> "Bundle":
    """Return the system of this name or alias, or say which are near."""
    names: dict[str, Bundle] = {}
    for bundle in found:
        for name in (bundle.system.system, *bundle.system.aliases):
            names[name.lower()] = bundle
    if wanted.lower() in names:
        return names[wanted.lower()]
    raise CommandError(f"there is no system `{wanted}`: {near(wanted, names)}", ExitCode.USAGE)


def one_procedure(bundle: "Bundle", wanted: str) -> str:
    """Return the procedure's name, or say which are near, and which are not carried yet."""
    if wanted in bundle.procedures:
        return wanted
    system = bundle.system.system
    if wanted in bundle.policy.planned:
        message = f"{system}'s `{wanted}` is not carried yet: {bundle.policy.planned[wanted]}"
        raise CommandError(message, ExitCode.USAGE)
    hint = near(wanted, bundle.procedures)
    raise CommandError(f"{system} has no procedure `{wanted}`: {hint}", ExitCode.USAGE)


def near(word: str, known: Iterable[str]) -> str:
    """Name the nearest words, or list all."""
    words = sorted(set(known))
    close = get_close_matches(word.lower(), words, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there is {', '.join(words)}" if words else "there is none"


@contextmanager
def journal(settings: "Settings", *, write: bool = False) -> Iterator["AnyJournal"]:
    """Open the journal beside a running bot or without one, for reading unless told."""
    from flows import opening

    with opening.journal(opening.place_of(settings), write=write) as opened:
        yield opened


def incident_id(given: str) -> str:
    """Turn `7`, `inc-7` or `INC-7` into `INC-7`."""
    number = given.upper().removeprefix("INC-")
    if not number.isdecimal():
        message = f"`{given}` is no incident: write INC-7, or 7"
        raise CommandError(message, ExitCode.USAGE)
    return f"INC-{int(number)}"


def no_incident(wanted: str, known: Iterable[str]) -> CommandError:
    """Return the error of an incident that the journal does not have."""
    ids = tuple(known)
    hint = f"the last one is {ids[-1]}" if ids else "it has none yet"
    return CommandError(f"the journal has no {wanted}: {hint}", ExitCode.USAGE)
