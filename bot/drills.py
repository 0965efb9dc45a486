"""Drills that passed: a record a procedure, which an automatic start looks at.

Written by `backout drill`, beside a bot that may be running.
"""

import json
from datetime import datetime
from pathlib import Path

from flows.plans import Plan

FOLDER = "drills"


class Drills:
    """The newest drill of each procedure that passed."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER

    def passed(self, system: str, plan: Plan) -> None:
        """Keep that a procedure's plan was made, looked at step by step, and found fit."""
        self._folder.mkdir(parents=True, exist_ok=True)
        record = {"at": plan.prepared_at.isoformat(), "plan": plan.digest}
        path = self._path(system, plan.procedure)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(record), encoding="utf-8")
        fresh.replace(path)

    def last(self, system: str, procedure: str) -> datetime | None:
        """Return when a procedure's newest drill passed; None where none is known."""
        try:
            record = json.loads(self._path(system, procedure).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return datetime.fromisoformat(record["at"])

    def _path(self, system: str, procedure: str) -> Path:
        return self._folder / f"{system}.{procedure}.json"
