"""`backout coverage`: each requirement of a system's document, and where it is met.

Met by an entry of the system's files (`covers:`) or shown by a test (`@pytest.mark.covers`).  The
tests are read, not run; an installed Backout has none of them, and then only the files count.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from config.models.bundles import Bundle
    from config.models.requirements import Requirements

TESTS = Path(__file__).parents[2] / "tests"
GENERATED = "<!-- Written by `make docs` from the system's files and the tests. Do not edit. -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What meets a requirement: a file, the line, and the name of the entry or the test."""

    file: str
    line: int
    name: str
    is_test: bool = False

    def __str__(self) -> str:
        """Return it as editors open it."""
        return f"{self.file}:{self.line} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One requirement, and everything that carries it."""

    id: str
    title: str
    left_out: str
    carriers: tuple[Carrier, ...]

    @property
    def state(self) -> str:
        """Say whether it is met, left out on purpose, or open."""
        if self.carriers:
            return "met"
        return "left out" if self.left_out else "open"


def coverage(system: str, *, open_only: bool, markdown: bool, as_json: bool) -> ExitCode:
    """Print where each requirement of a system is met."""
    bundle = ground.one_system(ground.bundles(ground.settings()), system)
    listed = bundle.requirements
    if listed is None:
        name = bundle.system.system
        raise CommandError(f"{name} lists no requirements: write a requirements.yaml beside it")
    found = covered(bundle, listed, TESTS)
    if markdown:
        say(page(bundle, listed, found).rstrip())
        return ExitCode.OK
    shown = [each for each in found if each.state == "open" or not open_only]
    if as_json:
        print_json([{"state": each.state, **_plain(each)} for each in shown])
        return ExitCode.OK
    rows = [(e.id, e.state, e.title, "; ".join(map(str, e.carriers)) or e.left_out) for e in shown]
    if rows:
        print_table(("id", "", "what", "where"), rows)
    say(_counts(found))
    return ExitCode.OK


def _plain(each: Covered) -> dict[str, object]:
    where = [str(carrier) for carrier in each.carriers]
    return {"id": each.id, "title": each.title, "left_out": each.left_out, "where": where}


def covered(bundle: "Bundle", listed: "Requirements", tests: Path) -> tuple[Covered, ...]:
    """Return every requirement with what meets it: the files' entries first, then tests."""
    carriers: dict[str, list[Carrier]] = {}
    for requirement, carrier in (*_of_files(bundle), *_of_tests(tests)):
        known = carriers.setdefault(requirement, [])
        if carrier not in known:
            known.append(carrier)
    return tuple(
        Covered(
            id=each,
            title=title,
            left_out=listed.left_out.get(each, ""),
            carriers=tuple(carriers.get(each, ())),
        )
        for each, title in listed.requirements.items()
    )


def _of_files(bundle: "Bundle") -> Iterator[tuple[str, Carrier]]:
    from config.checks.coverage import claims

    for claim in claims(bundle):
        place = claim.place
        yield claim.requirement, Carrier(file=place.path, line=place.line, name=claim.entry)


def _of_tests(folder: Path) -> Iterator[tuple[str, Carrier]]:
    for path in sorted(folder.rglob("test_*.py")) if folder.is_dir() else ():
        text = path.read_text(encoding="utf-8")
        if "covers(" not in text:
            continue
        name = path.relative_to(folder.parent).as_posix()
        for node, ids in marked(ast.parse(text)):
            carrier = Carrier(file=name, line=node.lineno, name=node.name, is_test=True)
            yield from ((each, carrier) for each in ids)


Test = ast.FunctionDef | ast.AsyncFunctionDef


def marked(tree: ast.Module) -> Iterator[tuple[Test, tuple[str, ...]]]:
    """Yield the tests of a module with the ids that they, their class or the module name."""
    shared = tuple(
        each
        for node in tree.body
        if isinstance(node, ast.Assign) and "pytestmark" in map(_name, node.targets)
        for each in _ids([node.value])
    )
    yield from _marked_in(tree.body, shared)


def _marked_in(
    body: Iterable[ast.stmt], shared: tuple[str, ...]
) -> Iterator[tuple[Test, tuple[str, ...]]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _marked_in(node.body, (*shared, *_ids(node.decorator_list)))
        elif isinstance(node, Test) and node.name.startswith("test_"):
            ids = (*shared, *_ids(node.decorator_list))
            if ids:
                yield node, ids


def _ids(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """Return the ids that are given to `covers(…)`, also inside of parameters."""
    calls = [each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Call)]
    return tuple(
        argument.value
        for call in calls
        if _name(call.func) == "covers"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    )


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _counts(found: Iterable[Covered]) -> str:
    states = [each.state for each in found]
    return ", ".join(f"{states.count(word)} {word}" for word in ("met", "left out", "open")) + "."


def page(bundle: "Bundle", listed: "Requirements", found: Iterable[Covered]) -> str:
    """Return the page of docs/systems/: names instead of lines, so that it changes seldom."""
    from bot.wording.markdown import plain, table
    from config.models.requirements import family_of

    found = tuple(found)
    name = bundle.system.system
    lines = [
        f"# {plain(listed.title)}",
        "",
        GENERATED,
        "",
        f"What the rollback document of {plain(listed.title)} asks for, and where it is met: in",
        f"the files of `config/systems/{name}/`, or by a test that shows it. The command",
        f"`backout coverage {name}` prints the same with lines. {_counts(found)}",
    ]
    for family, title in listed.families.items():
        rows = [
            (each.id, plain(each.title), _where(each))
            for each in found
            if family_of(each.id) == family
        ]
        lines += ["", f"## {plain(title)}", "", *table(("id", "what", "where"), rows)]
    return "\n".join(lines) + "\n"


def _where(each: Covered) -> str:
    """Return the carriers by file, each named once."""
    from bot.wording.markdown import plain

    if not each.carriers:
        return f"left out: {plain(each.left_out)}" if each.left_out else "**open**"
    named: dict[str, list[str]] = {}
    for carrier in each.carriers:
        names = named.setdefault(_short(carrier), [])
        if carrier.name not in names:
            names.append(carrier.name)
    return "; ".join(f"`{file}` {_names(names)}" for file, names in named.items())


def _short(carrier: Carrier) -> str:
    """Return a file without what all files of a kind share."""
    _, found, rest = carrier.file.partition("config/systems/")
    return rest.partition("/")[2] if found and not carrier.is_test else carrier.file


def _names(names: list[str]) -> str:
    from bot.wording.markdown import plain

    return ", ".join(map(plain, names))
