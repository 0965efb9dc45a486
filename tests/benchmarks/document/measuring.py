"""Each of AIVO's flows beside the document's own commands, by turns, on the same endpoints."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks import reports
from tests.benchmarks.document import estate
from tests.benchmarks.document.estate import Estate
from tests.benchmarks.document.flows import FLOWS, Flow
from tests.benchmarks.document.players import Took, aws_alone, by_backout, by_commands
from tests.benchmarks.reports import Report, middle

PAIRS = 5  # and one before them that is not counted: it loads what the later ones find loaded
CHOSEN = "BACKOUT_BENCH_FLOWS"  # "flag rows": just these
COMMAND = re.compile(
    r"^(?:[A-Z_]+=\$\()?(?:until_true )?(announce|mail|open_status_page|close_status_page|counts|"
    r"weights|figure|healthy|watch_figures|curl|aws|kubectl|helm|psql|\(cd)\b",
    re.MULTILINE,
)
THROUGH_AWS = {"aws", "mail", "weights"}
COLUMNS = (
    "flow",
    "commands (of them `aws`)",
    "n",
    "document's commands",
    "of that, `aws` starts",
    "Backout",
    "Backout beside them (min–max)",
    "its plan, before",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One round: both ways, and what a call of `aws` took right after it."""

    ours: Took
    theirs: Took
    aws: float


async def measure() -> Report:
    """Play every flow both ways, and compare each pair."""
    chosen = os.environ.get(CHOSEN, "").split()
    rows: list[tuple[str, ...]] = []
    calls: list[float] = []
    async with estate.opened() as found:
        for flow in FLOWS:
            if not chosen or flow.procedure in chosen:
                pairs = await _pairs(found, flow)
                rows += _rows(flow, pairs)
                calls += [each.aws for each in pairs]
    return Report(
        name="document",
        title="AIVO's flows beside the document's commands",
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(
            f"Medians of {PAIRS} pairs after one that is not counted; who begins alternates.",
            f"`aws sts get-caller-identity` after each pair: {_spread(calls, 's')}.",
        ),
    )


async def _pairs(found: Estate, flow: Flow) -> list[Pair]:
    pairs = []
    for number in range(PAIRS + 1):
        took: dict[bool, Took] = {}
        for ours in (True, False) if number % 2 else (False, True):
            async with flow.open(found) as scene:
                took[ours] = await (by_backout if ours else by_commands)(found, flow, scene)
                if not await scene.done():
                    raise RuntimeError(f"{flow.title}: not done by {'Backout' if ours else 'hand'}")
        pairs.append(Pair(ours=took[True], theirs=took[False], aws=await aws_alone(found)))
        sys.stderr.write(f"{flow.procedure} {number}: {pairs[-1]}\n")
    return pairs[1:]


def _rows(flow: Flow, pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Return one row, or two where the flow is measured in two parts."""
    _, *parts, _ = flow.script.read_text(encoding="utf-8").split("\nmoment\n")
    whole = _row(flow.title, "\n".join(parts), pairs, whole=True)
    if not flow.first_part:
        return [whole]
    return [_row(f"{flow.title}: {flow.first_part}", parts[0], pairs, whole=False), whole]


def _row(title: str, script: str, pairs: Sequence[Pair], *, whole: bool) -> tuple[str, ...]:
    commands = COMMAND.findall(script)
    through_aws = sum(each in THROUGH_AWS for each in commands)
    ours = [each.ours.whole if whole else each.ours.written for each in pairs]
    theirs = [each.theirs.whole if whole else each.theirs.written for each in pairs]
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return (
        title,
        f"{len(commands)} ({through_aws})",
        str(len(pairs)),
        f"{middle(theirs):.2f} s",
        f"{through_aws * middle([each.aws for each in pairs]):.1f} s" if through_aws else "",
        f"{middle(ours):.2f} s",
        _spread(ratios, "×"),
        f"{middle([each.ours.planning for each in pairs]):.2f} s" if whole else "",
    )


def _spread(values: Sequence[float], unit: str) -> str:
    return f"{middle(values):.2f} {unit} ({min(values):.2f}–{max(values):.2f})"


def able() -> bool:
    """Say whether the scripts' commands are there."""
    return all(map(shutil.which, ("aws", "curl", "jq", "psql", "prometheus")))


if __name__ == "__main__":
    reports.run({"document": measure})
