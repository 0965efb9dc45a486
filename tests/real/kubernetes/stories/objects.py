"""Objects that are made."""

from __future__ import annotations

from tests.real.kubernetes.stories.story import Story, shop

STORIES = (
    Story(
        uses="kubernetes.apply_manifest",
        inputs={
            "objects": [
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "maintenance"},
                    "data": {"page": "back soon"},
                }
            ]
        },
        before=shop,
    ),
    Story(
        uses="kubernetes.run_job",
        inputs={"image": "shop/migrate:1.0.0", "command": ["migrate", "down"], "timeout": "30s"},
        before=shop,
    ),
)
