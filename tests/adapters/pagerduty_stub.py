"""PagerDuty as it is seen from outside, over TLS: Events v2, and REST for incidents and users.

It refuses what the published descriptions refuse, and what they don't mention: a misspelt field
that PagerDuty would pass over in silence fails a test here.
"""

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.real.bench.certificates import Authority

Json = Any
KEY, OTHER_KEY = "R0" + "a" * 30, "R0" + "b" * 30
TOKEN = "u+rest-key"
ACCEPTED = "application/vnd.pagerduty+json;version=2"
SEVERITIES = ("critical", "error", "warning", "info")
FIELDS = {
    "routing_key", "event_action", "dedup_key", "payload", "images", "links", "client",
    "client_url",
}  # fmt: skip
PAYLOAD = {
    "summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details",
}  # fmt: skip
FILTERS = {"incident_key", "statuses[]", "limit", "offset"}
USERS = {
    "PEMILY": {"name": "Emily Watson", "email": "Emily.Watson@aivo.edu"},
    "PJENNIFER": {"name": "Jennifer Liu", "email": "jennifer.liu@aivo.edu"},
    "PSTRANGER": {"name": "Robin Contractor", "email": "robin@elsewhere.test"},
}


@dataclass(slots=True, kw_only=True)
class Alert:
    """What became of one key on one service; `told` are the events in their order."""

    id: str
    service: str
    key: str
    status: str = "triggered"
    rang: int = 1
    by: str | None = None
    told: list[Mapping[str, Json]] = field(default_factory=list)


@dataclass(slots=True)
class Stub:
    """Two services and three people.  `fault` makes the next answers, or all, go wrong."""

    url: str = ""
    alerts: dict[tuple[str, str], Alert] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    schedules: dict[str, list[str]] = field(default_factory=dict)
    _status: int = 0
    _headers: Mapping[str, str] = field(default_factory=dict)
    _faults_left: int = 0
    _runner: web.AppRunner | None = None
    _incidents: int = 0

    async def start(self, folder: Path) -> Path:
        """Listen on a free port of the loopback; return the authority's certificate."""
        authority = Authority(folder)
        pair = authority.issue("pagerduty")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pair.certificate, pair.key)
        site = web.Application()
        site.router.add_post("/v2/enqueue", self._enqueue)
        site.router.add_get("/incidents", self._list)
        site.router.add_get("/users", self._users)
        site.router.add_get("/users/{id}", self._user)
        site.router.add_get("/schedules/{id}/users", self._on_call)
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
        return authority.certificate

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # For tests

    def fault(self, status: int, *, times: int = 10**6, **headers: str) -> None:
        """Answer with a status instead; 0 cuts the connection after the work was done."""
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._status, self._faults_left = status, times

    def heal(self) -> None:
        """Answer as usual."""
        self._faults_left = 0

    def of(self, level: int, service: str = KEY) -> Alert:
        """Return the alert of a level."""
        return next(
            alert
            for (routed, key), alert in self.alerts.items()
            if routed == service and key.endswith(f":level:{level}")
        )

    def actions(self) -> list[str]:
        """Return what was done, in order: `trigger level:1`."""
        return [each for each in self.requests if not each.startswith("GET")]

    def answer(self, alert: Alert, user: str, status: str = "acknowledged") -> None:
        """Let a person press a button in PagerDuty."""
        alert.status, alert.by = status, user

    def webhook(self, alert: Alert, user: str, event: str, **changes: Json) -> bytes:
        """Return the body of a webhook that tells what a person did."""
        kind = "acknowledged" if alert.status == "acknowledged" else "resolved"
        happening: dict[str, Json] = {
            "id": event,
            "event_type": f"incident.{kind}",
            "resource_type": "incident",
            "occurred_at": "2026-11-21T10:00:00.000Z",
            "agent": reference(user),
            "client": None,
            "data": {
                "id": alert.id,
                "type": "incident",
                "number": 7,
                "status": alert.status,
                "incident_key": alert.key,
                "title": "checkout 5xx",
                "service": {"id": "PSERVICE", "type": "service_reference", "summary": "AIVO"},
            },
        }
        return json.dumps({"event": {**happening, **changes}}).encode()

    # Events v2

    async def _enqueue(self, request: web.Request) -> web.Response:
        if failed := self._fails():
            return failed
        text = await request.text()
        errors = _wrong(request, text)
        if errors:
            self.refused += errors
            body = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response({**body, "errors": errors}, status=400)
        event = json.loads(text)
        self._count(event)
        self._cut(request)
        answer = {"status": "success", "message": "Event processed"}
        return web.json_response({**answer, "dedup_key": event["dedup_key"]}, status=202)

    def _count(self, event: Mapping[str, Json]) -> None:
        routed, key, action = event["routing_key"], event["dedup_key"], event["event_action"]
        self.requests.append(f"{action} {key.split(':', 4)[-1]}")
        alert = self.alerts.get((routed, key))
        if action == "trigger" and (alert is None or alert.status == "resolved"):
            self._incidents += 1
            rang = alert.rang + 1 if alert else 1
            alert = Alert(id=f"Q{self._incidents}", service=routed, key=key, rang=rang)
            self.alerts[routed, key] = alert
        if alert is None:
            return  # as PagerDuty: accepted, without effect
        alert.told.append(event)
        if action == "resolve":
            alert.status, alert.by = "resolved", None
        elif action == "acknowledge" and alert.status == "triggered":
            alert.status, alert.by = "acknowledged", None

    # REST

    async def _list(self, request: web.Request) -> web.Response:
        self.requests.append("GET incidents")
        if found := self._fails() or _unwelcome(request):
            return found
        if unknown := set(request.query) - FILTERS:
            return _problem(400, f"unknown parameters: {sorted(unknown)}")
        wanted = request.query.getall("statuses[]", ["triggered", "acknowledged", "resolved"])
        key = request.query.get("incident_key")
        shown = [
            _incident(alert)
            for alert in self.alerts.values()
            if alert.status in wanted and key in (None, alert.key)
        ]
        return web.json_response({"incidents": shown, "limit": 25, "offset": 0, "more": False})

    async def _user(self, request: web.Request) -> web.Response:
        self.requests.append("GET user")
        if found := self._fails() or _unwelcome(request):
            return found
        user = USERS.get(request.match_info["id"])
        if user is None:
            return _problem(404, "Not Found")
        return web.json_response({"user": _user(request.match_info["id"])})

    async def _users(self, request: web.Request) -> web.Response:
        self.requests.append("GET users")
        if found := self._fails() or _unwelcome(request):
            return found
        if unknown := set(request.query) - {"limit", "offset", "query"}:
            return _problem(400, f"unknown parameters: {sorted(unknown)}")
        shown = [_user(name) for name in USERS][: int(request.query.get("limit", "25"))]
        return web.json_response({"users": shown, "limit": 25, "offset": 0, "more": True})

    async def _on_call(self, request: web.Request) -> web.Response:
        self.requests.append("GET on-call")
        if found := self._fails() or _unwelcome(request):
            return found
        if set(request.query) != {"since", "until"}:
            return _problem(400, "since and until belong together")
        since, until = (datetime.fromisoformat(request.query[n]) for n in ("since", "until"))
        if since.tzinfo is None or until.tzinfo is None or since >= until:
            return _problem(400, "since must be before until, both with a zone")
        users = self.schedules.get(request.match_info["id"])
        if users is None:
            return _problem(404, "Schedule not found")
        return web.json_response({"users": [_user(name) for name in users]})

    def _fails(self) -> web.Response | None:
        """Answer with the fault, before anything was done."""
        if self._faults_left == 0 or self._status == 0:
            return None
        self._faults_left -= 1
        return web.Response(status=self._status, headers=self._headers, text="upstream is away")

    def _cut(self, request: web.Request) -> None:
        """Break the connection after the work was done, where that is the fault."""
        if self._faults_left and self._status == 0:
            self._faults_left -= 1
            assert request.transport is not None
            request.transport.abort()


def reference(user: str) -> dict[str, str]:
    """Return a person as PagerDuty refers to them."""
    name = USERS.get(user, {}).get("name", user)
    return {"id": user, "type": "user_reference", "summary": name}


def _user(user: str) -> dict[str, str]:
    return {"id": user, "type": "user", **USERS[user]}


def _incident(alert: Alert) -> dict[str, Json]:
    service = {"id": "PSERVICE", "type": "service_reference", "summary": "AIVO"}
    person = reference(alert.by) if alert.by else service
    answered = [{"at": "2026-11-21T10:00:00Z", "acknowledger": person}]
    return {
        "id": alert.id,
        "type": "incident",
        "incident_key": alert.key,
        "status": alert.status,
        "acknowledgements": answered if alert.status == "acknowledged" else [],
        "last_status_change_by": person,
    }


def _problem(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": 2000}}, status=status)


def _unwelcome(request: web.Request) -> web.Response | None:
    if request.headers.get("Authorization") != f"Token token={TOKEN}":
        return _problem(401, "Invalid credentials")
    if request.headers.get("Accept") != ACCEPTED:
        return _problem(400, "the version of the API is missing in Accept")
    return None


def _wrong(request: web.Request, text: str) -> list[str]:
    if request.headers.get("Content-Type") != "application/json":
        return ["Content-Type must be application/json"]
    event = json.loads(text)
    found = [f"unknown field {name}" for name in sorted(event.keys() - FIELDS)]
    if len(str(event.get("routing_key", ""))) != 32:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    elif event["routing_key"] not in (KEY, OTHER_KEY):
        found.append(f"Invalid routing key {event['routing_key']}")
    if not 0 < len(str(event.get("dedup_key", ""))) <= 255:
        found.append("'dedup_key' must be 1 to 255 characters")
    match event.get("event_action"):
        case "trigger":
            found += _wrong_payload(event.get("payload"))
            found += [
                f"link {each} has no href" for each in event.get("links", []) if not each["href"]
            ]
        case "acknowledge" | "resolve":
            pass
        case other:
            found.append(f"'event_action' is not known: {other}")
    return found


def _wrong_payload(payload: Json) -> Iterator[str]:
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank"
        return
    yield from (f"unknown field payload.{name}" for name in sorted(payload.keys() - PAYLOAD))
    for name in ("summary", "source", "severity"):
        if not payload.get(name):
            yield f"'payload.{name}' is missing or blank"
    if len(payload.get("summary", "")) > 1024:
        yield "'payload.summary' is longer than 1024 characters"
    if payload.get("severity") not in SEVERITIES:
        yield f"'payload.severity' is not known: {payload.get('severity')}"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'payload.custom_details' is no object"
    if "timestamp" in payload and datetime.fromisoformat(payload["timestamp"]).tzinfo is None:
        yield "'payload.timestamp' has no zone"
