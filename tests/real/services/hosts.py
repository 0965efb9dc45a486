"""Linux hosts with systemd, sshd and nginx: each a container that boots within a second."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real.presence import missing
from tests.real.services.docker import DockerEngine, add
from tests.real.services.ssh import SshAddress, make_key, pin

RECIPE = Path(__file__).parents[3] / ".ci" / "host-image"
IMAGE = "backout-host:1"
USER, USER_ID = "deploy", 1000  # made by the recipe; may run systemctl, nginx, journalctl by sudo
PATIENCE = 90.0  # seconds until a host that has not booted is given up
UNIT = """\
[Unit]
Description={description}
[Service]
ExecStart={command}
{service}
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemdHost:
    """A host: tests log in at `address` (as `deploy`) and look at its pages at `url`.

    `run`, `write` and `read` are the test's own way in, as root and without SSH.
    """

    container: Any
    address: SshAddress
    url: str

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command as root; return its exit code and all that it printed."""
        done = self.container.exec_run(list(command))
        return int(done.exit_code), done.output.decode()

    def write(self, path: str, content: str, *, mode: int = 0o644) -> None:
        """Write a file as root. /run and /tmp are not reached."""
        self.container.put_archive("/", packed(path, content, mode))

    def read(self, path: str) -> str:
        """Return the text of a file."""
        code, text = self.run("cat", path)
        if code != 0:
            raise FileNotFoundError(text.strip())
        return text

    def unit(self, name: str, command: str = "/usr/bin/sleep infinity", service: str = "") -> None:
        """Add a service and start it; `service` are further lines of its section."""
        text = UNIT.format(description=name, command=command, service=service)
        self.write(f"/etc/systemd/system/{name}.service", text)
        for step in (("daemon-reload",), ("enable", "--now", name)):
            code, said = self.run("systemctl", *step)
            assert code == 0, said


def packed(path: str, content: str, mode: int, owner: int = 0) -> bytes:
    """Return an archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add(tar, path, content, mode, owner)
    return buffer.getvalue()


def boot(engine: DockerEngine, folder: Path) -> SystemdHost:
    """Start a host with a key pair of its own, and wait until systemd says that it runs."""
    address = SshAddress(
        port=engine.port(), user=USER, key=folder / "key", known_hosts=folder / "known_hosts"
    )
    web = engine.port()
    authorized = make_key(address.key)
    public = make_key(folder / "host_key")
    pin(address.known_hosts, address.port, public)
    container = engine.client.containers.create(
        IMAGE,
        "/lib/systemd/systemd",
        cap_add=["SYS_ADMIN"],
        security_opt=["seccomp=unconfined"],
        cgroupns="private",
        environment={"container": "docker"},
        tmpfs=dict.fromkeys(("/run", "/run/lock", "/tmp"), ""),
        stop_signal="SIGRTMIN+3",
        ports={"22/tcp": ("127.0.0.1", address.port), "80/tcp": ("127.0.0.1", web)},
    )
    host_key = (folder / "host_key").read_text(encoding="ascii")
    container.put_archive("/", packed("/etc/ssh/ssh_host_ed25519_key", host_key, 0o600))
    keys = f"/home/{USER}/.ssh/authorized_keys"
    container.put_archive("/", packed(keys, authorized + "\n", 0o600, USER_ID))
    container.start()
    host = SystemdHost(container=container, address=address, url=f"http://127.0.0.1:{web}")
    wait_for(host)
    return host


def wait_for(host: SystemdHost) -> None:
    """Wait until every unit of the host has started; fail with the log when one could not."""
    deadline = time.monotonic() + PATIENCE
    state = ""
    while state != "running":
        if state == "degraded" or time.monotonic() > deadline:
            _, failed = host.run("systemctl", "--failed", "--no-pager")
            _, said = host.run("journalctl", "--no-pager", "-n", "50")
            pytest.fail(f"The host is {state}.\n{failed}\n{said}")
        time.sleep(0.05)
        state = host.run("systemctl", "is-system-running")[1].strip()


@pytest.fixture(scope="session")
def host_engine(docker_engine: DockerEngine) -> DockerEngine:
    """The session's Docker engine, with the image of a host."""
    where = subprocess.run([RECIPE, "--where"], capture_output=True, text=True, check=True)
    archive = Path(where.stdout.strip())
    if not archive.exists():
        missing("host image", "run .ci/host-image as root, once")
    repository, _, tag = IMAGE.partition(":")
    docker_engine.client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return docker_engine


@pytest.fixture
def new_host(
    host_engine: DockerEngine, docker: DockerEngine, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], SystemdHost]:
    """Boot another host of this test."""
    assert host_engine is docker
    return lambda: boot(docker, tmp_path_factory.mktemp("host"))


@pytest.fixture
def host(new_host: Callable[[], SystemdHost]) -> SystemdHost:
    """A freshly booted host."""
    return new_host()
