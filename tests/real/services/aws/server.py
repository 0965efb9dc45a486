"""AWS as moto simulates it, made as strict and as slow as AWS is.

It listens on 127.0.0.1 in a thread of the session, so that SDKs and command lines both reach it.
A test imports the fixture `aws`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.aws import errors, serving
from sandbox.aws.errors import AwsError
from sandbox.aws.front import Call, Fault
from sandbox.aws.progress import Progress
from sandbox.aws.serving import Server
from tests.real.presence import missing

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Credentials."""

    key_id: str
    secret: str = "secret-of-the-bench"


ADMIN = User(key_id="AKIABENCHADMIN000000")


class Aws:
    """The server at `url`, and what a test makes of it.

    `progress` says how long operations take. Calls are named "rds:DescribeDBInstances": by the
    name that requests are signed for, and the operation; faults take regular expressions of it.
    """

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.progress = server.progress
        self._server = server
        self._front = server.front
        # One for all, because a session reads its services' descriptions anew.
        self._session: Any = importlib.import_module("boto3.session").Session()

    def client(self, service: str, user: User = ADMIN, *, region: str = REGION, **more: Any) -> Any:
        """Return a boto3 client that never retries; `more` goes into its configuration."""
        config: Any = importlib.import_module("botocore.config")
        settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 60, **more}
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=user.key_id,
            aws_secret_access_key=user.secret,
            config=config.Config(**settings),
        )

    def environment(self, user: User = ADMIN, *, region: str = REGION) -> dict[str, str]:
        """Return the variables by which SDKs and command lines find it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": user.key_id,
            "AWS_SECRET_ACCESS_KEY": user.secret,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def user(self, *rights: str, name: str = "deploy") -> User:
        """Make somebody who has just these rights: "rds:CreateDBSnapshot"."""
        users = self._front.users
        made = User(key_id=f"AKIABENCHUSER{len(users):07}")
        users[made.key_id] = (name, frozenset(rights))
        return made

    @property
    def calls(self) -> list[Call]:
        """Return what came, in order; clear it to begin anew."""
        return self._front.calls

    def asked(self, pattern: str = ".*") -> list[str]:
        """Return the names of the calls that match."""
        names = (f"{each.service}:{each.operation}" for each in self.calls)
        return [name for name in names if re.fullmatch(pattern, name)]

    def throttle(self, pattern: str = ".*", *, times: int = 1) -> Fault:
        """Answer that calls come too fast."""
        return self._add(pattern, times, error=errors.throttled)

    def fail(self, pattern: str = ".*", *, times: int = 1) -> Fault:
        """Answer with an error of AWS's own making (500)."""
        return self._add(pattern, times, error=errors.failed)

    def refuse(
        self, pattern: str, code: str, message: str, *, status: int = 400, times: int = 1
    ) -> Fault:
        """Answer with an error of the test's choice."""
        error = AwsError(code=code, message=message, status=status)
        return self._add(pattern, times, error=error)

    def lose_answer(self, pattern: str = ".*", *, times: int = 1) -> Fault:
        """Let the call happen, then cut the connection."""
        return self._add(pattern, times, loses_answer=True)

    def hang(self, pattern: str = ".*", *, times: int = 1) -> Fault:
        """Say nothing until the fault's `lifted` is set, at the latest at the test's end."""
        return self._add(pattern, times, hangs=True)

    def _add(
        self,
        pattern: str,
        times: int,
        *,
        error: AwsError | Callable[[str], AwsError] | None = None,
        loses_answer: bool = False,
        hangs: bool = False,
    ) -> Fault:
        fault = Fault(
            pattern=re.compile(pattern),
            times=times,
            error=error,
            loses_answer=loses_answer,
            hangs=hangs,
        )
        self._front.faults.append(fault)
        return fault

    def mend(self) -> None:
        """End all faults; what hangs is let go."""
        self._front.mend()

    def reset(self) -> None:
        """Forget everything: an account in which nothing was ever made."""
        self._server.reset()


@contextmanager
def opened() -> Iterator[Aws]:
    """Serve while the block runs."""
    server = Server(Progress())
    server.open()
    try:
        yield Aws(server)
    finally:
        server.close()


_running: list[Aws] = []


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Aws]:
    """The session's server; tests use `aws`, which is empty.

    Each conftest that imports this has a fixture of its own, and moto can be made strict just
    once: they share the server of the first.
    """
    if _running:
        yield _running[0]
        return
    if not serving.is_installed():
        missing("moto", "Python: moto[server] and boto3, which `make test` installs")
    with opened() as found:
        _running.append(found)
        yield found
        _running.clear()


@pytest.fixture
def aws(aws_server: Aws) -> Iterator[Aws]:
    """AWS's APIs, in an account in which nothing was ever made."""
    aws_server.reset()
    yield aws_server
    aws_server.mend()
