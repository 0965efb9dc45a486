"""A small server that answers what a test observed, and keeps what it was asked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

Json = Any
CONTEXT = "aivo-production"
READS = ("GET", "HEAD")


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request.  Parts of the query stand in alphabetical order."""

    line: str
    headers: dict[str, str]
    body: Json


@dataclass(slots=True)
class ScriptedServer:
    """Answers `METHOD /path?query` (or without the query) from `observed`; 404 otherwise.

    An answer is a JSON body, or `{"status": …, "headers": …, "body": …}`; a list of them is
    answered one after the other, the last one for ever.
    """

    observed: dict[str, Json]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def lines(self) -> list[str]:
        """Return the requests' first lines, in order."""
        return [each.line for each in self.asked]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        query = "&".join(sorted(unquote(request.query_string).split("&")))
        line = f"{request.method} {unquote(request.path)}" + (f"?{query}" if query else "")
        text = await request.text()
        body = json.loads(text) if request.content_type.endswith("json") and text else text or None
        self.asked.append(Asked(line=line, headers=dict(request.headers), body=body))
        found = self.observed.get(line, self.observed.get(line.partition("?")[0]))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if found is None:
            found = {"status": 404, "body": {"kind": "Status", "message": "not found"}}
        if found == "cut":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return _response(found)


def _response(found: Json) -> web.Response:
    if (
        isinstance(found, dict)
        and "body" in found
        and found.keys() <= {"status", "headers", "body"}
    ):
        body = found["body"]
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(
            status=found.get("status", 200),
            headers=found.get("headers"),
            text=text,
            content_type="application/json",
        )
    return web.json_response(found)


def write_kubeconfig(path: Path, server: str, **user: Json) -> Path:
    """Write a kubeconfig with one context."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "clusters": [{"name": CONTEXT, "cluster": {"server": server}}],
        "users": [{"name": "backout", "user": user or {"token": "kube-secret"}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "backout"}}],
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def write_helm(folder: Path, observed: dict[str, Json]) -> Path:
    """Write a `helm` that answers from `observed` by its words and keeps what it was asked.

    Words are those before `--namespace`.  An answer is a text, JSON to print, or
    `{"status": 1, "stderr": "…"}`; a list is answered one after the other, the last one for ever.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "observed.json").write_text(json.dumps(observed), encoding="utf-8")
    command = folder / "helm"
    command.write_text(_HELM, encoding="utf-8")
    command.chmod(0o755)
    return command


def helm_calls(folder: Path) -> list[str]:
    """Return what `helm` was asked, in order."""
    calls = folder / "calls"
    return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


_HELM = f"""#!{__import__("sys").executable} -SE
import fcntl, json, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
words = sys.argv[1:]
line = " ".join(words[: words.index("--namespace")])
with open(os.path.join(folder, "lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(os.path.join(folder, "calls"), "a") as calls:
        calls.write(" ".join(words) + "\\n")
    with open(os.path.join(folder, "observed.json")) as file:
        observed = json.load(file)
    found = observed.get(line, {{"status": 1, "stderr": "Error: release: not found"}})
    if isinstance(found, list) and found and isinstance(found[0], dict) and "then" in found[0]:
        step = found.pop(0) if len(found) > 1 else found[0]
        found = step["then"]
        with open(os.path.join(folder, "observed.json"), "w") as file:
            json.dump(observed, file)
if isinstance(found, dict) and "stderr" in found:
    sys.stderr.write(found["stderr"] + "\\n")
    sys.exit(found.get("status", 1))
sys.stdout.write(found if isinstance(found, str) else json.dumps(found))
"""
