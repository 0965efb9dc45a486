"""What a rollback would do, by the manifests and hooks of both revisions.

Called by the `preview` of `rollback`.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters.helm import commands, errors, manifests, needs, releases
from adapters.helm.attempts import Wanted, older
from adapters.helm.manifests import Difference
from adapters.helm.objects import Identity
from adapters.helm.releases import Revision
from adapters.kubernetes import access, reconcilers
from adapters.kubernetes.connections import connect, namespace_of
from adapters.values import fingerprint_of, listed
from config.models.base import format_duration
from flows.actions import Change, Context, Preview

HOOK = "helm.sh/hook"
RUN_ON_ROLLBACK = re.compile(r"\b(?:pre|post)-rollback\b")


async def preview(wanted: Wanted, context: Context) -> Preview:
    """Compare the two revisions, and ask the cluster for every right that this needs."""
    history = await commands.history(context, wanted.release)
    target, current = target_of(history, wanted), history[-1]
    before, after, hooks = await asyncio.gather(
        commands.manifest(context, wanted.release, current.number),
        commands.manifest(context, wanted.release, target.number),
        commands.hooks(context, wanted.release, target.number),
    )
    namespace = namespace_of(context.system)
    had, has = await asyncio.gather(
        asyncio.to_thread(manifests.read, before, namespace),
        asyncio.to_thread(manifests.read, after, namespace),
    )
    difference = manifests.compare(had, has)
    run = {name: events for name, each in hooks.items() if (events := _events(each))}
    cluster = await connect(context)
    doubts = await access.require(cluster, await needs.needed(difference, run, cluster))
    versions = Change(
        subject=f"release {wanted.release}",
        before=f"revision {current.number} ({current.label})",
        after=f"revision {target.number} ({target.label})",
    )
    warnings = (
        *_of_releases(current, target, wanted),
        *_of_objects(difference),
        *_of_hooks(run),
        *reconcilers.warnings((str(name), each) for name, each in had.items()),
    )
    return Preview(
        summary=f"Roll {wanted.release} back from revision {current.number} ({current.label}) "
        f"to {target.number} ({target.label}); {difference.summary}",
        fingerprint=fingerprint_of([current.number, current.status, _hash(after)]),
        changes=(versions, *difference.images),
        in_place=releases.returned_to(history, target.number),
        touches=len(difference.touched),
        losses=difference.losses,
        warnings=(*doubts, *warnings),
    )


def target_of(history: tuple[Revision, ...], wanted: Wanted) -> Revision:
    """Return the revision to return to; raise `PermanentError` where it is no longer kept."""
    for each in history:
        if each.number == wanted.revision:
            return each
    raise errors.gone(wanted.release, wanted.revision, releases.kept(history))


def _of_releases(current: Revision, target: Revision, wanted: Wanted) -> Iterator[str]:
    if current.pending:
        begun = f"Revision {current.number} is {current.status}"
        if older(current, wanted.abandoned_after):
            yield f"{begun} for so long that its Helm must be gone: it is rolled back over."
        else:
            limit = format_duration(wanted.abandoned_after)
            yield f"{begun}: Helm may be at work, and is given {limit} from when it began."
    if target.status not in releases.WORKED:
        yield f"Revision {target.number} was {target.status}: {target.description[:200]}"


def _of_objects(difference: Difference) -> Iterator[str]:
    if difference.removed:
        yield f"Removes what came later: {_listed(difference.removed)}."
    if difference.kept:
        yield f"Leaves what came later, but is marked to be kept: {_listed(difference.kept)}."
    if elsewhere := [each for each in difference.touched if each.namespace]:
        yield f"Changes other namespaces: {_listed(elsewhere)}."
    if custom := dict.fromkeys(f"{e.kind}.{e.group}" for e in difference.touched if e.custom):
        yield (
            f"Changes custom resources ({listed(custom)}): Helm does not roll their "
            "CustomResourceDefinitions back."
        )


def _of_hooks(run: Mapping[Identity, str]) -> Iterator[str]:
    if run:
        yield f"Helm runs hooks: {listed(f'{name} ({events})' for name, events in run.items())}."


def _events(hook: Mapping[str, Any]) -> str:
    """Return the events of a rollback on which a hook runs: `pre-rollback, post-rollback`."""
    annotations = (hook.get("metadata") or {}).get("annotations") or {}
    return ", ".join(RUN_ON_ROLLBACK.findall(str(annotations.get(HOOK, ""))))


def _listed(names: tuple[Identity, ...] | list[Identity]) -> str:
    return listed(map(str, names))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
