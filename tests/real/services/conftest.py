"""The components that the tests beside this file prove."""

from tests.real.services.fixtures import *  # noqa: F403  # pytest finds fixtures by their names here
