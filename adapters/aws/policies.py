"""Rights as the statements of an IAM policy: the fewest that grant them, and nothing more.  Pure.

Called by `backout permissions`.
"""

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from flows.actions import ANY, Permission

VERSION = "2012-10-17"
KIND = "iam"
NOT_LITERAL = str.maketrans({"[": "[[]", "?": "[?]"})


def statements(permissions: Iterable[Permission]) -> list[dict[str, Any]]:
    """Return one statement for all actions that are needed on just the same resources."""
    resources: dict[str, set[str]] = defaultdict(set)
    for each in permissions:
        if each.kind == KIND:
            resources[each.verb].add(each.resource)
    actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for action, named in sorted(resources.items()):
        actions[_needed(named)].append(action)
    return [
        {"Effect": "Allow", "Action": verbs, "Resource": ANY if named == (ANY,) else list(named)}
        for named, verbs in sorted(actions.items(), key=lambda each: each[1])
    ]


def policy(permissions: Iterable[Permission]) -> dict[str, Any]:
    """Return the document as IAM takes it."""
    return {"Version": VERSION, "Statement": statements(permissions)}


def _needed(resources: set[str]) -> tuple[str, ...]:
    """Leave out what another one of them covers."""
    return tuple(
        sorted(
            each
            for each in resources
            if not any(other != each and _covers(other, each) for other in resources)
        )
    )


def _covers(pattern: str, resource: str) -> bool:
    return fnmatchcase(resource, pattern.translate(NOT_LITERAL))
