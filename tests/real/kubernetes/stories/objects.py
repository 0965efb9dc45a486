"""Objects that are made."""

from __future__ import annotations

from tests.real.bench import manifests
from tests.real.kubernetes.stories.story import Story, shop

STORIES = (
    Story(
        uses="kubernetes.apply_manifest",
        inputs={
            "objects": [
                manifests.config_map("maintenance", page="back soon"),
                manifests.service("maintenance", selector={"app": "checkout"}),
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
