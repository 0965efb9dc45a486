"""`backout check`: what is wrong with the systems' files, and what they don't carry yet.

Problems are printed as compilers print them, `path:line:column: message`, so that editors and
CI find the place.  Nothing is reached over the network without --live.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.cli import ground
from bot.cli.failures import ExitCode
from bot.cli.output import plain, plural, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from config.models.bundles import Bundle
    from config.places import Problem
    from config.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there is to say about one system."""

    system: str
    title: str
    environment: str
    live: bool
    procedures: tuple[str, ...]
    steps: int
    people: int
    proposed: int
    incomplete: tuple[str, ...]
    thin_gates: tuple[str, ...]
    to_replace: tuple[str, ...]


def check(system: str | None, *, live: bool, as_json: bool) -> ExitCode:
    """Check all systems, or one; 1 where anything must be changed."""
    settings = ground.settings()
    bundles, problems = _load(settings.systems, settings.overlay)
    if system is not None and not problems:
        bundles = (ground.one_system(bundles, system),)
    problems = problems or _cross_checks(bundles)
    reports = [report_of(bundle) for bundle in bundles]
    asked = _ask_outside(settings, bundles) if live and not problems else []
    if as_json:
        print_json({"problems": problems, "systems": reports, "outside": asked})
    else:
        _print(reports, problems, asked)
    return ExitCode.PROBLEM if problems or any(not each["ok"] for each in asked) else ExitCode.OK


def _load(folder: "Path", overlay: "Path | None") -> tuple[tuple["Bundle", ...], list["Problem"]]:
    from config.loader import load_systems
    from config.places import ConfigurationError

    try:
        return load_systems(folder, overlay), []
    except ConfigurationError as error:
        return (), list(error.problems)


def _cross_checks(bundles: Iterable["Bundle"]) -> list["Problem"]:
    """Look at what takes several files, and the catalogue of actions, to see."""
    from adapters.registry import ActionRegistry
    from config import checks

    return list(checks.check_all(bundles, ActionRegistry()))


def _ask_outside(settings: "Settings", bundles: Iterable["Bundle"]) -> list[dict[str, Any]]:
    import asyncio

    from bot.live import live_check

    return [plain(each) for each in asyncio.run(live_check(settings, tuple(bundles)))]


def report_of(bundle: "Bundle") -> Report:
    """Count what is in a system."""
    from config.checks import find_placeholders
    from config.checks.authority import thin_gates

    system = bundle.system
    placeholders = find_placeholders(bundle)
    partial = [p.title for p in bundle.procedures.values() if p.status == "partial"]
    return Report(
        system=system.system,
        title=system.title,
        environment=system.environment,
        live=system.live,
        procedures=tuple(bundle.procedures),
        steps=sum(len(each.steps()) for each in bundle.procedures.values()),
        people=len(bundle.people.people),
        proposed=sum(_proposed(part) for part in (system, bundle.people, bundle.policy))
        + sum(_proposed(each) for each in bundle.procedures.values()),
        incomplete=(*bundle.policy.incomplete, *(f"“{title}” is partial." for title in partial)),
        thin_gates=tuple(thin_gates(bundle)),
        to_replace=tuple(f"{p.path}:{p.line}:{p.column}: {p.message}" for p in placeholders),
    )


def _proposed(value: Any) -> int:
    """Count the entries that are marked `source: proposed`, at any depth."""
    own = int(getattr(value, "source", None) == "proposed")
    return own + sum(_proposed(child) for child in _children(value))


def _children(value: Any) -> Iterator[Any]:
    fields = getattr(type(value), "model_fields", None)
    if fields is not None:
        yield from (getattr(value, name) for name in fields)
    elif isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _print(
    reports: Iterable[Report], problems: Iterable["Problem"], asked: Sequence[Mapping[str, Any]]
) -> None:
    found = list(problems)
    for problem in found:
        say(str(problem))
    if found:
        files = len({problem.path for problem in found})
        say(f"\n{plural(len(found), 'problem')} in {plural(files, 'file')}.")
        return
    for report in reports:
        _print_report(report)
    if asked:
        say("Outside")
    for each in asked:
        say(f"  {'✓' if each['ok'] else '✗'} {each['text']}")


def _print_report(report: Report) -> None:
    switched = "switched on" if report.live else "not switched on (live: false)"
    say(f"{report.system}: {report.title}, {report.environment}, {switched}")
    procedures = f"{plural(len(report.procedures), 'procedure')} ({', '.join(report.procedures)})"
    people = plural(report.people, "person", "people")
    say(f"  fine: {procedures}, {plural(report.steps, 'step')}, {people}")
    if report.proposed:
        entries = plural(report.proposed, "entry is", "entries are")
        say(f"  proposed: {entries} marked as not in the system's own documents")
    for text in report.incomplete:
        say(f"  not complete: {text}")
    for text in report.thin_gates:
        say(f"  thin: {text}")
    for text in report.to_replace:
        say(f"  before `live: true`: {text}")
