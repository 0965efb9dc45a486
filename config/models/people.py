"""`people.yaml`: who there is, in which roles, and in what order they are called."""

from typing import Literal, Self

from pydantic import Field, model_validator

from config.models.base import Duration, Identifier, Model, Traced
from config.models.connections import SecretRef


class Person(Traced):
    """One human.  Slack is matched by `slack` (a user id) or, without it, by `email`."""

    id: Identifier
    name: str = Field(min_length=1)
    title: str = ""
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    slack: str | None = Field(default=None, pattern=r"^[UW][A-Z0-9]+$")
    phone: str | None = None
    team: Identifier | None = None
    roles: tuple[Identifier, ...] = ()


class Role(Traced):
    """A role that gates can ask for."""

    title: str = Field(min_length=1)
    slack_group: str | None = Field(
        default=None, description="Handle of the Slack user group to mention, without @."
    )
    schedule: str | None = Field(
        default=None,
        pattern=r"^P[A-Z0-9]+$",
        description="Id of a PagerDuty schedule, as its page's address shows it.",
    )
    members: Literal["listed", "slack_group", "pagerduty_schedule"] = Field(
        default="listed",
        description="Who has the role besides the people who list it: nobody, or whoever of this "
        "file is in its user group, or on call in its schedule, when they decide.",
    )

    @model_validator(mode="after")
    def _source_is_named(self) -> Self:
        if self.members == "slack_group" and self.slack_group is None:
            raise ValueError("`members: slack_group` needs the group's handle in `slack_group`")
        if self.members == "pagerduty_schedule" and self.schedule is None:
            raise ValueError("`members: pagerduty_schedule` needs the schedule's id in `schedule`")
        return self


class EscalationLevel(Traced):
    """Who is called, and after how long without an answer the next level is.

    The last level has no next one: it is called again and again.
    """

    level: int = Field(ge=1)
    title: str
    primary: Identifier
    others: tuple[Identifier, ...] = ()
    others_after: Duration | None = Field(
        default=None, description="How long only the primary is called; at once where left out."
    )
    escalates_after: Duration | None = None
    at_once: Identifier | None = Field(
        default=None,
        description="A condition of policy.yaml: this level is called as soon as it holds.",
    )
    repeats_every: Duration | None = Field(
        default=None, description="The last level only: how often it is called (5m)."
    )
    pagerduty: SecretRef | None = Field(
        default=None,
        description="Integration key of the PagerDuty service that is called for this level, "
        "where it is another one than the system's.",
    )


class Vendor(Traced):
    """An outside party that can be called on demand."""

    id: Identifier
    title: str
    phone: str | None = None
    email: str | None = None
    url: str | None = None
    contact: str | None = None


class People(Model):
    """The whole file."""

    roles: dict[Identifier, Role]
    people: tuple[Person, ...] = Field(min_length=1)
    escalation: tuple[EscalationLevel, ...] = ()
    vendors: tuple[Vendor, ...] = ()

    def by_group(self) -> tuple[str, ...]:
        """Return the roles that user groups give."""
        return tuple(name for name, role in self.roles.items() if role.members == "slack_group")

    def by_schedule(self) -> tuple[str, ...]:
        """Return the roles that schedules of PagerDuty give."""
        return tuple(
            name for name, role in self.roles.items() if role.members == "pagerduty_schedule"
        )

    def from_outside(self) -> tuple[str, ...]:
        """Return the roles that are not only listed here."""
        return (*self.by_group(), *self.by_schedule())

    def possible(self) -> tuple[Person, ...]:
        """Return everybody with all roles they could have: outside, anybody may be given them."""
        outside = self.from_outside()
        return tuple(
            person.model_copy(update={"roles": (*person.roles, *outside)}) for person in self.people
        )

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Return everybody who has a role, in the file's order."""
        return tuple(person for person in self.people if role in person.roles)
