"""What PagerDuty keeps: incidents, whose phones ring for them, and who did what.

`server` feeds the bot's events; `phones` presses the buttons of a person's phone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.estate.values import Object
from sandbox.pagerduty import accounts
from sandbox.pagerduty.accounts import User
from sandbox.wall import Wall

Status = Literal["triggered", "acknowledged", "resolved"]


@dataclass(slots=True, kw_only=True)
class Call:
    """One person's phone, ringing for one incident; `since` is when it began, this time."""

    user: User
    since: float
    times: int = 1
    left: bool = False  # the person lets it ring


@dataclass(slots=True, kw_only=True)
class Answer:
    """Who acknowledged or resolved, and when; no user: the integration, by an event."""

    user: User | None
    at: float
    stamp: str


@dataclass(slots=True, kw_only=True)
class Incident:
    """One alert key, from its first event until it is resolved."""

    id: str
    number: int
    key: str
    title: str
    severity: str
    details: Object
    created: str
    status: Status = "triggered"
    calls: dict[str, Call] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    changed: Answer
    log: list[Object] = field(default_factory=list)

    def reference(self) -> Object:
        """Return it as other objects refer to it."""
        return accounts.reference("incident", self.id, self.title)

    def public(self) -> Object:
        """Return the incident object of REST and webhooks."""
        assigned = [{"at": self.created, "assignee": c.user.reference()} for c in self._rung()]
        answered = [
            {"at": each.stamp, "acknowledger": _actor(each)}
            for each in self.answers
            if self.status == "acknowledged"
        ]
        return self.reference() | {
            "type": "incident",
            "incident_number": self.number,
            "incident_key": self.key,
            "title": self.title,
            "status": self.status,
            "urgency": "high" if self.severity in ("critical", "error") else "low",
            "created_at": self.created,
            "service": accounts.service(),
            "assignments": assigned if self.status == "triggered" else [],
            "acknowledgements": answered,
            "last_status_change_at": self.changed.stamp,
            "last_status_change_by": _actor(self.changed),
        }

    def _rung(self) -> list[Call]:
        return list(self.calls.values())


def _actor(answer: Answer) -> Object:
    return answer.user.reference() if answer.user else accounts.service()


Told = Callable[[str, Incident, Answer], None]
"""Hears of each change: the webhook's event type, the incident, and who did it."""


class Desk:
    """All incidents of the account."""

    def __init__(self, wall: Wall, told: Told) -> None:
        self._wall = wall
        self._told = told
        self.changed: Callable[[], None] = lambda: None
        self.incidents: list[Incident] = []

    def find(self, given: str) -> Incident | None:
        """Return an incident by id."""
        return next((each for each in self.incidents if each.id == given), None)

    def take(self, event: Object) -> str:
        """Do what a right event says; return its key.  To what is not open it does nothing."""
        key = event.get("dedup_key") or f"auto-{len(self.incidents) + 1}"
        found = next((i for i in self.incidents if i.key == key and i.status != "resolved"), None)
        if event["event_action"] == "trigger":
            self._trigger(key, event["payload"], found)
        elif found is not None and event["event_action"] == "resolve":
            self._settle(found, "resolved", None)
        elif found is not None and found.status == "triggered":
            self._settle(found, "acknowledged", None)
        return str(key)

    def acknowledge(self, incident: Incident, by: User) -> bool:
        """Press *Acknowledge* as a person; say whether there was still something to answer."""
        if incident.status == "resolved" or any(each.user is by for each in incident.answers):
            return False
        self._settle(incident, "acknowledged", by)
        return True

    def let_ring(self, incident: Incident, by: User) -> bool:
        """Turn a phone over: it is not answered, and others will be called."""
        call = incident.calls.get(by.id)
        if call is None or incident.status != "triggered":
            return False
        call.left = True
        self.changed()
        return True

    def _trigger(self, key: str, payload: Object, found: Incident | None) -> None:
        now = self._answer(None)
        details = payload.get("custom_details", {})
        if found is None:
            number = len(self.incidents) + 1
            found = Incident(
                id=f"Q{number:013d}",
                number=number,
                key=key,
                title=payload["summary"],
                severity=payload["severity"],
                details=details,
                created=now.stamp,
                changed=now,
            )
            self.incidents.append(found)
            self._write(found, "trigger", now)
            self._told("incident.triggered", found, now)
        if found.status == "triggered":
            # A repeat joins the open alert; its escalation policy calls again meanwhile.
            for user in accounts.called(str(details.get("people", ""))):
                self._ring(found, user, now)
        self.changed()

    def _ring(self, incident: Incident, user: User, now: Answer) -> None:
        known = incident.calls.get(user.id)
        times = known.times + 1 if known else 1
        incident.calls[user.id] = Call(user=user, since=now.at, times=times)
        self._write(incident, "notify", now, user=user)

    def _settle(self, incident: Incident, status: Status, by: User | None) -> None:
        answer = self._answer(by)
        incident.status, incident.changed = status, answer
        if status == "acknowledged":
            incident.answers.append(answer)
        self._write(incident, "acknowledge" if status == "acknowledged" else "resolve", answer)
        self._told(f"incident.{status}", incident, answer)
        self.changed()

    def _answer(self, by: User | None) -> Answer:
        return Answer(user=by, at=self._wall.now(), stamp=self._wall.stamp())

    def _write(
        self, incident: Incident, kind: str, answer: Answer, *, user: User | None = None
    ) -> None:
        entry: Object = {
            "id": f"R{incident.number:06d}{len(incident.log) + 1:06d}",
            "type": f"{kind}_log_entry",
            "created_at": answer.stamp,
            "agent": _actor(answer),
            "incident": incident.reference(),
            "service": accounts.service(),
        }
        incident.log.append(entry | ({"user": user.reference()} if user else {}))
