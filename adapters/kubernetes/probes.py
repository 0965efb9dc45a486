"""Commands in pods that show whether the network lets something through.

Called by `isolate_network`: a NetworkPolicy without a network that enforces it does nothing, and
nothing else tells.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from adapters.kubernetes import exec as commands
from adapters.kubernetes import labels
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import PODS
from config.models.base import Duration, Model
from flows.actions import PermanentError

NO_COMMAND = (126, 127)
"""Exit codes of a command that could not be run: they tell nothing about the network."""
LONGEST = timedelta(seconds=15)
Object = dict[str, Any]
Word = Annotated[str, Field(min_length=1, max_length=1000)]


class Probe(Model):
    """A command in a running pod, and whether it must be refused."""

    pods: labels.Selector = Field(
        min_length=1, description="Label selector of the pods to try it from; the first is taken."
    )
    command: tuple[Word, ...] = Field(
        min_length=1,
        max_length=50,
        description="Program and arguments, word by word; exit code 0 means that it got through.",
    )
    container: str = Field(default="", description="Which container; without it, the first.")
    refused: bool = Field(
        default=True,
        description="It must not get through (fail, or not end in time); false: it must.",
    )
    timeout: Duration = Field(
        default=timedelta(seconds=5),
        ge=timedelta(seconds=1),
        le=LONGEST,
        description="After how long it counts as refused.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a probe showed.  `through` is None where it showed nothing, and `told` says why."""

    pod: str
    through: bool | None
    told: str


async def ask(cluster: Cluster, probes: Sequence[Probe]) -> tuple[Answer, ...]:
    """Try all of them, side by side.

    Raises `TransientError` where the cluster does not answer, `PermanentError` without a right.
    """
    return tuple(await asyncio.gather(*(_ask(cluster, each) for each in probes)))


async def _ask(cluster: Cluster, probe: Probe) -> Answer:
    pod = await _running(cluster, probe)
    if pod is None:
        return Answer(pod="", through=None, told=f"no pod with {probe.pods} runs")
    name = pod["metadata"]["name"]
    container = probe.container or pod["spec"]["containers"][0]["name"]
    seconds = probe.timeout.total_seconds()
    try:
        ending = await commands.run(
            cluster, name, probe.command, container=container, seconds=seconds
        )
    except PermanentError as error:
        return Answer(pod=name, through=None, told=str(error))
    return _answer(probe, name, ending)


def _answer(probe: Probe, pod: str, ending: commands.Ending) -> Answer:
    what = f"{probe.command[0]} in {pod}"
    if ending.exit_code is None:
        return Answer(pod=pod, through=False, told=f"{what} did not end in time")
    if ending.exit_code in NO_COMMAND:
        why = f"exit code {ending.exit_code}"
        return Answer(pod=pod, through=None, told=f"{what} can't be run ({why})")
    if ending.exit_code == 0:
        return Answer(pod=pod, through=True, told=f"{what} got through")
    last = f": {ending.last}" if ending.last else ""
    told = f"{what} was refused (exit code {ending.exit_code}{last})"
    return Answer(pod=pod, through=False, told=told)


async def _running(cluster: Cluster, probe: Probe) -> Object | None:
    wanted = labels.written(labels.parse(probe.pods))
    pods = await cluster.items(PODS, labels=wanted)
    running = [
        each
        for each in pods
        if (each.get("status") or {}).get("phase") == "Running"
        and not each["metadata"].get("deletionTimestamp")
    ]
    return min(running, key=lambda each: str(each["metadata"]["name"]), default=None)
