"""The real Prometheus for the tests beside this file."""

from tests.real.services.monitoring import monitoring, monitoring_servers

__all__ = ["monitoring", "monitoring_servers"]
