"""All fixtures of real components but Kubernetes': a conftest imports what its tests use."""

from tests.real.services.postgres import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]
