"""Pods that are cut off."""

from tests.real.kubernetes.stories.story import Story

STORIES: tuple[Story, ...] = ()
