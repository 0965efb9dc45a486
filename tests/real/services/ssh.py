"""An sshd of the session, and where and how to log in to it (or to the systemd host)."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.real.presence import missing
from tests.real.processes import answers, free_port, running
from tests.real.services.servers import Server

ALGORITHM = "ssh-ed25519"
PRIVILEGE_SEPARATION = Path("/run/sshd")  # sshd of root refuses to start without it
CONFIGURATION = """\
ListenAddress 127.0.0.1:{port}
HostKey {host_key}
AuthorizedKeysFile {authorized}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshAddress:
    """Where to log in, as whom, with which private key; `known_hosts` pins the host's key."""

    host: str = "127.0.0.1"
    port: int
    user: str
    key: Path
    known_hosts: Path

    def connect(self, **others: Any) -> AbstractAsyncContextManager[asyncssh.SSHClientConnection]:
        """Log in with asyncssh, without anything of the person who runs the tests."""
        options = {
            "username": self.user,
            "client_keys": [str(self.key)],
            "known_hosts": str(self.known_hosts),
            "config": None,
            "agent_path": None,
            **others,
        }
        return asyncssh.connect(self.host, self.port, **options)


def make_key(path: Path) -> str:
    """Write a new private key; return its public half as authorized_keys wants it."""
    key = asyncssh.generate_private_key(ALGORITHM)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    return key.export_public_key().decode().strip()


def pin(path: Path, port: int, public: str) -> None:
    """Write a known_hosts file that expects this public key on this port of 127.0.0.1."""
    path.write_text(f"[127.0.0.1]:{port} {public}\n", encoding="ascii")


class SshServer(Server):
    """sshd on 127.0.0.1, which lets the session's user in with the key of `address`.

    `authorized` is its authorized_keys file, read at every login: a test may restrict or empty it.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self._host_key = folder / "host_key"
        self.authorized = folder / "authorized_keys"
        self.address = SshAddress(
            port=free_port(),
            user=pwd.getpwuid(os.geteuid()).pw_name,
            key=folder / "key",
            known_hosts=folder / "known_hosts",
        )
        self.public = make_key(self.address.key)
        self.renew()
        configuration = folder / "sshd_config"
        text = CONFIGURATION.format(
            port=self.address.port, host_key=self._host_key, authorized=self.authorized
        )
        configuration.write_text(text, encoding="utf-8")
        super().__init__(
            lambda: running(
                [command, "-D", "-e", "-f", configuration],
                log=folder / "log",
                ready=lambda: answers(self.address.port),
            )
        )

    def admit(self) -> None:
        """Let the key of `address` in, without restrictions."""
        self.authorized.write_text(self.public + "\n", encoding="ascii")

    def renew(self) -> None:
        """Let the key in, and pin a new host key (which counts from the next start)."""
        self.admit()
        pin(self.address.known_hosts, self.address.port, make_key(self._host_key))
        self.impostor = False

    def change_host_key(self) -> None:
        """Start again with another host key than the pinned one, as an impostor would."""
        with self.down():
            make_key(self._host_key)
        self.impostor = True


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A running sshd; tests use `sshd`."""
    command = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if not command:
        missing("sshd", "Debian: openssh-server")
    if os.geteuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    server = SshServer(command, tmp_path_factory.mktemp("sshd"))
    with server.up():
        yield server


@pytest.fixture
def sshd(ssh_server: SshServer) -> Iterator[SshServer]:
    """The session's sshd; it lets the key in, and has the host key that is pinned."""
    ssh_server.revive()
    yield ssh_server
    if ssh_server.impostor:
        with ssh_server.down():
            ssh_server.renew()
    ssh_server.admit()
