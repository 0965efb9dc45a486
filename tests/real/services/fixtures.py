"""All fixtures of real components but Kubernetes': a conftest imports what its tests use."""

from tests.real.services.aws.server import aws, aws_server
from tests.real.services.docker import docker, docker_engine
from tests.real.services.hosts import host, host_engine, new_host
from tests.real.services.monitoring import monitoring, monitoring_servers
from tests.real.services.nginx import nginx, nginx_server
from tests.real.services.postgres import postgres, postgres_server
from tests.real.services.redis import redis_server, redis_store
from tests.real.services.ssh import ssh_server, sshd

__all__ = [
    "aws",
    "aws_server",
    "docker",
    "docker_engine",
    "host",
    "host_engine",
    "monitoring",
    "monitoring_servers",
    "new_host",
    "nginx",
    "nginx_server",
    "postgres",
    "postgres_server",
    "redis_server",
    "redis_store",
    "ssh_server",
    "sshd",
]
