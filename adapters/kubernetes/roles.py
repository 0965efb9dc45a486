"""Rights as rules of a Role, and as the YAML objects that grant them.  Pure.

Called by `errors` (the rules that are missing) and by `backout permissions` (all of them).
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flows.actions import Permission

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Rule:
    """One rule; `scope` is the Role's namespace, empty for a ClusterRole.

    Without `names` it is about every object of its resources.
    """

    scope: str
    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...]
    verbs: tuple[str, ...]

    def plain(self) -> dict[str, list[str]]:
        """Return it as it stands in a Role."""
        named = {"resourceNames": list(self.names)} if self.names else {}
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            **named,
            "verbs": list(self.verbs),
        }

    def __str__(self) -> str:
        """Write it on one line, as YAML takes it."""
        parts = (f"{key}: {json.dumps(value)}" for key, value in self.plain().items())
        return f"{{{', '.join(parts)}}}"


def rules(permissions: Iterable[Permission]) -> tuple[Rule, ...]:
    """Return the fewest rules that grant these rights on Kubernetes, and nothing more."""
    every = {p for p in permissions if p.kind == "kubernetes"}
    everywhere = {(p.scope, p.resource, p.verb) for p in every if not p.name}
    verbs: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for p in every:
        if not p.name or (p.scope, p.resource, p.verb) not in everywhere:
            verbs[p.scope, p.resource, p.name].add(p.verb)
    names: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for (scope, resource, name), granted in verbs.items():
        # What needs no name and what needs one can't share a rule.
        names[scope, resource, (*sorted(granted), "" if name else "every")].add(name)
    resources: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], set[str]] = defaultdict(set)
    for (scope, resource, granted_), named in names.items():
        group, plural = _split(resource)
        key = (scope, group, tuple(sorted(named - {""})), granted_[:-1])
        resources[key].add(plural)
    return tuple(
        sorted(
            Rule(scope=scope, group=group, resources=tuple(sorted(plurals)), names=n, verbs=v)
            for (scope, group, n, v), plurals in resources.items()
        )
    )


def _split(resource: str) -> tuple[str, str]:
    """Take `deployments.apps/scale` apart: its group, and what a rule calls it."""
    named, _, sub = resource.partition("/")
    plural, _, group = named.partition(".")
    return group, f"{plural}/{sub}" if sub else plural


def objects(
    permissions: Iterable[Permission], *, name: str, account: str, namespace: str
) -> list[dict[str, Any]]:
    """Return Roles and, if need be, a ClusterRole, bound to a service account of a namespace."""
    grouped: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules(permissions):
        grouped[rule.scope].append(rule)
    found: list[dict[str, Any]] = []
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    for scope, granted in sorted(grouped.items()):
        kind = "Role" if scope else "ClusterRole"
        metadata = {"name": name, **({"namespace": scope} if scope else {})}
        head = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata}
        found.append({**head, "rules": [rule.plain() for rule in granted]})
        found.append(
            {
                **head,
                "kind": f"{kind}Binding",
                "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
                "subjects": [subject],
            }
        )
    return found
