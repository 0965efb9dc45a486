"""One container of a workload's pod template: found by its name, and given another image.

Called by `kubernetes.set_image`.  The patch names the container, so that the containers beside it
stay as they are; it carries the version that was read, so that it never meets another one.
"""

from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import templates, workloads
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.errors import ChangedError
from adapters.kubernetes.workloads import Workload
from adapters.values import listed
from flows.actions import PermanentError

PLACES = ("containers", "initContainers")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A container as it was read; `place` is the list of the pod template that it stands in."""

    workload: Workload
    found: Object
    container: str
    place: str
    image: str

    def __str__(self) -> str:
        """Write it as `container web of checkout`."""
        kind = "container" if self.place == PLACES[0] else "init container"
        return f"{kind} {self.container} of {self.workload}"


async def look(cluster: Cluster, workload: Workload, container: str) -> Slot:
    """Read the workload; raise `PermanentError` where it, or the container, is not there."""
    found = (await workloads.fetch(cluster, (workload,)))[workload]
    pods = found["spec"]["template"]["spec"]
    every = [(place, each) for place in PLACES for each in pods.get(place) or ()]
    for place, each in every:
        if each["name"] == container:
            return Slot(
                workload=workload,
                found=found,
                container=container,
                place=place,
                image=str(each.get("image") or ""),
            )
    names = listed(each["name"] for _, each in every)
    raise PermanentError(f"{workload} has no container {container}. It has: {names}.")


async def attempt(cluster: Cluster, slot: Slot, image: str) -> None:
    """Try to write the image, without effect."""
    await _patch(cluster, slot, _body(slot, image), dry_run=True)


async def change(cluster: Cluster, slot: Slot, *, before: str, after: str) -> None:
    """Write the image; nothing is sent where it is there already.

    Raises `ChangedError` where the container has neither of the two, and `ConflictError` where the
    workload was written since it was read.
    """
    if slot.image == after:
        return
    if slot.image != before:
        told = [templates.short(each) for each in (slot.image, before, after)]
        raise ChangedError(
            f"The {slot} has {told[0]}, which is neither {told[1]} nor {told[2]}: somebody changed "
            "it. See who, then make a new plan."
        )
    version = {"resourceVersion": slot.found["metadata"]["resourceVersion"]}
    await _patch(cluster, slot, {**_body(slot, after), "metadata": version})


def _body(slot: Slot, image: str) -> Object:
    named = {"name": slot.container, "image": image}
    return {"spec": {"template": {"spec": {slot.place: [named]}}}}


async def _patch(cluster: Cluster, slot: Slot, body: Object, *, dry_run: bool = False) -> None:
    workload = slot.workload
    await cluster.patch(
        workload.resource, workload.name, body, kind=Patch.STRATEGIC, dry_run=dry_run
    )
