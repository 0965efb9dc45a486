"""The parts of AIVO that its status page names, each in a state that customers read.

`statuspage` serves them and lets incidents set them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sandbox.estate.values import Object

OPERATIONAL = "operational"
STATES: Mapping[str, str] = MappingProxyType(
    {
        OPERATIONAL: "Operational",
        "under_maintenance": "Under maintenance",
        "degraded_performance": "Degraded performance",
        "partial_outage": "Partial outage",
        "major_outage": "Major outage",
    }
)
"""What a component can be, and how customers read it; the worst comes last."""
_SEEDED = {
    "c0website001": "Website and apps",
    "c0courses002": "Courses and grades",
    "c0checkout03": "Enrolment and payments",
    "c0sign0in004": "Sign-in",
}
_DEFAULT_SIZE, _LARGEST_SIZE = 100, 100


class Components:
    """The components of one page, in their order."""

    def __init__(self, page: str) -> None:
        self._page = page
        self.all: list[Object] = []

    def reset(self, now: str) -> None:
        """Let all of them be operational again."""
        self.all = [
            {
                "id": key,
                "page_id": self._page,
                "group_id": None,
                "group": False,
                "name": name,
                "description": None,
                "position": position,
                "status": OPERATIONAL,
                "showcase": False,
                "only_show_if_degraded": False,
                "created_at": now,
                "updated_at": now,
            }
            for position, (key, name) in enumerate(_SEEDED.items(), start=1)
        ]

    def page(self, query: Mapping[str, str]) -> list[Object]:
        """Return one page of the list, as `page` and `per_page` ask; raise `ValueError`."""
        number = int(query.get("page", "1"))
        size = int(query.get("per_page", str(_DEFAULT_SIZE)))
        if number < 1 or not 1 <= size <= _LARGEST_SIZE:
            raise ValueError("page and per_page are from 1, per_page to 100")
        return self.all[(number - 1) * size : number * size]

    def problems(self, incident: Object) -> list[str]:
        """Say what is wrong with the components that a request about an incident names."""
        named = incident.get("component_ids", [])
        states = incident.get("components", {})
        if not isinstance(named, list) or not isinstance(states, dict):
            return []  # their types were refused already
        known = {each["id"] for each in self.all}
        unknown = [str(each) for each in (*named, *states) if each not in known]
        found = [f"Component {each} does not exist" for each in dict.fromkeys(unknown)]
        found += [
            f"Component status must be one of {', '.join(STATES)}"
            for each in states.values()
            if each not in STATES
        ]
        return found

    def change(self, incident: Object, body: Object, now: str) -> None:
        """Set what a request about an incident says, and tie the incident to what it names."""
        states = body.get("components", {})
        named = {*body.get("component_ids", []), *states}
        for each in self.all:
            if each["id"] in states and each["status"] != states[each["id"]]:
                each |= {"status": states[each["id"]], "updated_at": now}
        tied = {each["id"] for each in incident["components"]} | named
        incident["components"] = [each for each in self.all if each["id"] in tied]
