"""A plain use of each action that speaks to Kubernetes.

Told in tests that hold for every action: the least rights suffice, and the simulated cluster
answers as the real one does. `test_rights` sees to it that no action is left out.
"""

from tests.real.kubernetes.stories import (
    configuration,
    evidence,
    isolation,
    looking,
    objects,
    releases,
    rollouts,
    scaling,
    traffic,
)
from tests.real.kubernetes.stories.story import Story

TOPICS = (
    looking,
    evidence,
    isolation,
    rollouts,
    scaling,
    configuration,
    traffic,
    objects,
    releases,
)
STORIES: tuple[Story, ...] = tuple(story for topic in TOPICS for story in topic.STORIES)

__all__ = ["STORIES", "Story"]
