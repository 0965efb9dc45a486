"""What several rules ask for together, when each of them names roles and numbers.

`flows.authorizing` asks for it, and `config.checks.authority` proves that it can be met.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.models.policies import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """`count` distinct people, each with one of `any_of`; `asked_by` counts rules from 0."""

    any_of: tuple[str, ...]
    count: int
    asked_by: tuple[int, ...]


def union(rules: Sequence[tuple[Slot, ...]]) -> tuple[Demand, ...]:
    """Return what all rules ask for together.

    What two rules ask for alike is asked for once, in the larger number: the executive who answers
    for the money answers for the outage as well.  What one rule lists twice is meant twice.
    """
    demands: list[Demand] = []
    for number, rule in enumerate(rules):
        free = list(range(len(demands)))
        for slot in rule:
            alike = (i for i in free if set(demands[i].any_of) == set(slot.any_of))
            if (found := next(alike, None)) is None:
                demands.append(Demand(any_of=slot.any_of, count=slot.count, asked_by=(number,)))
                continue
            free.remove(found)
            met = demands[found]
            count, asked_by = max(met.count, slot.count), (*met.asked_by, number)
            demands[found] = replace(met, count=count, asked_by=asked_by)
    return tuple(demands)
