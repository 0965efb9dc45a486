"""The rights that Helm needs for a rollback: on its records, on the chart's objects, for hooks.

Called by `rollback` (what to grant, told from the inputs alone) and by `previews` (what this very
rollback needs, told from its manifests).
"""

import asyncio
from collections.abc import Iterable, Iterator

from adapters.helm.manifests import Difference
from adapters.helm.objects import Identity
from adapters.kubernetes import kinds
from adapters.kubernetes.access import right
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import DEPLOYMENTS, PODS, REPLICASETS, SECRETS, Resource
from flows.actions import ANY, Permission

# Helm patches objects that the manifests agree on, too, where the cluster's own one differs.
PRESENT = ("get", "patch")
GOING = ("get", "delete")
OWNED = ("get", "create", "patch", "delete")
HOOKED = (*OWNED, "list", "watch")
RECORDS = ("list", "get", "create", "update")


def records(namespace: str, *verbs: str) -> tuple[Permission, ...]:
    """Return rights on Helm's records, which are Secrets; new ones have names of their own."""
    return tuple(right(verb, SECRETS, namespace) for verb in verbs)


def granted(manages: Iterable[str], hooks: Iterable[str], namespace: str) -> tuple[Permission, ...]:
    """Return the rights for every rollback of a chart that holds these resources and hooks."""
    owned = {each: OWNED for each in manages if each != ANY}
    every = owned | {each: HOOKED for each in hooks if each != ANY}
    found = list(records(namespace, *RECORDS))
    for resource, verbs in every.items():
        scope = "" if resource in kinds.OF_CLUSTERS else namespace
        found += (
            Permission(kind="kubernetes", verb=verb, resource=resource, scope=scope)
            for verb in verbs
        )
    if DEPLOYMENTS.named in owned:
        found.append(right("list", REPLICASETS, namespace))
    # Says why pods are not ready, where Helm only says that it stopped waiting.
    found.append(right("list", PODS, namespace))
    return tuple(dict.fromkeys(found))


async def needed(
    difference: Difference, hooks: Iterable[Identity], cluster: Cluster
) -> tuple[Permission, ...]:
    """Return the rights for the one rollback that these manifests and hooks tell of.

    Asks the cluster about kinds that not every cluster has; raises `PermanentError` where it has
    no such kind (any more), because Helm would fail then.
    """
    verbs = _verbs(difference, tuple(hooks))
    sorts = {(each.group, each.kind): each for each in verbs}
    found = await asyncio.gather(
        *(kinds.discover(cluster, each.version, each.kind) for each in sorts.values())
    )
    resources = dict(zip(sorts, found, strict=True))
    rights = list(records(cluster.namespace, *RECORDS))
    for identity, wanted in verbs.items():
        resource = resources[identity.group, identity.kind]
        rights += _rights(resource, identity.namespace or cluster.namespace, wanted)
    return tuple(dict.fromkeys(rights))


def _verbs(difference: Difference, hooks: tuple[Identity, ...]) -> dict[Identity, tuple[str, ...]]:
    wanted: dict[Identity, tuple[str, ...]] = {}
    for identities, verbs in (
        (difference.target, PRESENT),
        (difference.added, ("create",)),
        (difference.removed, GOING),
        (difference.kept, ("get",)),
        (hooks, HOOKED),
    ):
        for each in identities:
            wanted[each] = (*wanted.get(each, ()), *verbs)
    return wanted


def _rights(resource: Resource, namespace: str, verbs: tuple[str, ...]) -> Iterator[Permission]:
    for verb in verbs:
        yield right(verb, resource, namespace)
    if resource == DEPLOYMENTS and "patch" in verbs:  # it is waited for
        yield right("list", REPLICASETS, namespace)
