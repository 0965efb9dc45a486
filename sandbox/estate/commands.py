"""Commands in running containers, over a websocket, answered as a pod's annotation says."""

from __future__ import annotations

import json

from aiohttp import web

from sandbox.estate.statuses import bad_request
from sandbox.estate.values import Object

ANNOTATION = "sandbox/exec"  # on a pod: {"nginx -t": [0, "output", "errors"]}; null never ends
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_OUTPUT, _ERRORS, _RESULT = b"\x01", b"\x02", b"\x03"
_UNKNOWN = 127


async def run(pod: Object, request: web.Request) -> web.StreamResponse:
    """Answer one command, joined by spaces; what no annotation knows is not found."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    if not socket.can_prepare(request):
        raise bad_request("Upgrade request required")
    command = " ".join(request.query.getall("command", []))
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    scripted = (pod["metadata"].get("annotations") or {}).get(ANNOTATION) or "{}"
    answer = json.loads(scripted).get(command, [_UNKNOWN, "", f"sh: {command}: not found\n"])
    await socket.prepare(request)
    if answer is None:
        await socket.receive()  # until the client leaves
        return socket
    code, output, errors = answer
    for channel, text in ((_OUTPUT, output), (_ERRORS, errors)):
        if text:
            await socket.send_bytes(channel + text.encode())
    await socket.send_bytes(_RESULT + json.dumps(_result(code)).encode())
    await socket.close()
    return socket


def _result(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
