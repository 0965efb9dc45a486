"""Routes under `/estate/api/`: what the page's panel, tests and demos read and press.

Only pages that the sandbox served may use them (`guards`). Bodies are small JSON objects;
anything unknown is refused with a sentence that says what is accepted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.estate import releases
from sandbox.estate.access import Denial
from sandbox.estate.faults import Effect, Fault, Target
from sandbox.estate.guards import check_origin
from sandbox.estate.images import Behaviour, ImageRule
from sandbox.estate.values import Object
from sandbox.parts import Scenario

if TYPE_CHECKING:
    from sandbox.estate.server import Estate

BAD_RELEASE = Scenario(
    id="bad_release",
    title="Ship the bad release",
    breaks="Ships a release in which checkout and payments answer with errors and one service "
    "never starts. About one request in six fails.",
    story="service",
)
_SPEEDS = (0.1, 500.0)
_Answer = Callable[[Object], Object | Awaitable[Object]]


class Control:
    """Turns requests into calls on the estate."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.marks: list[Object] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        posts: dict[str, _Answer] = {
            "break": self._break,
            "reset": self._reset,
            "speed": self._speed,
            "fault": self._fault,
            "marks": self._mark,
        }
        return [
            web.get("/estate/api/state", self._get_state),
            web.get("/estate/api/requests", self._get_requests),
            web.get("/estate/api/marks", self._get_marks),
            web.get("/estate/api/wall", self._get_wall),
            web.delete("/estate/api/fault", self._clear_faults),
            *(web.post(f"/estate/api/{name}", _posted(call)) for name, call in posts.items()),
        ]

    async def _get_state(self, request: web.Request) -> web.Response:
        check_origin(request)
        state = self._estate.state()
        scenarios = [asdict(each) for each in self._scenarios()]
        return web.json_response(state | {"marks": self.marks, "scenarios": scenarios})

    async def _get_marks(self, request: web.Request) -> web.Response:
        check_origin(request)
        return web.json_response({"marks": self.marks})

    async def _get_wall(self, request: web.Request) -> web.Response:
        check_origin(request)
        return web.json_response(self._estate.wall.view())

    async def _get_requests(self, request: web.Request) -> web.Response:
        check_origin(request)
        since = request.query.get("since", "0")
        entries = self._estate.requests.since(int(since) if since.isdigit() else 0)
        return web.json_response({"requests": entries})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        check_origin(request)
        self._estate.clear_faults()
        return web.json_response({"ok": True})

    def _scenarios(self) -> tuple[Scenario, ...]:
        return (BAD_RELEASE, *self._estate.parts.scenarios)

    async def _break(self, body: Object) -> Object:
        scenario = body.get("scenario", BAD_RELEASE.id)
        known = [each.id for each in self._scenarios()]
        if scenario not in known:
            raise _refusal(f"There is no scenario {scenario!r}. Known: {', '.join(known)}.")
        if scenario == BAD_RELEASE.id:
            return {"ok": True, "revision": self._estate.break_release()}
        self._estate.note_break()
        await self._estate.parts.break_it(str(scenario))
        return {"ok": True}

    async def _reset(self, _: Object) -> Object:
        self.marks.clear()
        self._estate.reset()
        await self._estate.parts.reset()
        return {"ok": True}

    def _speed(self, body: Object) -> Object:
        speed = body.get("speed")
        if not isinstance(speed, (int, float)) or not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            raise _refusal(f"speed must be a number from {_SPEEDS[0]} to {_SPEEDS[1]}.")
        self._estate.set_speed(float(speed))
        return {"ok": True, "speed": speed}

    def _mark(self, body: Object) -> Object:
        phase = str(body.get("phase", ""))[:40]
        if not phase:
            raise _refusal("phase is missing.")
        at = body.get("at")  # by the clock on the wall; the chart is drawn in real time
        moment = self._estate.wall.real(at) if isinstance(at, (int, float)) else time.time()
        self.marks.append({"phase": phase, "at": moment})
        self.marks.sort(key=lambda mark: float(mark["at"]))
        del self.marks[:-200]
        return {"ok": True}

    def _fault(self, body: Object) -> Object:
        kind = body.pop("kind", "server")
        kinds = {
            "server": lambda: self._estate.faults.add(_fault(body)),
            "forbid": lambda: self._estate.access.deny(_made(Denial, body)),
            "image": lambda: self._estate.set_image(_image(body)),
            "revision_gone": lambda: self._revision(body, "gone"),
            "revision_status": lambda: self._revision(body, str(body.get("status", ""))),
        }
        if kind not in kinds:
            raise _refusal(f"There is no fault of kind {kind!r}. Known: {', '.join(kinds)}.")
        kinds[kind]()
        return {"ok": True}

    def _revision(self, body: Object, status: str) -> None:
        cluster, revision = self._estate.cluster, int(body.get("revision", 0))
        if status == "gone":
            found = releases.forget(cluster, revision)
        else:
            found = releases.set_status(cluster, revision, status)
        if not found:
            raise _refusal(f"There is no revision {revision}.")


def _posted(call: _Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        check_origin(request)
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            raise _refusal("The body is not JSON.") from None
        if not isinstance(body, dict):
            raise _refusal("The body must be a JSON object.")
        answer = call(body)
        return web.json_response(answer if isinstance(answer, dict) else await answer)

    return handle


def _refusal(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": text}), content_type="application/json")


def _made(kind: Any, body: Object) -> Any:
    known = [item.name for item in fields(kind)]
    strange = [key for key in body if key not in known]
    if strange:
        raise _refusal(f"Unknown: {', '.join(strange)}. Known: {', '.join(known)}.")
    try:
        return kind(**body)
    except TypeError as error:
        raise _refusal(f"{error}.") from None


def _fault(body: Object) -> Fault:
    try:
        body["target"] = Target(body.get("target", Target.KUBERNETES))
        body["effect"] = Effect(body.get("effect", ""))
    except ValueError as error:
        raise _refusal(f"{error}.") from None
    fault: Fault = _made(Fault, body)
    return fault


def _image(body: Object) -> ImageRule:
    try:
        body["behaviour"] = Behaviour(body.get("behaviour", ""))
    except ValueError as error:
        raise _refusal(f"{error}. Known: {', '.join(Behaviour)}.") from None
    rule: ImageRule = _made(ImageRule, {"service": "*", "tag": "*"} | body)
    return rule
