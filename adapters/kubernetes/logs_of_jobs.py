"""The end of an ended Job's log, kept as evidence once.

Called by `run_job`.
"""

from dataclasses import dataclass

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.jobs import CONTAINER, Ending
from adapters.kubernetes.resources import PODS
from adapters.values import redact, step_key
from flows.actions import Context, PermanentError

LINES = "5000"
BYTES = str(4 * 1024 * 1024)
LONGEST_LINE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A log in the evidence store; `last` is its last line, `told` says where it is, or why not."""

    told: str
    name: str = ""
    sha256: str = ""
    last: str = ""


async def keep(cluster: Cluster, context: Context, job: str, ending: Ending | None) -> Kept:
    """Keep the log; again it is found, even where the pod is gone by then.

    A log that can't be read is said to be missing: the Job has ended all the same.
    Raises `TransientError` while the cluster does not answer, `PermanentError` where the evidence
    store can't be written.
    """
    store, name = context.surroundings.evidence, f"{step_key(context.key)}/{job}.log"
    stored = await store.find(name)
    if stored is not None:
        return _kept(name, stored.sha256, (await store.read(name)).decode(errors="replace"))
    if ending is None:
        return Kept(told="no log was left")
    query = {"container": CONTAINER, "tailLines": LINES, "limitBytes": BYTES}
    try:
        text = await cluster.text(PODS, ending.pod, "log", query)
    except PermanentError as error:
        return Kept(told=f"no log: {error}")
    stored = await store.put(name, text.encode())
    return _kept(name, stored.sha256, text)


def _kept(name: str, sha256: str, text: str) -> Kept:
    lines = [line for line in text.splitlines() if line.strip()]
    last = redact(lines[-1])[:LONGEST_LINE] if lines else ""
    return Kept(told=f"log kept as {name}", name=name, sha256=sha256, last=last)
