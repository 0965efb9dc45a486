"""What is only looked at."""

from __future__ import annotations

from tests.real.kubernetes.stories.story import Story, shop

STORIES = (Story(uses="kubernetes.list_unready", inputs={}, before=shop),)
