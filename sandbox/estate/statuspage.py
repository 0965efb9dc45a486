"""Statuspage's API of incidents and components, strict: what it doesn't know it refuses.

`customers` shows the same page as its readers see it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random

from aiohttp import web

from sandbox.estate.clock import stamp
from sandbox.estate.components import Components
from sandbox.estate.values import Object

TOKEN = "sandbox-statuspage"  # noqa: S105  # opens nothing but the sandbox
PAGE = "xyz"  # the page's id in AIVO's documents
STATUSES = ("investigating", "identified", "monitoring", "resolved")
IMPACTS = ("none", "maintenance", "minor", "major", "critical")
_FIELDS = {
    "name": str,
    "status": str,
    "impact_override": str,
    "body": str,
    "deliver_notifications": bool,
    "component_ids": list,
    "components": dict,
    "metadata": dict,
}
_ALPHABET = "bcdfghjklmnpqrstvwxyz0123456789"


class StatuspageError(Exception):
    """A refusal, with its code and body."""

    def __init__(self, code: int, error: object) -> None:
        super().__init__(str(error))
        self.code = code
        self.error = error


class Statuspage:
    """One page: its incidents, newest first, and its components."""

    def __init__(
        self,
        random: Random,
        now: Callable[[], float] = time.monotonic,
        *,
        stamp: Callable[[], str] = stamp,
    ) -> None:
        self._random = random
        self._now = now
        self._stamp = stamp
        self._calls: deque[float] = deque()
        self.calls_allowed = 60
        self.calls_window = 60.0  # one call a second, measured over a rolling minute
        self.incidents: list[Object] = []
        self.components = Components(PAGE)
        self.components.reset(stamp())

    def reset(self) -> None:
        """Forget all incidents; every component is operational."""
        self.incidents.clear()
        self.components.reset(self._stamp())
        self._calls.clear()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, under `/v1`."""
        page = "/v1/pages/{page}"
        base = f"{page}/incidents"
        return [
            web.get(f"{page}/components", self._guarded(self._components)),
            web.post(base, self._guarded(self._create)),
            web.get(base, self._guarded(self._list)),
            web.get(base + "/unresolved", self._guarded(self._unresolved)),
            web.get(base + "/{incident}", self._guarded(self._get)),
            web.patch(base + "/{incident}", self._guarded(self._update)),
            web.put(base + "/{incident}", self._guarded(self._update)),
        ]

    def _guarded(
        self, answer: Callable[[web.Request, Object], tuple[int, object]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                self._admit(request)
                body = await _incident_body(request) if request.can_read_body else {}
                if problems := self.components.problems(body):
                    raise StatuspageError(422, problems)
                code, result = answer(request, body)
            except StatuspageError as error:
                return web.json_response({"error": error.error}, status=error.code)
            return web.json_response(result, status=code)

        return handle

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"OAuth {TOKEN}":
            raise StatuspageError(401, "Could not authenticate")
        now = self._now()
        while self._calls and self._calls[0] <= now - self.calls_window:
            self._calls.popleft()
        if len(self._calls) >= self.calls_allowed:
            raise StatuspageError(429, "Too many requests")
        self._calls.append(now)
        if request.match_info["page"] != PAGE:
            raise StatuspageError(404, "Not found")

    def _components(self, request: web.Request, _: Object) -> tuple[int, object]:
        try:
            return 200, self.components.page(request.query)
        except ValueError as error:
            raise StatuspageError(400, str(error)) from None

    def _list(self, request: web.Request, _: Object) -> tuple[int, object]:
        words = request.query.get("q", "").lower()
        return 200, [item for item in self.incidents if words in item["name"].lower()]

    def _unresolved(self, _: web.Request, __: Object) -> tuple[int, object]:
        return 200, [item for item in self.incidents if item["status"] != "resolved"]

    def _get(self, request: web.Request, _: Object) -> tuple[int, object]:
        return 200, self._find(request)

    def _create(self, _: web.Request, body: Object) -> tuple[int, object]:
        if not str(body.get("name", "")).strip():
            raise StatuspageError(422, ["Name can't be blank"])
        now = self._stamp()
        incident: Object = {
            "id": self._id(),
            "page_id": PAGE,
            "name": body["name"],
            "status": "investigating",
            "impact": body.get("impact_override", "none"),
            "impact_override": None,
            "created_at": now,
            "updated_at": now,
            "started_at": now,
            "monitoring_at": None,
            "resolved_at": None,
            "metadata": {},
            "components": [],
            "incident_updates": [],
        }
        incident["shortlink"] = f"https://stspg.io/{incident['id']}"
        self.incidents.insert(0, incident)
        self._change(incident, body)
        return 201, incident

    def _update(self, request: web.Request, body: Object) -> tuple[int, object]:
        incident = self._find(request)
        self._change(incident, body)
        return 200, incident

    def _find(self, request: web.Request) -> Object:
        wanted = request.match_info["incident"]
        for item in self.incidents:
            if item["id"] == wanted:
                return item
        raise StatuspageError(404, "Not found")

    def _change(self, incident: Object, body: Object) -> None:
        now = self._stamp()
        for key in ("name", "status", "metadata", "impact_override"):
            if key in body:
                incident[key] = body[key]
        if body.get("impact_override"):
            incident["impact"] = body["impact_override"]
        incident["updated_at"] = now
        self.components.change(incident, body, now)
        if incident["status"] in ("monitoring", "resolved"):
            incident[f"{incident['status']}_at"] = now
        if "status" in body or "body" in body or not incident["incident_updates"]:
            incident["incident_updates"].insert(0, self._entry(incident, body, now))

    def _entry(self, incident: Object, body: Object, now: str) -> Object:
        return {
            "id": self._id(),
            "incident_id": incident["id"],
            "status": incident["status"],
            "body": body.get("body") or "",
            "created_at": now,
            "updated_at": now,
            "display_at": now,
            "deliver_notifications": body.get("deliver_notifications", True),
        }

    def _id(self) -> str:
        return "".join(self._random.choice(_ALPHABET) for _ in range(12))


async def _incident_body(request: web.Request) -> Object:
    if request.content_type != "application/json":
        raise StatuspageError(400, "The request body must be JSON (Content-Type: application/json)")
    try:
        document = json.loads(await request.read())
    except ValueError:
        raise StatuspageError(400, "The request body is not valid JSON") from None
    incident = document.get("incident") if isinstance(document, dict) else None
    if not isinstance(incident, dict) or len(document) != 1:
        raise StatuspageError(422, ["incident is missing, or is not the only key"])
    problems = _problems(incident)
    if problems:
        raise StatuspageError(422, problems)
    return incident


def _problems(incident: Object) -> list[str]:
    problems = [f"{key} is not a known parameter" for key in incident if key not in _FIELDS]
    for key, kind in _FIELDS.items():
        if key in incident and not isinstance(incident[key], kind):
            problems.append(f"{key} must be of type {kind.__name__}")
    if incident.get("status", STATUSES[0]) not in STATUSES:
        problems.append(f"Status must be one of {', '.join(STATUSES)}")
    if incident.get("impact_override", IMPACTS[0]) not in IMPACTS:
        problems.append(f"Impact override must be one of {', '.join(IMPACTS)}")
    if len(str(incident.get("name", ""))) > 200:
        problems.append("Name is too long (maximum is 200 characters)")
    return problems
