"""New weights for the rules of a VirtualService: which change, which can't, and the patch.  Pure.

Called by `set_route_weights`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.istio.routes import Rule
from adapters.kubernetes import json_patches
from adapters.kubernetes.json_patches import Operation
from adapters.values import listed
from flows.actions import Change, PermanentError

ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What new weights mean for the rules that route to their destinations.

    `changes` are rules with the weights of all their destinations afterwards, `right` have them
    already; `pinned` route to nothing but destinations that are to get 0, `apart` to a single one
    that is to get a share.  `problems` are sentences why a rule can't have these weights.
    """

    changes: tuple[tuple[Rule, tuple[int, ...]], ...] = ()
    right: tuple[Rule, ...] = ()
    pinned: tuple[Rule, ...] = ()
    apart: tuple[Rule, ...] = ()
    problems: tuple[str, ...] = ()


def split(rules: Iterable[Rule], wanted: Mapping[str, int]) -> Split:
    """Return what the weights (of full names) mean; rules that route to none of them are left out.

    Raises `PermanentError` for a destination that no rule routes to: it is misspelt.
    """
    every = tuple(rules)
    _known(every, wanted)
    changes: list[tuple[Rule, tuple[int, ...]]] = []
    right: list[Rule] = []
    pinned: list[Rule] = []
    apart: list[Rule] = []
    problems: list[str] = []
    for rule in every:
        if not wanted.keys() & set(rule.names):
            continue
        after = tuple(
            wanted.get(name, share) for name, share in zip(rule.names, rule.shares, strict=True)
        )
        if not sum(after):
            pinned.append(rule)
        elif len(after) == 1:
            (right if after == (ALL,) else apart).append(rule)
        elif problem := _problem(rule, after, wanted):
            problems.append(problem)
        elif after == rule.shares:
            right.append(rule)
        else:
            changes.append((rule, after))
    return Split(
        changes=tuple(changes),
        right=tuple(right),
        pinned=tuple(pinned),
        apart=tuple(apart),
        problems=tuple(problems),
    )


def _known(every: tuple[Rule, ...], wanted: Mapping[str, int]) -> None:
    there = dict(pair for rule in every for pair in zip(rule.names, rule.shown, strict=True))
    if missing := [name for name in wanted if name not in there]:
        raise PermanentError(
            f"No rule routes to {listed(missing)}. The destinations are "
            f"{listed(there.values(), 10) or 'none'}: correct weights."
        )


def _problem(rule: Rule, after: tuple[int, ...], wanted: Mapping[str, int]) -> str:
    """Say why a rule can't have the weights, or nothing."""
    if len(set(rule.names)) < len(rule.names):
        return f"{rule.title} names a destination twice, so its weight is not one number"
    if sum(after) == ALL:
        return ""
    others = [
        f"{shown} ({share})"
        for shown, name, share in zip(rule.shown, rule.names, rule.shares, strict=True)
        if name not in wanted and share
    ]
    also = f"; it also routes to {listed(others)}" if others else ""
    return f"the weights of {rule.title} would be {rule.told(after)}: {sum(after)}, not {ALL}{also}"


def change(rule: Rule, after: tuple[int, ...]) -> Change:
    """Write a rule's change for people."""
    return Change(subject=rule.title, before=rule.told(rule.shares), after=rule.told(after))


def record(rule: Rule, after: tuple[int, ...]) -> dict[str, Any]:
    """Return a rule's change as it is captured."""
    return {
        "section": rule.section,
        "identity": rule.identity,
        "nth": rule.nth,
        "title": rule.title,
        "before": list(rule.weights),
        "after": list(after),
    }


def onwards(rules: Iterable[Rule], recorded: Iterable[Mapping[str, Any]]) -> list[Operation]:
    """Return the patch that sets the recorded weights, empty where they are set."""
    return _patch(rules, recorded, back=False)


def back(rules: Iterable[Rule], recorded: Iterable[Mapping[str, Any]]) -> list[Operation]:
    """Return the patch that sets the weights of before again, empty where they are set."""
    return _patch(rules, recorded, back=True)


def _patch(
    rules: Iterable[Rule], recorded: Iterable[Mapping[str, Any]], *, back: bool
) -> list[Operation]:
    """Test each rule as a whole, so that its list of destinations is what the weights are for.

    Raises `PermanentError` where a rule has neither the weights of before nor ours.
    """
    there = {(rule.section, rule.identity, rule.nth): rule for rule in rules}
    tests: list[Operation] = []
    writes: list[Operation] = []
    for each in recorded:
        rule = there.get((each["section"], each["identity"], each["nth"]))
        start, end = each["before"], each["after"]
        if rule is None or rule.shares not in (_shares(start), _shares(end)):
            now = rule.told(rule.shares) if rule else "gone, or has other destinations"
            raise PermanentError(
                f"Somebody changed {each['title']} meanwhile: it is {now}. Nothing was changed; "
                "decide by hand what its weights should be."
            )
        goal = start if back else end
        if rule.shares != _shares(goal):
            tests.append(json_patches.test(rule.path, rule.whole))
            writes.extend(_writes(rule, goal))
    return [*tests, *writes]


def _shares(weights: Iterable[int | None]) -> tuple[int, ...]:
    return tuple(weight or 0 for weight in weights)


def _writes(rule: Rule, goal: Iterable[int | None]) -> Iterable[Operation]:
    for number, (now, weight) in enumerate(zip(rule.weights, goal, strict=True)):
        path = (*rule.path, "route", number, "weight")
        if now == weight:
            continue
        if weight is None:
            yield json_patches.remove(path)
        elif now is not None:
            yield json_patches.replace(path, weight)
        elif weight:
            yield json_patches.add(path, weight)
