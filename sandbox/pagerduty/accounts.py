"""The account that the bot's PagerDuty keys belong to: one service, and the people on call.

The people are AIVO's, as in `sandbox.workspace.people`; PagerDuty knows them by ids of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.estate.values import Object

ROUTING_KEY = "sandboxroutingkey000000000000000"
REST_TOKEN = "sandbox-rest-key"  # noqa: S105  # opens nothing but the sandbox
WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105  # the same
SITE = "https://aivo.pagerduty.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with a phone; `slack` is who they are in the workspace."""

    id: str
    name: str
    title: str
    slack: str

    @property
    def email(self) -> str:
        """Return the address that they log in with."""
        return f"{self.name.lower().replace(' ', '.')}@aivo.edu"

    def reference(self) -> Object:
        """Return them as other objects refer to them."""
        return reference("user", self.id, self.name)

    def public(self) -> Object:
        """Return the user object of the REST API."""
        own = self.reference() | {"type": "user"}
        return own | {"name": self.name, "email": self.email, "job_title": self.title}


USERS: tuple[User, ...] = (
    User(id="PMARCUS", name="Marcus Rodriguez", title="SRE on-call, primary", slack="U0MARCUS"),
    User(id="PEMILY", name="Emily Watson", title="SRE on-call, secondary", slack="U0EMILY"),
    User(id="PJENNIF", name="Jennifer Liu", title="Engineering Lead", slack="U0JENNIFER"),
    User(id="PALEXTH", name="Alex Thompson", title="Engineering Lead", slack="U0ALEX"),
    User(id="PDAVIDP", name="David Park", title="VP Engineering", slack="U0DAVID"),
    User(id="PSARAHK", name="Sarah Kim", title="CTO", slack="U0SARAHK"),
    User(id="PMICHAE", name="Michael Chen", title="CEO", slack="U0MICHAEL"),
)


def user(given: str) -> User | None:
    """Return a user by id."""
    return next((each for each in USERS if each.id == given), None)


def service() -> Object:
    """Return the only service as other objects refer to it."""
    return reference("service", "PAIVOPR", "AIVO, production")


def called(names: str) -> tuple[User, ...]:
    """Return who is rung for an alert that names people: those, else the first on call.

    In a real account event orchestration does that: it picks an escalation policy by what the
    alert says.
    """
    wanted = {name.strip().casefold() for name in names.split(",")}
    return tuple(each for each in USERS if each.name.casefold() in wanted) or USERS[:1]


def reference(kind: str, given: str, summary: str) -> Object:
    """Return a reference to something of the account."""
    return {
        "id": given,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{kind}s/{given}",
        "html_url": f"{SITE}/{kind}s/{given}",
    }
