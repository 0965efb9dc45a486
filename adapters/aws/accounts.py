"""The pinned account of a system: who asks is checked, and calls fail as action errors.

Called by every AWS action.  One set of clients is shared through `context.clients`; the account
is compared with who the credentials are at the beginning of each verb.
"""

import asyncio
from typing import Any

from adapters.aws import errors
from adapters.aws.rights import right, service_of
from adapters.aws.sessions import Sessions
from config.models.connections import AwsConnection
from config.models.systems import System
from flows.actions import Context, PermanentError, Permission

CLIENTS = {"elasticloadbalancing": "elbv2", "ses": "sesv2"}
"""Services that the SDK calls otherwise than IAM does."""
MOST_ITEMS = 10_000
Object = dict[str, Any]


class Account:
    """Calls in one account and region.  Every call names the right that it needs."""

    def __init__(self, system: System, sessions: Sessions) -> None:
        self.system = system
        self._sessions = sessions
        self.arn = ""

    async def read(self, permission: Permission, method: str, **parameters: Any) -> Object:
        """Ask.  Raises `TransientError` where no answer came, and `PermanentError`."""
        return await self._call(permission, method, parameters, writes=False)

    async def write(self, permission: Permission, method: str, **parameters: Any) -> Object:
        """Change something, sent once.  Raises `UnknownOutcomeError` where no answer came."""
        return await self._call(permission, method, parameters, writes=True)

    async def pages(
        self, permission: Permission, method: str, *, most: int = MOST_ITEMS, **parameters: Any
    ) -> Object:
        """Ask for all pages, `most` items at most, and return them as one answer."""
        service = _client_of(permission)
        try:
            found: Object = await asyncio.to_thread(
                self._sessions.pages, service, method, parameters, most
            )
        except Exception as error:
            raise errors.wrapped(permission, error, writes=False) from error
        return found

    async def own_keys(self) -> frozenset[str]:
        """Return the ids of the access keys that Backout itself asks with."""
        return await asyncio.to_thread(self._sessions.own_keys)

    async def check_identity(self, connection: AwsConnection) -> None:
        """Raise `PermanentError` where the credentials are another account's."""
        asked = right(self.system, "sts:GetCallerIdentity")  # which nobody needs a right for
        found = await self.read(asked, "get_caller_identity")
        self.arn = str(found["Arn"])
        if found["Account"] != connection.account:
            raise PermanentError(
                f"Backout's credentials belong to the AWS account {found['Account']}, but "
                f"system.yaml pins {connection.account}: nothing is done in another account."
            )

    async def _call(
        self, permission: Permission, method: str, parameters: Object, *, writes: bool
    ) -> Object:
        service = _client_of(permission)
        try:
            found: Object = await asyncio.to_thread(
                self._sessions.call, service, method, parameters, writes=writes
            )
        except Exception as error:
            raise errors.wrapped(permission, error, writes=writes) from error
        return found


async def connect(context: Context) -> Account:
    """Return the system's account, checked against its pin."""
    connection = pinned(context.system)
    endpoint = connection.endpoint
    if endpoint and endpoint.startswith("env:"):
        endpoint = context.surroundings.secret(endpoint)
    incident = context.incident if connection.role else ""

    async def opened() -> Sessions:
        try:
            return await asyncio.to_thread(
                Sessions, connection, endpoint=endpoint, incident=incident
            )
        except PermanentError:
            raise
        except Exception as error:
            asked = right(context.system, "sts:GetCallerIdentity")
            raise errors.wrapped(asked, error, writes=False) from error

    key = f"aws:{connection.model_dump_json()}:{endpoint}:{incident}"
    account = Account(context.system, await context.clients.get(key, opened, _close))
    await account.check_identity(connection)
    return account


def pinned(system: System) -> AwsConnection:
    """Return the system's account; raise `PermanentError` where it has none."""
    connection = system.connections.aws
    if connection is None:
        raise PermanentError(
            f"{system.title} has no AWS account: add connections.aws to its system.yaml."
        )
    return connection


async def _close(sessions: Sessions) -> None:
    await asyncio.to_thread(sessions.close)


def _client_of(permission: Permission) -> str:
    service = service_of(permission)
    return CLIENTS.get(service, service)
