"""Parts of an estate that say what they are told to: what the panel shows, without what is behind.

Their states follow what the real parts tell; used by `test_panel`.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.parts import Part, Scenario


class MadeUp(Part):
    """A part with a state that a test changes."""

    def __init__(self, name: str, state: Any, *scenarios: Scenario) -> None:
        self.name = name
        self.scenarios = scenarios
        self.told = state
        self.broken: list[str] = []

    async def break_it(self, scenario: str) -> None:
        """Note which button was pressed."""
        self.broken.append(scenario)

    def state(self) -> Any:
        """Return what the test wants to be shown."""
        return self.told


def _scenario(key: str, title: str, story: str) -> Scenario:
    return Scenario(id=key, title=title, breaks=f"One sentence about {title.lower()}.", story=story)


def aws() -> MadeUp:
    """An account whose new version has all of the traffic."""
    state = {
        "shares": [
            _share("aivo-prod-new", "New version", 100),
            _share("aivo-prod-tg", "Stable version", 0),
        ],
        "fixed": None,
        "instances": [_instance("aivo-prod-primary", 5555)],
        "snapshots": [],
        "keys": [{"user": "deploy", "last4": "7Q2A", "status": "Active", "misuse": 0}],
        "files": {"total": 24, "wrong": 0, "prefix": "user-uploads/2026-11-20/"},
        "exports": 0,
    }
    return MadeUp(
        "aws",
        state,
        _scenario("slow_version", "Send everybody to a slow version", "gradual"),
        _scenario("breach", "Let an access key be stolen", "security"),
        _scenario("bad_files", "Overwrite uploaded files", "files"),
    )


def _share(group: str, title: str, percent: int) -> dict[str, Any]:
    return {"group": group, "title": title, "percent": percent, "healthy": 12, "targets": 12}


def _instance(key: str, port: int, status: str = "available") -> dict[str, Any]:
    place = {"host": "127.0.0.1", "port": port}
    return {"id": key, "status": status, "since": time.time(), **place}


def restored(port: int) -> dict[str, Any]:
    """Return what AWS tells of an instance that was restored."""
    return _instance("aivo-prod-restored-inc-7", port)


def database() -> MadeUp:
    """A database in use, with all rows as they should be."""
    state = {
        "real": True,
        "why": "",
        "instances": [rows("aivo-prod-primary", in_use=True)],
        "writes": {"done": 812, "refused": 0},
        "restored_to": None,
        "damaged": {"grades": [], "assessments": []},
    }
    return MadeUp(
        "database",
        state,
        _scenario("corrupt_grades", "Corrupt the grades", "data"),
        _scenario("some_rows", "Change seven grades", "rows"),
    )


def rows(key: str, *, in_use: bool = False, grades: int = 400) -> dict[str, Any]:
    """Return what the database tells of one instance."""
    return {
        "id": key,
        "in_use": in_use,
        "read_only": False,
        "sessions": 5,
        "rows": {"users": 120, "students": 100, "assessments": 20, "grades": grades},
        "wrong": {"grades": 0, "assessments": 0},
    }


def cache() -> MadeUp:
    """A cache with nothing wrong in it."""
    keys = {"session:": 40, "cache:course:": 120, "queue:": 6}
    state = {"real": True, "why": "", "keys": keys, "stale": 0}
    return MadeUp("cache", state, _scenario("stale_cache", "Fill the cache wrongly", "service"))


def letter() -> dict[str, Any]:
    """Return a letter as it was mailed, with a text that must stay one."""
    return {
        "at": time.time(),
        "from": "alerts@aivo.edu",
        "to": ["ceo@aivo.edu", "cto@aivo.edu"],
        "subject": "INC-7: production is being isolated",
        "text": "Since 14:02 UTC nobody gets in.\n<b>Details</b> are in the incident's channel.",
    }
