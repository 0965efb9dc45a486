"""Drills that passed: a record a procedure, which an automatic start looks at.

Written by `backout drill`, beside a bot that may be running, here or elsewhere.
"""

import json
from datetime import datetime

from flows.files import Records
from flows.plans import Plan

KIND = "drills"


class Drills:
    """The newest drill of each procedure that passed."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @property
    def place(self) -> str:
        """Where the records are, for people."""
        return self._records.place

    def passed(self, system: str, plan: Plan) -> None:
        """Keep that a procedure's plan was made, looked at step by step, and found fit."""
        record = {"at": plan.prepared_at.isoformat(), "plan": plan.digest}
        with self._records.held(_name(system, plan.procedure)) as held:
            held.after = json.dumps(record).encode()

    def last(self, system: str, procedure: str) -> datetime | None:
        """Return when a procedure's newest drill passed; None where none is known."""
        content = self._records.read(_name(system, procedure))
        return None if content is None else datetime.fromisoformat(json.loads(content)["at"])


def _name(system: str, procedure: str) -> str:
    return f"{system}.{procedure}.json"
