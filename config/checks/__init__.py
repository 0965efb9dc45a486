"""What takes several files to see: names that lead nowhere, gates nobody can fill, broken texts.

`bot` calls `check_all` at start-up (a broken configuration is refused before an incident, not in
one) and for `backout check`.  `config` can't import the actions, so they come in as a catalog.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from config.checks import authority, coverage, people, placeholders, policies, procedures
from config.checks.catalogs import ActionCatalog, KnowsOutputs
from config.checks.notes import Notes
from config.models.bundles import Bundle
from config.places import Problem

__all__ = ["ActionCatalog", "KnowsOutputs", "check", "check_all", "find_placeholders"]


def check_all(bundles: Iterable[Bundle], actions: ActionCatalog) -> tuple[Problem, ...]:
    """Return every problem of every system, in the order of files and lines."""
    systems = tuple(bundles)
    found = [problem for bundle in systems for problem in check(bundle, actions)]
    return tuple(sorted({*found, *_shared_names(systems)}))


def check(bundle: Bundle, actions: ActionCatalog) -> tuple[Problem, ...]:
    """Return every problem of one system, in the order of files and lines."""
    notes = Notes(bundle)
    people.check(notes)
    policies.check(notes, actions)
    procedures.check(notes, actions)
    authority.check(notes)
    coverage.check(notes)
    if bundle.system.live:
        notes.problems.update(placeholders.find(bundle))
    return tuple(sorted(notes.problems))


def find_placeholders(bundle: Bundle) -> tuple[Problem, ...]:
    """Return what must be replaced before a system may be live; `check` shows it as a to-do."""
    return tuple(sorted(placeholders.find(bundle)))


def _shared_names(bundles: tuple[Bundle, ...]) -> Iterator[Problem]:
    """Find names that two systems answer to: `!incident declare` could not tell them apart."""
    names = Counter(
        name
        for bundle in bundles
        for name in {bundle.system.system, *map(str.lower, bundle.system.aliases)}
    )
    for bundle in bundles:
        notes = Notes(bundle)
        for index, alias in enumerate(bundle.system.aliases):
            if names[alias.lower()] > 1:
                message = f"another system answers to `{alias}` as well"
                notes.add("system.yaml", ("aliases", index), message)
        yield from notes.problems
