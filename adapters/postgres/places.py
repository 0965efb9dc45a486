"""Where a database is asked: by its connection, or at a host that its connection allows.

A restored instance has an address of its own, which is only known once it is there: `host` leads
to it, with the connection's credentials.  A password is sent to no host that the connection does
not allow.  Called by `sessions`, and by the actions for their inputs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from adapters.values import listed
from config.models.base import Identifier, Model
from config.models.connections import DatabaseConnection
from flows.actions import PermanentError

# What libpq would take for several hosts, a socket's folder or a network's name is none.
HOST = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[-A-Za-z0-9.]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
PORT = "5432"
MEANING = (
    "`host` or `host:port` in place of the connection's own, for a restored instance; its `hosts` "
    "must allow it."
)
EXAMPLE = "orders-inc-7.abc.eu-west-1.rds.amazonaws.com:5432"


def _host(value: str) -> str:
    found = HOST.fullmatch(value)
    if found is None or not 1 <= int(found["port"] or PORT) <= 65_535:
        raise ValueError("it is no host: write one name or address, with its port if need be")
    return value


Host = Annotated[str, Field(max_length=320), AfterValidator(_host)]
"""One host, with its port or without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database of the system by its name, at `host` where that is given."""

    name: str
    host: str | None = None

    def __str__(self) -> str:
        """Write `recovered`, or `recovered at db.example:5433`."""
        return self.name if self.host is None else f"{self.name} at {self.host}"


class DatabaseInputs(Model):
    """Which database is asked, and where."""

    database: Identifier = Field(description="Name in connections.databases.")
    host: Host | None = Field(default=None, description=MEANING, examples=[EXAMPLE])

    @property
    def place(self) -> Place:
        """Return where it is asked."""
        return Place(name=self.database, host=self.host)


def at(place: Place, connection: DatabaseConnection, parts: Mapping[str, str]) -> dict[str, str]:
    """Return a DSN's parts, leading to the place's host where it has one.

    Raises `PermanentError` where the connection does not allow the host.
    """
    if place.host is None:
        return dict(parts)
    found = HOST.fullmatch(place.host)
    if found is None:  # the inputs are checked; a capture is what somebody may have changed
        raise PermanentError(f"“{place.host}” is no host.")
    name = found["name"].strip("[]")
    if not any(fnmatchcase(name.lower(), each.lower()) for each in connection.hosts):
        allowed = listed(connection.hosts) or "none"
        raise PermanentError(
            f"The password of the database {place.name} may not be sent to {name}: if it belongs "
            f"there, add it to connections.databases.{place.name}.hosts of system.yaml (allowed: "
            f"{allowed}). Nothing was asked."
        )
    own = parts.get("port", "")
    port = found["port"] or (own if own.isdigit() else PORT)
    # libpq prefers an address to a host; said to be empty, neither a service nor the environment
    # brings one in.
    return {**parts, "host": name, "hostaddr": "", "port": port}
