"""Why a release that Helm gave up on does not run: Helm's own word, and what the pods say.

Called by `rollback`.  Helm only says that it stopped waiting; what people need is the image that
can't be pulled.
"""

from contextlib import suppress

from adapters.helm.releases import Revision
from adapters.kubernetes import readiness, rollout_wait, workloads
from adapters.kubernetes.connections import connect
from flows.actions import ActionError, Context


async def told(revision: Revision, context: Context) -> str:
    """Return what is known of a failed revision; the pods' part needs the right to list them."""
    said = f"revision {revision.number} failed: {revision.description[:300]}"
    with suppress(ActionError):
        cluster = await connect(context)
        found = await workloads.fetch_all(cluster)
        late = {w: each for w, each in found.items() if not readiness.judge(w.kind, each).complete}
        if late and (why := await rollout_wait.reasons(cluster, late)):
            return f"{said} · {why}"
    return said
