"""Rights: which ones an action needs, and whether the cluster grants them right now.

Called by the previews of everything that writes, so that a missing right is known before
anything changed.
"""

import asyncio
from collections.abc import Iterable

from adapters.kubernetes import errors
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import Resource
from flows.actions import ANY, PermanentError, Permission


def right(
    verb: str, resource: Resource, namespace: str, *, sub: str = "", name: str = ""
) -> Permission:
    """Name one right; with a name, on that object alone.  A name of `ANY` is no name."""
    return Permission(
        kind="kubernetes",
        verb=verb,
        resource=f"{resource.named}/{sub}" if sub else resource.named,
        scope=namespace if resource.namespaced else "",
        name="" if name == ANY else name,
    )


async def require(cluster: Cluster, permissions: tuple[Permission, ...]) -> tuple[str, ...]:
    """Ask the cluster about each right; return warnings.

    Raises `PermanentError` that names every missing one.
    """
    answers = await granted(cluster, permissions)
    missing = tuple(right for right, answer in answers.items() if answer is False)
    if missing:
        raise errors.missing_right(missing)
    if None in answers.values():
        return ("The cluster does not say whether Backout has the rights for this.",)
    return ()


async def granted(
    cluster: Cluster, permissions: Iterable[Permission]
) -> dict[Permission, bool | None]:
    """Ask the cluster about each right; None where it does not answer such questions."""
    every = tuple(dict.fromkeys(permissions))
    answers = await asyncio.gather(*(_granted(cluster, each) for each in every))
    return dict(zip(every, answers, strict=True))


async def _granted(cluster: Cluster, permission: Permission) -> bool | None:
    resource, _, sub = permission.resource.partition("/")
    plural, _, group = resource.partition(".")
    attributes = {
        "namespace": permission.scope,
        "verb": permission.verb,
        "group": group,
        "resource": plural,
        **({"subresource": sub} if sub else {}),
        **({"name": permission.name} if permission.name else {}),
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        answer = await cluster.review(body)
    except PermanentError:
        return None
    return bool((answer.get("status") or {}).get("allowed"))
