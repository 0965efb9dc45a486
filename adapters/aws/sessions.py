"""Clients of AWS's SDK: made once a service, of the profile or role that system.yaml names.

Called by `accounts`.  Everything here blocks, so it runs in threads.  `botocore` is loaded on
first use.
"""

import importlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from config.models.connections import AwsConnection
from flows.actions import PermanentError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 12
READ_ATTEMPTS = 3
CONNECTIONS = 16
RENEWED_BEFORE = timedelta(minutes=5)
LONGEST_SESSION_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Credentials of an assumed role, and until when they are good."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    ends: datetime

    def plain(self) -> dict[str, str]:
        """Return them as the SDK takes them."""
        return {
            "aws_access_key_id": self.key_id,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
        }


class Sessions:
    """One way into one account; `incident` names the session of an assumed role."""

    def __init__(self, connection: AwsConnection, *, endpoint: str | None, incident: str) -> None:
        self._connection = connection
        self._endpoint = endpoint
        self._session_name = f"backout-{incident}"[:LONGEST_SESSION_NAME]
        self._session = new_session(connection)
        self._clients: dict[tuple[str, bool], Any] = {}
        self._login: Login | None = None
        self._lock = Lock()  # the SDK's sessions are not made for several threads; clients are

    def call(self, service: str, method: str, parameters: dict[str, Any], *, writes: bool) -> Any:
        """Call one operation and return its answer.  Raises what the SDK raises."""
        return getattr(self._client(service, writes=writes), method)(**parameters)

    def pages(self, service: str, method: str, parameters: dict[str, Any], most: int) -> Any:
        """Return the answers of all pages as one, `most` items at most."""
        paginator = self._client(service, writes=False).get_paginator(method)
        found = paginator.paginate(**parameters, PaginationConfig={"MaxItems": most})
        return found.build_full_result()

    def own_keys(self) -> frozenset[str]:
        """Return the ids of the access keys that this very program asks with."""
        found = self._session.get_credentials()
        keys = {found.get_frozen_credentials().access_key} if found else set()
        return frozenset(keys | ({self._login.key_id} if self._login else set()))

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._forget_clients()

    def _client(self, service: str, *, writes: bool) -> Any:
        with self._lock:
            if self._connection.role and self._is_over():
                self._forget_clients()
                self._login = self._assume(self._connection.role)
            if (service, writes) not in self._clients:
                more = self._login.plain() if self._login else {}
                self._clients[service, writes] = self._make(service, writes=writes, more=more)
            return self._clients[service, writes]

    def _is_over(self) -> bool:
        return self._login is None or self._login.ends - RENEWED_BEFORE < datetime.now(UTC)

    def _forget_clients(self) -> None:
        while self._clients:
            self._clients.popitem()[1].close()

    def _assume(self, role: str) -> Login:
        client = self._make("sts", writes=False, more={})
        try:
            answer = client.assume_role(RoleArn=role, RoleSessionName=self._session_name)
        finally:
            client.close()
        found = answer["Credentials"]
        return Login(
            key_id=found["AccessKeyId"],
            secret=found["SecretAccessKey"],
            token=found["SessionToken"],
            ends=found["Expiration"],
        )

    def _make(self, service: str, *, writes: bool, more: dict[str, str]) -> Any:
        """Make a client.  A change is sent once: the engine looks before it tries again."""
        config: Any = importlib.import_module("botocore.config")
        settings = config.Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1 if writes else READ_ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            user_agent_extra="backout",
        )
        return self._session.create_client(
            service,
            region_name=self._connection.region,
            endpoint_url=self._endpoint,
            config=settings,
            **more,
        )


def new_session(connection: AwsConnection) -> Any:
    """Return a session of the SDK.  Raises `PermanentError` where the SDK is not installed."""
    try:
        sdk: Any = importlib.import_module("botocore.session")
    except ModuleNotFoundError as error:
        raise PermanentError(
            "AWS's SDK is not installed: install it with `pip install backout[aws]`."
        ) from error
    return sdk.Session(profile=connection.profile)


def warm_up() -> None:
    """Load what the first call would wait for.  To be called in a thread."""
    with suppress(ModuleNotFoundError):  # the first call says what to install
        importlib.import_module("botocore.session")
