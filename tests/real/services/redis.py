"""A Redis of the session, with a password and a second port that speaks TLS."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.real.bench.certificates import Authority
from tests.real.presence import missing
from tests.real.processes import free_port, running
from tests.real.services.servers import Server

CONFIGURATION = """\
bind 127.0.0.1
port {port}
tls-port {tls_port}
tls-cert-file {certificate}
tls-key-file {key}
tls-ca-cert-file {authority}
tls-auth-clients no
requirepass {password}
dir {folder}
save ""
appendonly yes
appendfsync no
"""


class RedisServer(Server):
    """Redis on 127.0.0.1:`port` (plain) and :`tls_port`; its data outlives `down` and `crash`.

    `authority` is the file of the certificate authority that a TLS client has to trust.
    """

    def __init__(self, command: str, folder: Path) -> None:
        authority = Authority(folder)
        pair = authority.issue("redis")
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.password = secrets.token_urlsafe(12)
        self.authority = authority.certificate
        configuration = folder / "redis.conf"
        text = CONFIGURATION.format(
            port=self.port,
            tls_port=self.tls_port,
            certificate=pair.certificate,
            key=pair.key,
            authority=self.authority,
            password=self.password,
            folder=folder,
        )
        configuration.write_text(text, encoding="utf-8")
        super().__init__(
            lambda: running([command, configuration], log=folder / "log", ready=self._answers)
        )

    def url(self, database: int = 0, *, tls: bool = False) -> str:
        """Return the address without the password: rediss:// for TLS."""
        scheme, port = ("rediss", self.tls_port) if tls else ("redis", self.port)
        return f"{scheme}://127.0.0.1:{port}/{database}"

    def client(
        self, database: int = 0, *, user: str | None = None, password: str | None = None
    ) -> redis.Redis:
        """Return a client, by default with the password that opens everything; it never retries.

        `password=""` brings none.
        """
        return redis.Redis(
            port=self.port,
            db=database,
            username=user,
            password=self.password if password is None else password or None,
            decode_responses=True,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis; tests use `redis_store`, which is empty."""
    command = shutil.which("redis-server") or missing("redis", "Debian: redis-server")
    server = RedisServer(command, tmp_path_factory.mktemp("redis"))
    with server.up():
        yield server


@pytest.fixture
def redis_store(redis_server: RedisServer) -> RedisServer:
    """The session's Redis with nothing in any of its databases, and no users but the default."""
    redis_server.revive()
    with redis_server.client() as client:
        client.flushall()
        if others := [each for each in client.acl_users() if each != "default"]:
            client.acl_deluser(*others)
    return redis_server
