"""CloudFront: an invalidation is InProgress, then Completed (moto says COMPLETED at once)."""

from __future__ import annotations

from typing import Any

from sandbox.aws.patches import Patches
from sandbox.aws.progress import Progress

INVALIDATION = "cloudfront:Invalidation"


def tighten(patches: Patches, progress: Progress) -> None:
    """Let invalidations take their time."""
    from moto.cloudfront.models import CloudFrontBackend

    def settle(found: Any) -> Any:
        operation = progress.find(INVALIDATION, found.id)
        found.status = "Completed" if operation and operation.done else "InProgress"
        return found

    def create(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        made = original(backend, *values, **named)
        progress.begin(INVALIDATION, made.id)
        return settle(made)

    def get(original: Any, backend: Any, distribution: str, name: str) -> Any:
        progress.look(INVALIDATION, name)
        return settle(original(backend, distribution, name))

    def listed(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        progress.look(INVALIDATION)
        found, following = original(backend, *values, **named)
        return [settle(each) for each in found], following

    patches.around(CloudFrontBackend, "create_invalidation", create)
    patches.around(CloudFrontBackend, "get_invalidation", get)
    patches.around(CloudFrontBackend, "list_invalidations", listed)
