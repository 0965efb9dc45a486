"""Why a release that Helm gave up on does not run: Helm's own word, and what the pods say.

Called by `attempts` and `outcomes`.  Helm only says that it stopped waiting; what people need is
the image that can't be pulled.
"""

from contextlib import suppress

from adapters.helm import commands, live
from adapters.helm.releases import Revision
from adapters.kubernetes import readiness, rollout_wait
from adapters.kubernetes.connections import connect
from flows.actions import ActionError, Context


async def told(revision: Revision, release: str, context: Context) -> str:
    """Return what is known of a failed revision, as far as the cluster lets us look."""
    said = f"revision {revision.number} failed: {revision.description[:300]}"
    with suppress(ActionError):
        cluster = await connect(context)
        wanted = await commands.objects(context, release, revision.number)
        found = await live.workloads(wanted, cluster)
        late = {w: each for w, each in found.items() if not readiness.judge(w.kind, each).complete}
        if late and (why := await rollout_wait.reasons(cluster, late)):
            return f"{said} · {why}"
    return said
