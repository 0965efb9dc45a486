"""The status page as customers see it: what is wrong now, what was, and which parts work.

Served at `/status` beside the panel, which links to it.  Plain HTML that asks again by itself;
whatever was published is shown as text.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from pathlib import Path

from aiohttp import web

from sandbox.estate.components import OPERATIONAL, STATES
from sandbox.estate.statuspage import Statuspage
from sandbox.estate.values import Object

STYLE = Path(__file__).resolve().parent.parent / "page" / "status.css"
_REFRESH = 10  # seconds
_IMPACTS = {
    "none": "All systems operational",
    "maintenance": "Maintenance is under way",
    "minor": "Some of our services are disturbed",
    "major": "A service is badly disturbed",
    "critical": "Our services are down",
}
_OF_STATES = {  # what the worst component means where no incident says it
    "under_maintenance": "maintenance",
    "degraded_performance": "minor",
    "partial_outage": "major",
    "major_outage": "critical",
}


class Customers:
    """The page of one Statuspage."""

    def __init__(self, statuspage: Statuspage) -> None:
        self._statuspage = statuspage

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/status", self._page),
            web.get("/status/style.css", self._style),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=self.html(), content_type="text/html", headers=headers)

    async def _style(self, _: web.Request) -> web.StreamResponse:
        response = web.FileResponse(STYLE)
        response.content_type = "text/css"
        response.headers["Cache-Control"] = "no-cache"
        return response

    def impact(self) -> str:
        """Return the worst impact that is told now."""
        told = [each["impact"] for each in self._open()]
        states = [each["status"] for each in self._statuspage.components.all]
        told += [_OF_STATES[state] for state in states if state != OPERATIONAL]
        return max(told, key=list(_IMPACTS).index, default="none")

    def html(self) -> str:
        """Return the whole page."""
        opened = self._open()
        past = [each for each in self._statuspage.incidents if each["status"] == "resolved"]
        impact = self.impact()
        words = _IMPACTS[impact]
        if opened and impact == "none":
            words = "We are looking into something"
        return _document(
            f'<p class="banner" role="status" data-impact="{escape(impact)}">{words}</p>',
            _section("Open incidents", map(_incident, opened)) if opened else "",
            _components(self._statuspage.components.all),
            _section("Past incidents", map(_incident, past) if past else ["<p>None.</p>"]),
        )

    def _open(self) -> list[Object]:
        return [each for each in self._statuspage.incidents if each["status"] != "resolved"]


def _document(*sections: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="refresh" content="{_REFRESH}">\n'
        "<title>AIVO status</title>\n"
        '<link rel="icon" href="data:,">\n'
        '<link rel="stylesheet" href="/status/style.css">\n</head>\n<body>\n'
        "<header><h1>AIVO Virtual Brain</h1><p>Status of our services</p></header>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n<footer>Simulation: this page belongs to the sandbox. It refreshes itself "
        f"every {_REFRESH} seconds.</footer>\n</body>\n</html>\n"
    )


def _section(title: str, parts: Iterable[str]) -> str:
    return f"<section><h2>{title}</h2>\n" + "\n".join(parts) + "\n</section>"


def _components(every: list[Object]) -> str:
    items = (
        f'<li data-state="{escape(each["status"])}"><span>{escape(each["name"])}</span>'
        f'<span class="state">{STATES[each["status"]]}</span></li>'
        for each in every
    )
    return _section("Services", ['<ul class="components">', *items, "</ul>"])


def _incident(incident: Object) -> str:
    about = ", ".join(escape(each["name"]) for each in incident["components"])
    updates = "".join(map(_update, incident["incident_updates"]))
    return (
        f'<article data-impact="{escape(incident["impact"])}"><h3>{escape(incident["name"])}</h3>'
        + (f'<p class="about">About: {about}</p>' if about else "")
        + f"<ol>{updates}</ol></article>"
    )


def _update(update: Object) -> str:
    return (
        f"<li><strong>{escape(update['status'].capitalize())}</strong>"
        f'<p class="words">{escape(update["body"])}</p>{_time(update["display_at"])}</li>'
    )


def _time(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp)
    return f'<time datetime="{escape(stamp)}">{moment:%d %B %Y, %H:%M:%S} UTC</time>'
