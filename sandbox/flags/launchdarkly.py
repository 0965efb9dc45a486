"""LaunchDarkly's REST API, strict: what the real one refuses, it refuses.

It knows one project with flags in environments, semantic patches, approvals, rate limits with their
headers, optimistic locking, and dependent flags (beta).  The sandbox's `Flags` shows it, and the
tests of the adapter make it misbehave.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.estate.values import Object
from sandbox.flags.documents import RefusalError, flag, follow

TOKEN = "api-2f3c-launchdarkly"  # noqa: S105  # opens nothing but the sandbox
PROJECT = "aivo"
ENVIRONMENT = "production"
FEATURE = "aivo-new-features"
_SEMANTIC = "domain-model=launchdarkly.semanticpatch"
_FIELDS = {"comment", "environmentKey", "instructions", "ignoreConflicts"}
_CODES = {409: "optimistic_locking_error", 403: "forbidden", 503: "unavailable"}
_RATE_WINDOW = 7  # seconds until calls are allowed again, as a refusal says

_Answer = Callable[[web.Request], Awaitable[Object]]


class LaunchDarkly:
    """One project.  `refusals` are statuses for the next patches, in turn; 0 lets one pass.

    `lost` cuts the connection of the next patch after it has taken effect, `limited` refuses
    everything with 429.  `changed` hears of each patch: the flag's key and the comment.
    """

    def __init__(
        self,
        *,
        stamp: Callable[[], float] = time.time,
        changed: Callable[[str, str], None] | None = None,
    ) -> None:
        self.flags: dict[str, Object] = {FEATURE: flag(FEATURE)}
        self.comments: list[str] = []
        self.patches: list[Any] = []
        self.refusals: list[int] = []
        self.approvals = False
        self.tells_dependents = True
        self.lost = False
        self.limited = False
        self.url = ""
        self._stamp = stamp
        self._changed = changed
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        app = web.Application()
        one = "/api/v2/flags/{project}/{flag}"
        app.router.add_get(one, self._guarded(self._get))
        app.router.add_patch(one, self._guarded(self._patch))
        app.router.add_get(
            "/api/v2/flags/{project}/{environment}/{flag}/dependent-flags",
            self._guarded(self._dependents),
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; safe to call twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def config(self, key: str = FEATURE) -> Object:
        """Return what a flag is set to in production."""
        found: Object = self.flags[key]["environments"][ENVIRONMENT]
        return found

    def touch(self, key: str = FEATURE, **changes: object) -> None:
        """Change a flag as somebody else would."""
        config = self.config(key)
        config |= changes | {"version": config["version"] + 1}

    def _guarded(self, answer: _Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                self._admit(request)
                return web.json_response(await answer(request))
            except RefusalError as error:
                body = {"code": error.code, "message": str(error)}
                headers = _limits() if error.status == 429 else {}
                return web.json_response(body, status=error.status, headers=headers)

        return handle

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != TOKEN:  # no "Bearer" before it
            raise RefusalError(401, "unauthorized", "invalid access token")
        if self.limited:
            raise RefusalError(429, "rate_limited", "You've exceeded the API rate limit.")
        if request.match_info["project"] != PROJECT or request.match_info["flag"] not in self.flags:
            raise RefusalError(404, "not_found", "Unknown resource")

    async def _get(self, request: web.Request) -> Object:
        found = copy.deepcopy(self.flags[request.match_info["flag"]])
        if "env" in request.query:
            wanted = request.query.getall("env")
            found["environments"] = {
                key: value for key, value in found["environments"].items() if key in wanted
            }
        return found

    async def _dependents(self, request: web.Request) -> Object:
        if request.headers.get("LD-API-Version") != "beta" or not self.tells_dependents:
            raise RefusalError(403, "forbidden", "This feature is not available on your plan")
        key, environment = request.match_info["flag"], request.match_info["environment"]
        items = [
            {"key": each["key"], "name": each["name"]}
            for each in self.flags.values()
            for need in each["environments"][environment]["prerequisites"]
            if need["key"] == key
        ]
        return {"items": items}

    async def _patch(self, request: web.Request) -> Object:
        if self.refusals and (status := self.refusals.pop(0)):
            raise RefusalError(status, _CODES.get(status, "error"), f"refused with {status}")
        body = await _patch_body(request)
        key = request.match_info["flag"]
        found = self.flags[key]
        environment = body.get("environmentKey")
        if environment not in found["environments"]:
            raise RefusalError(400, "invalid_request", f"unknown environment key: {environment}")
        if not body.get("instructions"):
            raise RefusalError(400, "invalid_request", "instructions must not be empty")
        if self.approvals:
            raise RefusalError(405, "method_not_allowed", "approval is required for this request")
        config = copy.deepcopy(found["environments"][environment])
        for each in body["instructions"]:
            follow(config, each, [every["_id"] for every in found["variations"]])
        config |= {"version": config["version"] + 1, "lastModified": int(self._stamp() * 1000)}
        found["environments"][environment] = config
        self._note(key, body)
        if self.lost:
            self.lost = False
            assert request.transport is not None
            request.transport.abort()
        return found

    def _note(self, key: str, body: Object) -> None:
        comment = str(body.get("comment", ""))
        self.patches.append(body["instructions"])
        self.comments.append(comment)
        if self._changed is not None:
            self._changed(key, comment)


async def _patch_body(request: web.Request) -> Object:
    if request.content_type != "application/json":
        raise RefusalError(400, "invalid_request", "unsupported content type")
    try:
        body = await request.json()
    except ValueError:
        raise RefusalError(400, "invalid_request", "the request body is not valid JSON") from None
    parameters = request.headers["Content-Type"].partition(";")[2]
    if parameters.strip() != _SEMANTIC or not isinstance(body, dict):
        # Without it the body is read as a JSON patch, which is a list of operations.
        raise RefusalError(400, "invalid_request", "expected a JSON patch: an array")
    if body.keys() - _FIELDS:
        raise RefusalError(400, "invalid_request", "unknown fields in the request")
    return body


def _limits() -> Mapping[str, str]:
    reset = int((time.time() + _RATE_WINDOW) * 1000)
    return {"X-Ratelimit-Route-Remaining": "0", "X-Ratelimit-Reset": str(reset)}
