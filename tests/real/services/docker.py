"""A Docker engine of the session, apart from the machine's own network, mounts and images."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker as sdk
import pytest

from tests.real.presence import missing
from tests.real.processes import free_port, running, scratch
from tests.real.services.servers import Server

APART = Path(__file__).with_name("apart.py")
ADMINISTRATION = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
PORTS = 16  # that containers of one test can publish
BUILT_IN = {"bridge", "host", "none"}  # networks


class DockerEngine(Server):
    """dockerd at `url`; `client` speaks to it.

    It has no registry: images are made by `image`. A container publishes a port of `port()` on
    127.0.0.1, where the test reaches it; it can't reach anything outside itself.
    """

    def __init__(self, command: str, folder: Path, log: Path) -> None:
        self.url = f"unix://{folder}/socket"
        self._ports = [free_port() for _ in range(PORTS)]
        self._lent = 0
        self._client: Any = None
        configuration = folder / "daemon.json"
        configuration.write_text("{}", encoding="ascii")
        cgroup = folder.name
        super().__init__(
            lambda: running(
                [
                    *(sys.executable, "-I", str(APART)),
                    ",".join(str(port) for port in self._ports),
                    *(cgroup, command),
                    f"--host={self.url}",
                    f"--config-file={configuration}",
                    f"--data-root={folder / 'data'}",
                    f"--exec-root={folder / 'exec'}",
                    f"--pidfile={folder / 'pid'}",
                    f"--cgroup-parent=/{cgroup}",
                    "--shutdown-timeout=5",
                ],
                log=log,
                env={"PATH": ADMINISTRATION},
                ready=self._answers,
                grace=15,
            )
        )

    @property
    def client(self) -> Any:
        """Return the docker package's client."""
        if self._client is None:
            self._client = sdk.DockerClient(base_url=self.url, version="auto", timeout=60)
        return self._client

    def port(self) -> int:
        """Return a port of 127.0.0.1 that this test's containers may publish."""
        self._lent += 1
        return self._ports[self._lent - 1]

    def image(
        self,
        tag: str,
        files: Mapping[str, str] | None = None,
        *,
        command: Sequence[str] = ("sleep", "3600"),
        changes: Sequence[str] = (),
    ) -> str:
        """Make an image of BusyBox and these files (path: content); return its id.

        `changes` are lines as in a Dockerfile: `HEALTHCHECK CMD wget -q -O- http://127.0.0.1/`.
        """
        busybox = shutil.which("busybox") or missing("busybox", "Debian: busybox-static")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(busybox, arcname="bin/busybox")
            for applet in applets(busybox):
                tar.addfile(link(f"bin/{applet}", "busybox"))
            for path, content in (files or {}).items():
                add(tar, path, content)
        lines = [f"CMD {list(command)}".replace("'", '"'), *changes]
        repository, _, version = tag.partition(":")
        self.client.api.import_image_from_data(
            packed.getvalue(), repository=repository, tag=version or "latest", changes=lines
        )
        return str(self.client.images.get(tag).id)

    def clear(self) -> None:
        """Remove every container and network, and the images that this class made from files."""
        for container in self.client.containers.list(all=True):
            container.remove(force=True, v=True)
        for network in self.client.networks.list():
            if network.name not in BUILT_IN:
                network.remove()
        self._lent = 0

    def close(self) -> None:
        """Give the client's connections back."""
        if self._client is not None:
            self._client.close()

    def _answers(self) -> bool:
        # Not by the client: one that fails while it is made leaves its socket open.
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(1)
            asking.connect(self.url.removeprefix("unix://"))
            asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in asking.recv(32)


def add(tar: tarfile.TarFile, path: str, content: str, mode: int = 0o644, owner: int = 0) -> None:
    """Put a file into an archive."""
    data = content.encode()
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode, member.uid, member.gid = len(data), mode, owner, owner
    tar.addfile(member, io.BytesIO(data))


def applets(busybox: str) -> list[str]:
    """Return the commands that BusyBox is, but for its own name."""
    done = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
    return [each for each in done.stdout.split() if each != "busybox"]


def link(path: str, target: str) -> tarfile.TarInfo:
    """Describe a symbolic link."""
    member = tarfile.TarInfo(path)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def needed() -> str:
    """Return the path of dockerd, or say what lacks."""
    if os.geteuid() != 0:
        missing("dockerd", "it needs root")
    for name, package in {"iptables": "iptables", "ip": "iproute2"}.items():
        if not shutil.which(name, path=ADMINISTRATION):
            missing("dockerd", f"{name} is not installed; Debian: {package}")
    return shutil.which("dockerd", path=ADMINISTRATION) or missing("dockerd", "Debian: docker.io")


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """A running dockerd; tests use `docker`, or a `host`."""
    command = needed()
    log = tmp_path_factory.mktemp("docker") / "log"
    with scratch("docker") as folder:
        engine = DockerEngine(command, folder, log)
        with engine.up():
            yield engine
            engine.close()


@pytest.fixture
def docker(docker_engine: DockerEngine) -> Iterator[DockerEngine]:
    """The session's Docker engine without containers."""
    docker_engine.revive()
    yield docker_engine
    docker_engine.clear()
