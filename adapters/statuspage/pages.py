"""A system's page on Statuspage: the calls that both actions make, at the pace that it allows.

Statuspage allows one request a second and token, and has no client library.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from adapters.http import exchanges
from adapters.http.exchanges import Request
from adapters.values import listed
from flows.actions import Change, Context, PermanentError

SPACING = 1.0
SERVICE = "Statuspage"
PAGE = 100

Status = Literal["investigating", "identified", "monitoring", "resolved"]
Impact = Literal["none", "minor", "major", "critical"]
ComponentStatus = Literal[
    "operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"
]
Object = dict[str, Any]


class NoIncidentError(PermanentError):
    """The page has no such incident."""


@dataclass(slots=True)
class Pace:
    """When the next request may leave, on the loop's clock; one a token and page."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_at: float = 0.0

    async def wait(self, context: Context) -> None:
        """Wait for the turn.  Raises `InterruptedByHoldError` before anything was sent."""
        async with self.lock:
            now = asyncio.get_running_loop().time()
            if self.next_at > now:
                await context.pause(self.next_at - now)
            self.next_at = max(now, self.next_at) + SPACING


async def _make_pace() -> Pace:
    return Pace()


async def _drop_pace(pace: Pace) -> None:
    """Do nothing: a pace holds no connection."""


async def find_marked(context: Context) -> Object | None:
    """Return the unresolved incident that carries this incident's mark, or None."""
    page = 1
    while True:
        found = await _call(
            context, "GET", f"incidents/unresolved?page={page}&per_page={PAGE}", None
        )
        every = found if isinstance(found, list) else []
        for each in every:
            if marked(each, context):
                return dict(each)
        if len(every) < PAGE:
            return None
        page += 1


def mark(context: Context) -> Object:
    """Return the metadata that ties a page's incident to ours."""
    return {"backout": {"system": context.system.system, "incident": context.incident}}


def marked(incident: Mapping[str, Any], context: Context) -> bool:
    """Say whether an incident of the page carries our mark."""
    metadata = incident.get("metadata")
    wanted = mark(context)["backout"]
    return isinstance(metadata, Mapping) and metadata.get("backout") == wanted


async def get(context: Context, incident: str) -> Object:
    """Return one incident of the page; raise `NoIncidentError`."""
    return dict(await _call(context, "GET", f"incidents/{quote(incident, safe='')}", None))


async def create(context: Context, body: Object) -> Object:
    """Open an incident on the page."""
    return dict(await _call(context, "POST", "incidents", {"incident": body}))


async def update(context: Context, incident: str, body: Object) -> Object:
    """Change an incident of the page, which adds an update that subscribers get."""
    path = f"incidents/{quote(incident, safe='')}"
    return dict(await _call(context, "PATCH", path, {"incident": body}))


async def components(context: Context, wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return name and status of the page's components that are wanted to be something.

    Without any nothing is asked.  Raises `PermanentError` for one that the page does not have.
    """
    if not wanted:
        return {}
    found: dict[str, tuple[str, str]] = {}
    page = 1
    while True:
        every = await _call(context, "GET", f"components?page={page}&per_page={PAGE}", None)
        for each in every:
            found[str(each["id"])] = (str(each.get("name") or each["id"]), str(each["status"]))
        if len(every) < PAGE:
            break
        page += 1
    if missing := [each for each in wanted if each not in found]:
        there = listed(f"{id_} is {name}" for id_, (name, _) in found.items())
        raise PermanentError(
            f"The status page has no component {listed(missing)}; it has: {there or 'none'}."
        )
    return {id_: found[id_] for id_ in wanted}


def component_changes(
    found: Mapping[str, tuple[str, str]], wanted: Mapping[str, str]
) -> tuple[Change, ...]:
    """Say what customers would read of components that are something else now."""
    return tuple(
        Change(subject=f"component {name}", before=status, after=wanted[id_])
        for id_, (name, status) in found.items()
        if status != wanted[id_]
    )


def set_components(wanted: Mapping[str, str]) -> Object:
    """Return what sets components in a request about an incident."""
    return {"component_ids": sorted(wanted), "components": dict(wanted)} if wanted else {}


def says(incident: Mapping[str, Any], status: str, text: str) -> bool:
    """Say whether the newest update is this one; the page may keep white space its own way."""
    there, body = latest(incident)
    return there == status and body.split() == text.split()


def latest(incident: Mapping[str, Any]) -> tuple[str, str]:
    """Return status and text of the newest update."""
    updates = incident.get("incident_updates") or [{}]
    newest = max(updates, key=lambda each: str(each.get("created_at") or ""))
    return str(incident.get("status", "")), str(newest.get("body") or "")


async def _call(context: Context, method: str, path: str, body: Any) -> Any:
    connection = context.system.connections.statuspage
    if connection is None:
        raise PermanentError(
            f"{context.system.title} has no status page: add connections.statuspage to system.yaml."
        )
    token = context.surroundings.secret(connection.token)
    base = exchanges.address(context, connection.url)
    pace = await context.clients.get(f"statuspage:{base}:{connection.page}", _make_pace, _drop_pace)
    await pace.wait(context)
    request = Request(
        method=method,
        url=f"{base}/v1/pages/{quote(connection.page, safe='')}/{path}",
        headers={"Authorization": f"OAuth {token}"},
        body=body,
        writes=method != "GET",
    )
    answer = await exchanges.exchange(context, request)
    if answer.status == 404:
        raise NoIncidentError(f"{SERVICE} has no {path.partition('?')[0]} on this page.")
    if error := exchanges.refusal(answer, SERVICE, writes=request.writes):
        raise error
    found = answer.json()
    if found is None:
        raise PermanentError(f"{request.host} does not speak Statuspage's API: check its url.")
    return found
