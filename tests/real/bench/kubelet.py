"""The part of a kubelet that the API server calls: logs of containers, and commands in them.

Called by `nodes`. Answers come from the pod's annotations:

    bench/logs    the log, line by line; without it, two lines that name container and image
    bench/exec    JSON: what a command, joined by spaces, answers: {"nginx -t": [0, "out", "err"]};
                  null is a command that does not end
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.real.bench import pods

Json = Any
Seen = Mapping[tuple[str, str], Json]

PROTOCOL = "v4.channel.k8s.io"
OUTPUT, ERRORS, RESULT = b"\x01", b"\x02", b"\x03"
POLL = 0.2  # seconds between two looks whether a followed container still runs


@asynccontextmanager
async def serving(seen: Seen, port: int, context: ssl.SSLContext) -> AsyncIterator[None]:
    """Serve the kubelet's API for these pods on 127.0.0.1 while the block runs."""
    app = web.Application()
    kubelet = Kubelet(seen)
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", kubelet.logs)
    app.router.add_route("*", "/exec/{namespace}/{pod}/{container}", kubelet.run)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


class Kubelet:
    """Answers for the pods that the nodes have seen."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def _find(self, request: web.Request) -> tuple[Json, Json]:
        """Return the pod and its container's status; raise the kubelet's 404."""
        info = request.match_info
        pod = self._seen.get((info["namespace"], info["pod"])) or {}
        for each in (pod.get("status") or {}).get("containerStatuses") or ():
            if each["name"] == info["container"]:
                return pod, each
        raise web.HTTPNotFound(text=f'container "{info["container"]}" not found')

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """Answer a container's log."""
        pod, container = self._find(request)
        query = request.query
        names = f'container "{container["name"]}" in pod "{pod["metadata"]["name"]}"'
        if query.get("previous") == "true" and not container["lastState"]:
            raise web.HTTPBadRequest(text=f"previous terminated {names} not found")
        waiting = container["state"].get("waiting")
        if waiting and not container["lastState"]:
            raise web.HTTPBadRequest(text=f"{names} is waiting to start: {waiting['reason']}")
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        await answer.write(_chosen(_lines(pod, container), query))
        while query.get("follow") == "true" and _runs(self._find(request)[1]):
            await asyncio.sleep(POLL)
        return answer

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Answer a command over a websocket."""
        pod, container = self._find(request)
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        if not socket.can_prepare(request) or not _runs(container):
            raise web.HTTPBadRequest(text=f"only {PROTOCOL}, in a running container")
        await socket.prepare(request)
        command = " ".join(request.query.getall("command", []))
        scripted = (pod["metadata"].get("annotations") or {}).get(pods.EXEC) or "{}"
        unknown = [127, "", f"sh: {command}: not found\n"]
        answer = json.loads(scripted).get(command, unknown)
        if answer is None:
            await socket.receive()  # until the client leaves
            return socket
        code, output, errors = answer
        for channel, text in ((OUTPUT, output), (ERRORS, errors)):
            if text:
                await socket.send_bytes(channel + text.encode())
        await socket.send_bytes(RESULT + json.dumps(_result(code)).encode())
        await socket.close()
        return socket


def _runs(container: Json) -> bool:
    return "running" in container["state"]


def _lines(pod: Json, container: Json) -> list[tuple[dt.datetime, str]]:
    """Return the log: a line each millisecond from the start of the container."""
    state = container["state"].get("running") or container["state"].get("terminated")
    state = state or container["lastState"]["terminated"]
    start = dt.datetime.fromisoformat(state["startedAt"])
    given = (pod["metadata"].get("annotations") or {}).get(pods.LOGS)
    name, image = container["name"], container["image"]
    text = given if given is not None else f"{name} started\n{name} runs {image}\n"
    return [
        (start + dt.timedelta(milliseconds=number), line)
        for number, line in enumerate(text.splitlines())
    ]


def _chosen(lines: list[tuple[dt.datetime, str]], query: Mapping[str, str]) -> bytes:
    """Return what the query asks of a log: the newest lines, since when, how much, with times."""
    oldest = None
    if "sinceSeconds" in query:
        seconds = dt.timedelta(seconds=int(query["sinceSeconds"]))
        oldest = dt.datetime.now(dt.UTC) - seconds
    elif "sinceTime" in query:
        oldest = dt.datetime.fromisoformat(query["sinceTime"])
    if oldest:
        lines = [each for each in lines if each[0] >= oldest]
    if "tailLines" in query:
        lines = lines[max(len(lines) - int(query["tailLines"]), 0) :]
    timed = query.get("timestamps") == "true"
    text = "".join(f"{time.isoformat()} {line}\n" if timed else f"{line}\n" for time, line in lines)
    return text.encode()[: int(query.get("limitBytes", len(text.encode())))]


def _result(code: int) -> Json:
    """Return the status that ends a command, as a kubelet words it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
