"""What became of a rollback, by Helm's history and by what the cluster runs.

Called by the `verify` of `rollback`.
"""

import asyncio
from collections.abc import Sequence

from adapters.helm import attempts, commands, failures, live, manifests, releases
from adapters.helm.attempts import FAILED, LOOK_EVERY, Look, Wanted
from adapters.helm.releases import Revision
from adapters.kubernetes.connections import connect
from adapters.values import listed
from flows.actions import Context, Holds, NotYet, PermanentError, Refuted, Verdict


async def judge(wanted: Wanted, before: int | None, seen: Look, context: Context) -> Verdict:
    """Judge by the newest revision; `before` is the one that was rolled back from."""
    history, working = seen.history, seen.working
    if not history:
        return Refuted(why=f"{wanted.release} has no revision left")
    newest = history[-1]
    if newest.pending and _at_work(wanted, history, context, working=working):
        progress = f"revision {newest.number} is {newest.status}: Helm waits for pods"
        return NotYet(progress=progress, after=LOOK_EVERY)
    if await carries(wanted.release, history, wanted.revision, context):
        return await _looked(wanted, before, newest, context)
    if newest.status == FAILED:
        ended = before is not None and newest.number > before and not working
        return Refuted(why=await failures.told(newest, wanted.release, context), final=ended)
    return Refuted(why=_refusal(newest, wanted, before), final=not working)


async def carries(release: str, history: Sequence[Revision], target: int, context: Context) -> bool:
    """Say whether the newest revision is deployed with the target's manifest, whoever made it."""
    if not history or not history[-1].deployed:
        return False
    return releases.returned_to(history, target) or await _same(
        release, history[-1].number, target, context
    )


async def _same(release: str, one: int, other: int, context: Context) -> bool:
    try:
        there, wanted = await asyncio.gather(
            commands.manifest(context, release, one), commands.manifest(context, release, other)
        )
    except PermanentError:
        return False  # the target is no longer kept: nothing to compare with
    return there == wanted


def _at_work(
    wanted: Wanted, history: Sequence[Revision], context: Context, *, working: bool
) -> bool:
    newest = history[-1]
    carried = releases.content(history, newest.number)
    ours = carried == releases.content(history, wanted.revision)
    if ours and attempts.began(context):
        return working
    return working or not attempts.older(newest, wanted.timeout + attempts.GRACE)


async def _looked(
    wanted: Wanted, before: int | None, newest: Revision, context: Context
) -> Verdict:
    """Compare the cluster with the manifest that is deployed."""
    cluster = await connect(context)
    objects = await commands.objects(context, wanted.release, newest.number)
    if others := await live.other_images(objects, cluster):
        return Refuted(
            why=f"revision {newest.number} is deployed, but {listed(others)}: somebody else "
            "changed it, or puts it back"
        )
    summary = (
        f"revision {newest.number} is deployed and carries revision {wanted.revision} "
        f"({newest.label})"
    )
    if left := await _left_over(wanted.release, before, newest, objects, context):
        summary += f"; Helm left {listed(left)} behind: delete it by hand if nobody needs it"
    output = {
        "revision": newest.number,
        "version": newest.label,
        "status": newest.status,
        "description": newest.description,
        "left_over": left,
    }
    return Holds(summary=summary, output=output)


async def _left_over(
    release: str,
    before: int | None,
    newest: Revision,
    objects: manifests.Objects,
    context: Context,
) -> list[str]:
    """Look for what only the revision before had: Helm succeeds though it could not delete it."""
    if before is None or before == newest.number:
        return []
    try:
        had = await commands.objects(context, release, before)
    except PermanentError:
        return []  # its record is no longer kept
    removed = manifests.compare(had, objects).removed
    return await live.left_over(removed, await connect(context))


def _refusal(newest: Revision, wanted: Wanted, before: int | None) -> str:
    told = f"revision {newest.number} is {newest.status}"
    if newest.number == before:
        return f"{told} as before: no rollback to {wanted.revision} was recorded"
    if newest.pending:
        return f"{told}, and its Helm is gone. Retry rolls back again"
    return f"{told}: {newest.description[:300]}"
