"""The REST API, as far as one asks it who answered: incidents, their log, and people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from sandbox.estate.values import Object
from sandbox.pagerduty import accounts
from sandbox.pagerduty.accounts import REST_TOKEN, USERS
from sandbox.pagerduty.events import Allowance
from sandbox.pagerduty.incidents import Desk

VERSION = "application/vnd.pagerduty+json;version=2"
STATUSES = ("triggered", "acknowledged", "resolved")
MOST_A_MINUTE = 960
_FILTERS = {"incident_key", "statuses[]", "limit", "offset", "total"}
_LONGEST = 100
Handler = Callable[[web.Request], Awaitable[web.Response]]


class RestError(Exception):
    """A refusal, with its status and PagerDuty's own code."""

    def __init__(self, status: int, code: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.body: Object = {"error": {"message": message, "code": code}}
        if errors:
            self.body["error"]["errors"] = list(errors)


class Rest:
    """Answers for one account."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.allowance = Allowance(MOST_A_MINUTE)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/incidents", self._guarded(self._incidents)),
            web.get("/incidents/{id}", self._guarded(self._incident)),
            web.get("/incidents/{id}/log_entries", self._guarded(self._log)),
            web.get("/users", self._guarded(self._users)),
            web.get("/users/{id}", self._guarded(self._user)),
        ]

    def _guarded(self, answer: Callable[[web.Request], Object]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            try:
                self._admit(request)
                return web.json_response(answer(request))
            except RestError as error:
                return web.json_response(error.body, status=error.status)

        return handle

    def _admit(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Token token={REST_TOKEN}":
            raise RestError(401, 2006, "Invalid Credentials")
        if request.headers.get("Accept") != VERSION:
            raise RestError(400, 2001, "Invalid Input Provided", f"Accept must be {VERSION}")
        if self.allowance.wait():
            raise RestError(429, 2020, "Rate Limit Exceeded")

    def _incidents(self, request: web.Request) -> Object:
        _only(request, _FILTERS)
        wanted = request.query.getall("statuses[]", list(STATUSES))
        if strange := sorted(set(wanted) - set(STATUSES)):
            raise RestError(400, 2001, "Invalid Input Provided", f"unknown statuses: {strange}")
        key = request.query.get("incident_key")
        found = [
            each.public()
            for each in self._desk.incidents
            if each.status in wanted and key in (None, each.key)
        ]
        return _page(request, "incidents", found)

    def _incident(self, request: web.Request) -> Object:
        _only(request, set())
        incident = self._desk.find(request.match_info["id"])
        if incident is None:
            raise RestError(404, 2100, "Not Found")
        return {"incident": incident.public()}

    def _log(self, request: web.Request) -> Object:
        _only(request, {"limit", "offset", "total", "is_overview"})
        incident = self._desk.find(request.match_info["id"])
        if incident is None:
            raise RestError(404, 2100, "Not Found")
        return _page(request, "log_entries", incident.log[::-1])

    def _users(self, request: web.Request) -> Object:
        _only(request, {"limit", "offset", "total", "query"})
        query = request.query.get("query", "").casefold()
        found = [u.public() for u in USERS if query in u.name.casefold() or query in u.email]
        return _page(request, "users", found)

    def _user(self, request: web.Request) -> Object:
        _only(request, set())
        found = accounts.user(request.match_info["id"])
        if found is None:
            raise RestError(404, 2100, "Not Found")
        return {"user": found.public()}


def _only(request: web.Request, known: set[str]) -> None:
    if strange := sorted(set(request.query) - known):
        raise RestError(400, 2001, "Invalid Input Provided", f"unknown parameters: {strange}")


def _page(request: web.Request, name: str, found: Sequence[Object]) -> Object:
    """Return one page of a list, as PagerDuty pages it."""
    try:
        limit = int(request.query.get("limit", "25"))
        offset = int(request.query.get("offset", "0"))
    except ValueError:
        problem = "limit and offset are numbers"
        raise RestError(400, 2001, "Invalid Input Provided", problem) from None
    if not 1 <= limit <= _LONGEST or offset < 0:
        raise RestError(400, 2001, "Invalid Input Provided", f"limit must be 1 to {_LONGEST}")
    shown = list(found[offset : offset + limit])
    more = offset + limit < len(found)
    return {name: shown, "limit": limit, "offset": offset, "more": more, "total": None}
