"""Secrets Manager: who asks for no version gets the one that is AWSCURRENT, also after a move."""

from __future__ import annotations

from typing import Any

from sandbox.aws.patches import Patches
from sandbox.aws.progress import Progress

CURRENT = "AWSCURRENT"


def tighten(patches: Patches, _: Progress) -> None:
    """Let a moved stage count."""
    from moto.secretsmanager.models import SecretsManagerBackend

    def move(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        answer = original(backend, *values, **named)
        secret = backend.secrets[answer[0]]
        current = [name for name, each in secret.versions.items() if _is_current(each)]
        secret.set_default_version_id(current[0] if current else None)
        return answer

    patches.around(SecretsManagerBackend, "update_secret_version_stage", move)


def _is_current(version: dict[str, Any]) -> bool:
    return CURRENT in version["version_stages"]
