"""The control API: act as a person, set faults, read what happened.

Routed under `/control/` by the server; used by the browser page and by `client.py`. It stands
outside Slack's own API on purpose: nothing of it exists in a real workspace.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.workspace import acts, clicks
from sandbox.workspace.api import Api
from sandbox.workspace.context import Context
from sandbox.workspace.faults import Fault
from sandbox.workspace.requests import Requests
from sandbox.workspace.store import channel_view, message_view
from sandbox.workspace.values import Json, SlackError

Handler = Callable[[Json], Awaitable[Json]]
_PLACE = ("channel", "ts", "view_id")
_ACCESS = ("scopes", "events", "paid_plan", "revoked")


class Control:
    """One method a route; the route's name is the method's name."""

    def __init__(self, ctx: Context, *, api: Api, http: Requests) -> None:
        self.ctx = ctx
        self.api = api
        self.http = http
        self._acts: dict[str, Handler] = {
            "say": self._sync(acts.say),
            "edit": self._sync(acts.edit),
            "open_home": self._sync(acts.open_home),
            "join": self._sync(acts.join),
            "leave": self._sync(acts.leave),
            "invite": self._sync(acts.invite),
            "user": self._sync(acts.change_user),
            "group": self._sync(acts.change_group),
            "slash": self._async(acts.slash),
            "shortcut": self._async(acts.shortcut),
            "click": self._on_screen(clicks.click),
            "submit": self._on_screen(clicks.submit),
            "close": self._on_screen(clicks.close),
            "fault": self._fault,
            "clear_faults": self._clear_faults,
            "delay": self._delay,
            "redeliver": self._redeliver,
            "drop_sockets": self._drop_sockets,
            "refresh_sockets": self._refresh_sockets,
            "limits": self._limits,
            "access": self._access,
            "install": self._install,
            "request_url": self._request_url,
            "clear_log": self._clear_log,
        }

    async def act(self, request: web.Request) -> web.Response:
        """Serve `POST /control/{act}`."""
        handler = self._acts.get(request.match_info["act"])
        if handler is None:
            return _refused(SlackError("unknown_act", known=sorted(self._acts)), status=404)
        try:
            answer = await handler(await _body(request))
        except SlackError as error:
            return _refused(error)
        except TypeError as error:
            return _refused(SlackError("bad_arguments", detail=str(error)))
        return web.json_response({"ok": True, **answer})

    async def read(self, request: web.Request) -> web.Response:
        """Serve `GET /control/{what}`: state or a part of it, calls, deliveries, sockets."""
        since = float(request.query.get("since", "0"))
        what = request.match_info["what"]
        if what in ("channels", "messages", "screen"):
            return self._read_part(what, request)
        if what == "state":
            return web.json_response({"ok": True, **self.ctx.store.dump()})
        if what == "calls":
            return web.json_response({"ok": True, "calls": self._calls(request, since)})
        if what == "deliveries":
            sent = [asdict(one) for one in self.ctx.delivery.log if one.t >= since]
            return web.json_response({"ok": True, "deliveries": sent})
        if what == "sockets":
            return web.json_response({"ok": True, "count": len(self.ctx.sockets)})
        return _refused(SlackError("unknown_read"), status=404)

    def _read_part(self, what: str, request: web.Request) -> web.Response:
        """Answer what tests ask again and again while they wait, without the whole state."""
        store = self.ctx.store
        if what == "channels":
            found = [channel_view(channel) for channel in store.channels.values()]
            return web.json_response({"ok": True, "channels": found})
        if what == "screen":
            return web.json_response({"ok": True, **store.screen(request.query.get("user", ""))})
        reader = request.query.get("user")
        try:
            messages = store.seen(request.query.get("channel"), reader)
        except SlackError as error:
            return _refused(error, status=404)
        shown = [message_view(message) for message in messages]
        return web.json_response({"ok": True, "messages": shown})

    def _calls(self, request: web.Request, since: float) -> list[Json]:
        wanted = request.query.get("method")
        return [
            call.public()
            for call in self.api.calls
            if call.t >= since and (not wanted or call.method == wanted)
        ]

    def _sync(self, act: Callable[..., Json]) -> Handler:
        async def run(body: Json) -> Json:
            return act(self.ctx, **body)

        return run

    def _async(self, act: Callable[..., Awaitable[Json]]) -> Handler:
        async def run(body: Json) -> Json:
            return await act(self.ctx, **body)

        return run

    def _on_screen(self, act: Callable[..., Awaitable[Json]]) -> Handler:
        async def run(body: Json) -> Json:
            place = {key: body.pop(key) for key in _PLACE if key in body}
            where = clicks.target(self.ctx, body.pop("user", ""), **place)
            return await act(self.ctx, where, **body)

        return run

    async def _fault(self, body: Json) -> Json:
        self.api.faults.faults.append(Fault.parse(body))
        return {}

    async def _clear_faults(self, _body: Json) -> Json:
        self.api.faults.clear()
        return {}

    async def _delay(self, body: Json) -> Json:
        self.api.faults.delay_ms = float(body.get("ms", 0))
        return {}

    async def _redeliver(self, body: Json) -> Json:
        acked = await self.ctx.delivery.redeliver(
            count=int(body.get("count", 1)),
            new_ids=bool(body.get("new_ids")),
            what=str(body.get("what", "")),
        )
        return {"acked": acked}

    async def _drop_sockets(self, _body: Json) -> Json:
        return {"dropped": self.ctx.sockets.drop()}

    async def _refresh_sockets(self, _body: Json) -> Json:
        self.ctx.delivery.spawn(self.ctx.sockets.refresh())
        return {"sockets": len(self.ctx.sockets)}

    async def _limits(self, body: Json) -> Json:
        self.api.limits.configure(**body)
        return {}

    async def _access(self, body: Json) -> Json:
        for key, value in body.items():
            if key not in _ACCESS:
                raise SlackError("unknown_access_field", known=list(_ACCESS))
            setattr(self.ctx.access, key, frozenset(value) if isinstance(value, list) else value)
        return {"scopes": sorted(self.ctx.access.scopes)}

    async def _install(self, body: Json) -> Json:
        self.ctx.access.install(body)
        self.ctx.store.feed.publish("app", shortcuts=self.ctx.access.shortcuts)
        return {"scopes": sorted(self.ctx.access.scopes), "events": sorted(self.ctx.access.events)}

    async def _request_url(self, body: Json) -> Json:
        self.http.url = str(body.get("url") or "")
        self.ctx.delivery.use_http = bool(self.http.url)
        verified = await self.http.handshake() if self.http.url else False
        return {"verified": verified}

    async def _clear_log(self, _body: Json) -> Json:
        self.api.calls.clear()
        self.ctx.delivery.log.clear()
        return {}


async def _body(request: web.Request) -> Json:
    raw = await request.text()
    if not raw:
        return {}
    try:
        parsed: Any = json.loads(raw)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(parsed, dict):
        raise SlackError("json_not_object")
    return parsed


def _refused(error: SlackError, *, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": error.code, **error.extra}, status=status)
