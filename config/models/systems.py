"""`system.yaml`: what a system is called, where it lives and how it is reached."""

from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from config.models.base import Identifier, Model, Traced
from config.models.connections import Connections


class Channels(Model):
    """Slack channels by name, without #."""

    incidents: str = Field(min_length=1, max_length=80)


class Link(Traced):
    """Something that responders want within reach."""

    title: str
    url: str


class System(Traced):
    """The whole file."""

    system: Identifier
    title: str = Field(min_length=1)
    environment: str = "production"
    aliases: tuple[str, ...] = ()
    live: bool = Field(
        default=False, description="Switched on for real: placeholders are refused from then on."
    )
    status_mode: Literal["confirm", "automatic"] = "confirm"
    channels: Channels
    connections: Connections = Connections()
    variables: dict[Identifier, str | int | float | bool | tuple[str, ...]] = Field(
        default_factory=dict, description="Names used by procedures: `system.<name>`."
    )
    links: tuple[Link, ...] = ()
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path | None:
        """Return the folder that the system was read from; None where it was made by hand."""
        return self._folder

    def placed_in(self, folder: Path) -> "System":
        """Return the system as one that was read from this folder."""
        found = self.model_copy()
        found._folder = folder
        return found
