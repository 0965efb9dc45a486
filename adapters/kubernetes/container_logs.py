"""Logs of containers: which ones there are, and the newest part of one that fits.

Called by `collect_logs`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import PODS

TRIES = 4
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that is to be kept; `previous` is that of the container before its last restart."""

    pod: str
    container: str
    previous: bool
    restarts: int
    image: str

    def __str__(self) -> str:
        """Write it for people: `web-1/app`, `web-1/app before its restart`."""
        return f"{self.pod}/{self.container}{' before its restart' if self.previous else ''}"

    @property
    def file(self) -> str:
        """Return the name of its piece of evidence; no container's name has a dot."""
        return f"{self.pod}/{self.container}{'.previous' if self.previous else ''}.log"

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of a log is read: since when, so many lines and bytes, the newest ones."""

    since: datetime | None
    lines: int
    size: int


def of_pods(pods: Iterable[Object], containers: Iterable[str], *, previous: bool) -> list[Log]:
    """Return the logs of these pods in a fixed order; without `containers`, of all of them."""
    wanted = frozenset(containers)
    found = [
        log
        for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"]))
        for container in _containers(pod["spec"])
        if not wanted or container["name"] in wanted
        for log in _logs(pod, container)
    ]
    return [each for each in found if previous or not each.previous]


def _containers(spec: Object) -> list[Object]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [each for kind in kinds for each in spec.get(kind) or ()]


def _logs(pod: Object, container: Object) -> list[Log]:
    status = _status(pod, container["name"])
    restarted = "terminated" in (status.get("lastState") or {})
    return [
        Log(
            pod=pod["metadata"]["name"],
            container=container["name"],
            previous=previous,
            restarts=int(status.get("restartCount") or 0),
            image=str(status.get("imageID") or container.get("image", "")),
        )
        for previous in ((True, False) if restarted else (False,))
    ]


def _status(pod: Object, name: str) -> Object:
    status = pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    every = (each for kind in kinds for each in status.get(kind) or ())
    return next((each for each in every if each.get("name") == name), {})


async def read(cluster: Cluster, log: Log, amount: Amount) -> tuple[bytes, str]:
    """Return the newest lines that fit, each with its time, and what had to be left out.

    A limit in bytes alone would leave out the newest: fewer lines are asked for until they fit.
    Raises `PermanentError` where there is no such log, `TransientError` while nobody answers.
    """
    lines, left_out = amount.lines, ""
    for _ in range(TRIES):
        data = await cluster.raw(PODS, log.pod, "log", _query(log, amount, lines))
        count = data.count(b"\n")
        if len(data) < amount.size:
            return data, "older lines" if left_out or count >= lines else ""
        left_out = "older lines"
        lines = max(count * 3 // 4, 1)
    return data, "older and newer lines"


def _query(log: Log, amount: Amount, lines: int) -> dict[str, str]:
    query = {
        "container": log.container,
        "limitBytes": str(amount.size),
        "tailLines": str(lines),
        "timestamps": "true",
    }
    if log.previous:
        query["previous"] = "true"
    if amount.since:
        query["sinceTime"] = amount.since.isoformat()
    return query
