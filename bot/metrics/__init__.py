"""What Backout tells Prometheus.  `docs/observability.md` lists every metric."""
