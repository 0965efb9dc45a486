"""The host that the unit's test boots."""

from tests.real.services.fixtures import docker, docker_engine, host, host_engine, new_host

__all__ = ["docker", "docker_engine", "host", "host_engine", "new_host"]
