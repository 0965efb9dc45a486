"""The bench's Docker engine: images from files, containers that answer, nothing left behind."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import docker as sdk
import httpx
import pytest

from tests.real.services.docker import ADMINISTRATION, DockerEngine

pytestmark = pytest.mark.real

SERVE = ("httpd", "-f", "-p", "80", "-h", "/www")


def fetch(port: int) -> str:
    """Return the page, as soon as there is one."""
    for _ in range(100):
        try:
            return httpx.get(f"http://127.0.0.1:{port}/").text
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("The container never answered.")


def test_a_container_serves_what_its_image_holds(docker: DockerEngine) -> None:
    """A published port of a container answers on loopback; two releases are two images."""
    first = docker.image("shop:1.0.0", {"www/index.html": "one"}, command=SERVE)
    second = docker.image("shop:2.0.0", {"www/index.html": "two"}, command=SERVE)
    assert first != second
    ports = [docker.port(), docker.port()]
    for image, port in zip((first, second), ports, strict=True):
        docker.client.containers.run(image, detach=True, ports={"80/tcp": ("127.0.0.1", port)})
    assert [fetch(port) for port in ports] == ["one", "two"]


def test_health_is_judged_by_docker(docker: DockerEngine) -> None:
    """A failing health check makes a container unhealthy, though it runs."""
    check = "HEALTHCHECK --interval=200ms --retries=1 CMD test -f /healthy"
    docker.image(
        "shop:1.0.0", {"healthy": "", "www/index.html": "one"}, command=SERVE, changes=[check]
    )
    container = docker.client.containers.run("shop:1.0.0", detach=True)

    def becomes(wanted: str) -> None:
        while container.attrs["State"].get("Health", {}).get("Status") != wanted:
            time.sleep(0.1)
            container.reload()

    becomes("healthy")
    assert container.exec_run(["rm", "/healthy"]).exit_code == 0
    becomes("unhealthy")
    assert container.status == "running"


def test_exit_codes_and_logs_are_true(docker: DockerEngine) -> None:
    """How a container ends, and what it said, can be read afterwards."""
    docker.image("job:1", command=("sh", "-c", "echo broken >&2; exit 3"))
    container = docker.client.containers.run("job:1", detach=True)
    assert container.wait(timeout=10)["StatusCode"] == 3
    assert container.logs(stdout=False) == b"broken\n"


def test_an_unknown_image_is_refused(docker: DockerEngine) -> None:
    """There is no registry to take it from."""
    with pytest.raises(sdk.errors.NotFound):
        docker.client.containers.create("shop:9.9.9")


def test_every_test_begins_without_containers(docker: DockerEngine) -> None:
    """Nothing of another test runs, or lies about."""
    assert docker.client.containers.list(all=True) == []
    assert {each.name for each in docker.client.networks.list()} == {"bridge", "host", "none"}


def test_the_machine_is_left_as_it_was(docker: DockerEngine) -> None:
    """Bridges, firewall rules and mounts of the engine are not the machine's."""
    docker.image("shop:1.0.0", command=("sleep", "60"))
    docker.client.networks.create("apart")
    docker.client.containers.run(
        "shop:1.0.0", detach=True, network="apart", ports={"80/tcp": ("127.0.0.1", docker.port())}
    )
    folder = docker.url.removeprefix("unix://").removesuffix("/socket")

    def machine(*command: str) -> str:
        surroundings = {"PATH": ADMINISTRATION}
        return subprocess.run(
            command, env=surroundings, capture_output=True, text=True, check=True
        ).stdout

    assert "docker" not in machine("ip", "-o", "link")
    assert "DOCKER" not in machine("iptables-save")
    assert folder not in Path("/proc/self/mounts").read_text(encoding="utf-8")
