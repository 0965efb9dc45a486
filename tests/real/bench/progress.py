"""Whether an object of the cluster is as it is meant to be, from its status alone.

Called by `clusters`. It shares nothing with the readiness that the adapters judge by.
"""

from __future__ import annotations

from typing import Any

Json = Any


COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
DAEMONS = ("currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable")


def progress(found: Json) -> str:
    """Return what an object still lacks, or nothing when it has settled."""
    status = found.get("status") or {}
    match found["kind"]:
        case "Deployment" | "StatefulSet":
            return _lacking(found, found["spec"]["replicas"], COUNTS)
        case "DaemonSet":
            return _lacking(found, status.get("desiredNumberScheduled", 0), DAEMONS)
        case "Job":
            ended = {
                each["type"] for each in status.get("conditions") or () if each["status"] == "True"
            }
            return "" if ended & {"Complete", "Failed"} else "it has not ended"
        case _:
            return ""


def _lacking(found: Json, wanted: int, counts: tuple[str, ...]) -> str:
    status = found.get("status") or {}
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return "its controller has not seen it yet"
    off = {name: status.get(name, 0) for name in counts if status.get(name, 0) != wanted}
    return f"{wanted} are wanted: {off}" if off else ""
