"""What a pod's containers wrote, cut as the API server's callers ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sandbox.estate.statuses import bad_request
from sandbox.estate.values import Object

ANNOTATION = "sandbox/logs"  # on a pod: its log, line by line
_NANOSECONDS = "%Y-%m-%dT%H:%M:%S.%f000Z"


def log(pod: Object, query: Mapping[str, str]) -> str:
    """Return the log of one container, with the query's options."""
    container = _container(pod, query.get("container", ""))
    lines = _lines(pod, container, previous=query.get("previous") == "true")
    if "sinceSeconds" in query:
        since = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
        lines = [entry for entry in lines if entry[0] >= since]
    elif "sinceTime" in query:
        since = datetime.fromisoformat(query["sinceTime"])
        lines = [entry for entry in lines if entry[0] >= since]
    if "tailLines" in query:
        lines = lines[max(0, len(lines) - int(query["tailLines"])) :]
    timed = query.get("timestamps") == "true"
    text = "".join(
        f"{time.strftime(_NANOSECONDS)} {line}\n" if timed else f"{line}\n" for time, line in lines
    )
    return text[: int(query["limitBytes"])] if "limitBytes" in query else text


def _container(pod: Object, name: str) -> Object:
    names = [container["name"] for container in pod["spec"]["containers"]]
    of = f"pod {pod['metadata']['name']}"
    if not name and len(names) > 1:
        raise bad_request(
            f"a container name must be specified for {of}, choose one of: [{' '.join(names)}]"
        )
    name = name or names[0]
    if name not in names:
        raise bad_request(f"container {name} is not valid for {of}")
    states = {state["name"]: state for state in pod["status"].get("containerStatuses") or []}
    container: Object = pod["spec"]["containers"][names.index(name)]
    return container | {"status": states.get(name)}


def _lines(pod: Object, container: Object, *, previous: bool) -> list[tuple[datetime, str]]:
    name, status = container["name"], container["status"]
    of = f'container "{name}" in pod "{pod["metadata"]["name"]}"'
    if status is None:
        if not pod["spec"].get("nodeName"):
            return []
        raise bad_request(f"{of} is waiting to start: ContainerCreating")
    last = (status.get("lastState") or {}).get("terminated")
    if previous and not last:
        raise bad_request(f"previous terminated {of} not found")
    state = last or status["state"].get("running") or status["state"].get("terminated")
    if state is None:
        reason = status["state"]["waiting"]["reason"]
        raise bad_request(f"{of} is waiting to start: {_told(reason, container['image'])}")
    start = datetime.fromisoformat(state.get("startedAt") or pod["metadata"]["creationTimestamp"])
    annotations = pod["metadata"].get("annotations") or {}
    text = annotations.get(ANNOTATION) or f"{name} started\n{name} runs {container['image']}\n"
    return [
        (start + timedelta(milliseconds=number), line)
        for number, line in enumerate(text.splitlines())
    ]


def _told(reason: str, image: str) -> str:
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        return "trying and failing to pull image" if image else reason
    return reason
