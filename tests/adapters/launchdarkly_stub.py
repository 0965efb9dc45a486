"""A stand-in for LaunchDarkly's REST API, strict: what the real one refuses, it refuses.

It knows one project with flags in environments, semantic patches, approvals, rate limits with their
headers, optimistic locking, and dependent flags (beta).  It does not import Backout's code.
"""

import copy
import time
from typing import Any

from aiohttp import web

TOKEN = "api-2f3c-launchdarkly"
PROJECT = "aivo"
NEW, CLASSIC, BETA = "11111111-new", "22222222-classic", "33333333-beta"
SEMANTIC = "launchdarkly.semanticpatch"
ALL = 100_000

Json = Any


class RefusalError(Exception):
    """A refusal, with its status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def flag(key: str, **production: Json) -> Json:
    """Return a flag that is on in production, and serves the first of three variations."""
    config = {
        "on": True,
        "archived": False,
        "version": 7,
        "lastModified": 1_760_000_000_000,
        "fallthrough": {"variation": 0},
        "offVariation": 1,
        "prerequisites": [],
        "rules": [],
        "targets": [],
        "contextTargets": [],
        "_environmentName": "Production",
    }
    named = ((NEW, "new"), (CLASSIC, "classic"), (BETA, "beta"))
    return {
        "key": key,
        "name": key,
        "kind": "multivariate",
        "archived": False,
        "variations": [{"_id": each, "name": name, "value": name} for each, name in named],
        "environments": {
            "production": config | production,
            "staging": config | {"version": 40, "_environmentName": "Staging"},
        },
    }


class LaunchDarkly:
    """One project.  `refusals` are statuses for the next patches, in turn; 0 lets one pass.

    `lost` cuts the connection of the next patch after it has taken effect, `limited` refuses
    everything with 429.
    """

    def __init__(self) -> None:
        self.flags = {"aivo-new-features": flag("aivo-new-features")}
        self.comments: list[str] = []
        self.patches: list[Json] = []
        self.refusals: list[int] = []
        self.approvals = False
        self.tells_dependents = True
        self.lost = False
        self.limited = False
        self.url = ""
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
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def config(self, key: str = "aivo-new-features") -> Json:
        """Return what a flag is set to in production."""
        return self.flags[key]["environments"]["production"]

    def touch(self, key: str = "aivo-new-features", **changes: Json) -> None:
        """Change a flag as somebody else would."""
        config = self.config(key)
        config |= changes | {"version": config["version"] + 1}

    def _guarded(self, answer: Any) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request)
                return web.json_response(await answer(request))
            except RefusalError as error:
                headers = {}
                if error.status == 429:
                    headers = {
                        "X-Ratelimit-Route-Remaining": "0",
                        "X-Ratelimit-Reset": str(int((time.time() + 7) * 1000)),
                    }
                body = {"code": error.code, "message": str(error)}
                return web.json_response(body, status=error.status, headers=headers)

        return handle

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != TOKEN:  # no "Bearer" before it
            raise RefusalError(401, "unauthorized", "invalid access token")
        if self.limited:
            raise RefusalError(429, "rate_limited", "You've exceeded the API rate limit.")
        if request.match_info["project"] != PROJECT or request.match_info["flag"] not in self.flags:
            raise RefusalError(404, "not_found", "Unknown resource")

    async def _get(self, request: web.Request) -> Json:
        found = copy.deepcopy(self.flags[request.match_info["flag"]])
        if "env" in request.query:
            wanted = request.query.getall("env")
            found["environments"] = {
                key: value for key, value in found["environments"].items() if key in wanted
            }
        return found

    async def _dependents(self, request: web.Request) -> Json:
        if request.headers.get("LD-API-Version") != "beta" or not self.tells_dependents:
            raise RefusalError(403, "forbidden", "This feature is not available on your plan")
        key = request.match_info["flag"]
        items = [
            {"key": each["key"], "name": each["name"]}
            for each in self.flags.values()
            for need in each["environments"][request.match_info["environment"]]["prerequisites"]
            if need["key"] == key
        ]
        return {"items": items}

    async def _patch(self, request: web.Request) -> Json:
        if self.refusals and (status := self.refusals.pop(0)):
            codes = {409: "optimistic_locking_error", 403: "forbidden", 503: "unavailable"}
            raise RefusalError(status, codes.get(status, "error"), f"refused with {status}")
        if request.content_type != "application/json":
            raise RefusalError(400, "invalid_request", "unsupported content type")
        body = await request.json()
        parameters = request.headers["Content-Type"].partition(";")[2]
        if parameters.strip() != f"domain-model={SEMANTIC}":
            # Without it the body is read as a JSON patch, which is a list of operations.
            raise RefusalError(400, "invalid_request", "expected a JSON patch: an array")
        found = self.flags[request.match_info["flag"]]
        if body.keys() - {"comment", "environmentKey", "instructions", "ignoreConflicts"}:
            raise RefusalError(400, "invalid_request", "unknown fields in the request")
        environment = body.get("environmentKey")
        if environment not in found["environments"]:
            raise RefusalError(400, "invalid_request", f"unknown environment key: {environment}")
        if not body.get("instructions"):
            raise RefusalError(400, "invalid_request", "instructions must not be empty")
        if self.approvals:
            raise RefusalError(405, "method_not_allowed", "approval is required for this request")
        config = copy.deepcopy(found["environments"][environment])
        for each in body["instructions"]:
            self._follow(config, dict(each), [every["_id"] for every in found["variations"]])
        config["version"] += 1
        found["environments"][environment] = config
        self.patches.append(body["instructions"])
        self.comments.append(body.get("comment", ""))
        if self.lost:
            self.lost = False
            assert request.transport is not None
            request.transport.abort()
        return found

    def _follow(self, config: Json, instruction: Json, ids: list[str]) -> None:
        match instruction.pop("kind", None):
            case "turnFlagOn":
                config["on"] = True
            case "turnFlagOff":
                config["on"] = False
            case "updateFallthroughVariationOrRollout":
                config["fallthrough"] = _served(instruction, ids)
            case kind:
                raise RefusalError(400, "invalid_request", f"unknown instruction kind: {kind}")
        if instruction:
            raise RefusalError(400, "invalid_request", f"unknown parameters: {list(instruction)}")


def _served(instruction: Json, ids: list[str]) -> Json:
    if "variationId" in instruction:
        wanted = instruction.pop("variationId")
        if wanted not in ids:
            raise RefusalError(400, "invalid_request", f"unknown variation id: {wanted}")
        return {"variation": ids.index(wanted)}
    weights = instruction.pop("rolloutWeights", None)
    if not weights or sum(weights.values()) != ALL or not set(weights) <= set(ids):
        raise RefusalError(400, "invalid_request", "rollout weights must be of variations, and sum")
    return {
        "rollout": {
            "variations": [
                {"variation": ids.index(each), "weight": weight} for each, weight in weights.items()
            ],
            "contextKind": instruction.pop("rolloutContextKind", "user"),
            "bucketBy": instruction.pop("rolloutBucketBy", "key"),
        }
    }
