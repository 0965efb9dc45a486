"""What a chart's objects are called.  Pure.

Called by everything here that reads manifests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.kubernetes import kinds


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Identity:
    """An object of a chart.  `namespace` is empty where it is the release's own.

    The version of the API does not count: the same object can be written in each of them.
    """

    kind: str
    name: str
    group: str = ""
    namespace: str = ""
    version: str = field(default="", compare=False)

    @classmethod
    def of(cls, found: Mapping[str, Any], namespace: str) -> "Identity":
        """Name an object of a release that is in this namespace."""
        metadata = found.get("metadata") or {}
        version = str(found.get("apiVersion", ""))
        own = str(metadata.get("namespace") or "")
        return cls(
            kind=str(found["kind"]),
            name=str(metadata.get("name", "")),
            group=kinds.group_of(version),
            namespace="" if own == namespace else own,
            version=version,
        )

    @property
    def custom(self) -> bool:
        """Say whether it is of a kind that not every cluster has."""
        return kinds.known(self.version, self.kind) is None

    def __str__(self) -> str:
        """Write `Deployment/checkout`, or `Certificate.cert-manager.io/tls in infra`."""
        kind = f"{self.kind}.{self.group}" if self.custom and self.group else self.kind
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{kind}/{self.name}{where}"
