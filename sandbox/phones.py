"""The phones of the page: whose ring, and what a press on one does.

Part of `world`: the page reads `/phones/api/state` once and hears of changes on the workspace's
live feed.  A press goes to the sandbox's PagerDuty, and from there to the bot as from the real one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from sandbox.estate.guards import check_origin
from sandbox.estate.values import Object
from sandbox.pagerduty import PagerDuty, accounts
from sandbox.pagerduty.accounts import User
from sandbox.pagerduty.incidents import Call, Incident
from sandbox.workspace.feed import Feed

MOST_INCIDENTS = 12
LEVEL = re.compile(r":level:(\d+)(?::\d+)?$")


class Phones:
    """Everybody's phone."""

    def __init__(self, pagerduty: PagerDuty, feed: Feed) -> None:
        self._pagerduty = pagerduty
        self._feed = feed
        pagerduty.desk.changed = self.publish

    def add_routes(self, app: web.Application) -> None:
        """Register the page's routes."""
        app.router.add_get("/phones/api/state", self._state)
        app.router.add_post("/phones/api/acknowledge", self._acknowledge)
        app.router.add_post("/phones/api/let_ring", self._let_ring)

    def publish(self) -> None:
        """Tell the page that something rings, or no longer does."""
        self._feed.publish("phones", **self.view())

    def view(self) -> Object:
        """Return the calls of the last incidents; the page drops what is long over."""
        return {
            "calls": [
                _call_view(incident, call)
                for incident in self._pagerduty.desk.incidents[-MOST_INCIDENTS:]
                for call in incident.calls.values()
            ]
        }

    async def _state(self, request: web.Request) -> web.Response:
        check_origin(request)
        return web.json_response(self.view())

    async def _acknowledge(self, request: web.Request) -> web.Response:
        incident, user = await self._pressed(request)
        done = self._pagerduty.desk.acknowledge(incident, user)
        return web.json_response({"ok": True, "done": done})

    async def _let_ring(self, request: web.Request) -> web.Response:
        incident, user = await self._pressed(request)
        done = self._pagerduty.desk.let_ring(incident, user)
        return web.json_response({"ok": True, "done": done})

    async def _pressed(self, request: web.Request) -> tuple[Incident, User]:
        """Return which call was pressed on."""
        check_origin(request)
        try:
            body: Any = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise _refusal("The body must be a JSON object with incident and user.")
        incident = self._pagerduty.desk.find(str(body.get("incident", "")))
        user = accounts.user(str(body.get("user", "")))
        if incident is None or user is None or user.id not in incident.calls:
            raise _refusal("Nobody's phone rings for that.")
        return incident, user


def _call_view(incident: Incident, call: Call) -> Object:
    found = LEVEL.search(incident.key)
    answered = next((each for each in incident.answers if each.user is not None), None)
    return {
        "incident": incident.id,
        "summary": incident.title,
        "called_as": str(incident.details.get("called as", "")),
        "level": int(found[1]) if found else None,
        "user": call.user.id,
        "slack": call.user.slack,
        "name": call.user.name,
        "title": call.user.title,
        "status": incident.status,
        "rings": incident.status == "triggered" and not call.left,
        "since": call.since,
        "times": call.times,
        "ended": None if incident.status == "triggered" else incident.changed.at,
        "answered_by": answered.user.name if answered and answered.user else None,
        "answered_at": answered.at if answered else None,
    }


def _refusal(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": text}), content_type="application/json")
