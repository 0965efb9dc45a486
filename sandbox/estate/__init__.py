"""A simulated estate that speaks the real protocols, so that the adapters are the real ones.

Kubernetes with a deployment controller, Helm releases, Prometheus, AIVO's web service and its
status page; all on loopback, all of it breakable on request.
"""

from sandbox.estate.server import Estate

__all__ = ["Estate"]
