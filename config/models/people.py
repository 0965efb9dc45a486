"""`people.yaml`: who there is, in which roles, and in what order they are called."""

from pydantic import Field

from config.models.base import Duration, Identifier, Model, Traced


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


class EscalationLevel(Traced):
    """Who is called, and after how long without an answer the next level is."""

    level: int = Field(ge=1)
    title: str
    primary: Identifier
    others: tuple[Identifier, ...] = ()
    escalates_after: Duration | None = None


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

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Return everybody who has a role, in the file's order."""
        return tuple(person for person in self.people if role in person.roles)
