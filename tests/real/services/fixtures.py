"""All fixtures of real components but Kubernetes': a conftest imports what its tests use."""

from tests.real.services.monitoring import monitoring, monitoring_servers
from tests.real.services.nginx import nginx, nginx_server
from tests.real.services.postgres import postgres, postgres_server
from tests.real.services.redis import redis_server, redis_store
from tests.real.services.ssh import ssh_server, sshd

__all__ = [
    "monitoring",
    "monitoring_servers",
    "nginx",
    "nginx_server",
    "postgres",
    "postgres_server",
    "redis_server",
    "redis_store",
    "ssh_server",
    "sshd",
]
