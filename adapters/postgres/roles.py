"""Roles and their sessions: who is there, what Backout may see of them and end.

Called by `wait_quiescent`, `terminate_sessions`, `set_read_only` and `clear_read_only`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.postgres import statements
from adapters.postgres.drivers import Row
from adapters.postgres.sessions import Session
from adapters.values import count, listed
from flows.actions import JsonObject, PermanentError


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role, and what our own may do with its sessions."""

    name: str
    superuser: bool
    replication: bool
    login: bool
    visible: bool
    endable: bool

    @property
    def delicate(self) -> str:
        """Say what makes its sessions ones that nobody ends by the way."""
        kinds = [("a superuser", self.superuser), ("a replication role", self.replication)]
        return " and ".join(kind for kind, applies in kinds if applies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One session.  `pid` is used again by the server; with `started` it is not."""

    pid: int
    role: str
    started: str
    application: str
    address: str
    state: str

    def plain(self) -> JsonObject:
        """Return what is captured."""
        return {"pid": self.pid, "role": self.role, "started": self.started}

    def __str__(self) -> str:
        """Write `shop_app from 10.0.0.7 (shop-web, idle, pid 41)`."""
        told = [each for each in (self.application, self.state, f"pid {self.pid}") if each]
        where = f" from {self.address}" if self.address else ""
        return f"{self.role}{where} ({', '.join(told)})"


async def find(session: Session, names: Sequence[str]) -> tuple[Role, ...]:
    """Return these roles; raise `PermanentError` where one is not there."""
    rows = await session.ask(statements.ROLES, list(names))
    found = tuple(
        Role(
            name=name,
            superuser=superuser,
            replication=replication,
            login=login,
            visible=visible,
            endable=endable,
        )
        for name, superuser, replication, login, visible, endable in rows
    )
    if missing := sorted(set(names) - {each.name for each in found}):
        everyone = [name for (name,) in await session.ask(statements.LOGIN_ROLES)]
        raise PermanentError(
            f"The database {session.name} has no role {listed(missing)}; those that log in are "
            f"{listed(everyone, 10) or 'none but our own'}."
        )
    return found


def require_visible(session: Session, roles: Iterable[Role]) -> None:
    """Raise `PermanentError` where sessions of a role look as if they did nothing."""
    if hidden := [each.name for each in roles if not each.visible]:
        raise PermanentError(
            f"The role {session.identity.user} does not see what {listed(hidden)} is doing in "
            f"{session.name}, and would take it for nothing: GRANT pg_read_all_stats TO "
            f"{session.identity.user}."
        )


def require_endable(session: Session, roles: Iterable[Role]) -> None:
    """Raise `PermanentError` where we may not end a role's sessions."""
    every = tuple(roles)
    require_visible(session, every)
    if kept := [each for each in every if not each.endable]:
        higher = [each.name for each in kept if each.superuser]
        needed = "SUPERUSER" if higher else "pg_signal_backend"
        raise PermanentError(
            f"The role {session.identity.user} may not end sessions of "
            f"{listed(each.name for each in kept)} in {session.name}: it needs {needed}."
        )


async def clients(session: Session, names: Sequence[str]) -> tuple[Client, ...]:
    """Return the sessions of these roles in this database, without Backout's own."""
    await session.ask(statements.FORGET)
    return tuple(client(row) for row in await session.ask(statements.SESSIONS, list(names)))


async def end(session: Session, ones: Sequence[Client]) -> int:
    """Ask the server to end these very sessions; return how many were still there."""
    pids = [each.pid for each in ones]
    started = [each.started for each in ones]
    return len(await session.ask(statements.END_SESSIONS, pids, started)) if pids else 0


def by_role(ones: Iterable[Client]) -> dict[str, int]:
    """Count sessions a role."""
    counted: dict[str, int] = {}
    for each in ones:
        counted[each.role] = counted.get(each.role, 0) + 1
    return counted


def told(ones: Iterable[Client]) -> str:
    """Write `2 sessions of shop_app, 1 session of shop_jobs`."""
    counted = by_role(ones).items()
    return ", ".join(f"{count(number, 'session')} of {role}" for role, number in counted)


def client(row: Row) -> Client:
    """Read one row of `SESSIONS` or `OLD_SESSIONS`."""
    pid, role, started, application, address, state = row
    return Client(
        pid=pid,
        role=role,
        started=started,
        application=application,
        address=address,
        state=state,
    )
