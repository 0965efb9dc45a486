"""One system with everything its people decided, as the loader hands it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.documents import Document
from config.models.people import People
from config.models.policies import Policy
from config.models.procedures import Procedure
from config.models.requirements import Requirements
from config.models.systems import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A loaded system.  `messages` maps a template's name (`customers.md`) to its text.

    `sources` are the files as they were read, by name (`procedures/service.yaml`), so that
    `config.checks` can say where something stands.
    """

    system: System
    people: People
    policy: Policy
    procedures: Mapping[str, Procedure]
    messages: Mapping[str, str]
    requirements: Requirements | None = None
    sources: Mapping[str, Document] = field(default_factory=dict, repr=False, compare=False)
