"""What is kept as evidence."""

from __future__ import annotations

from tests.real.kubernetes.stories.story import Story, shop

KINDS = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "Service",
    "Ingress",
    "VirtualService",
    "ConfigMap",
    "Secret",
]
STORIES = (
    Story(uses="kubernetes.capture_state", inputs={"kinds": KINDS}, before=shop),
    Story(uses="kubernetes.collect_logs", inputs={"names": ["checkout"]}, before=shop),
)
