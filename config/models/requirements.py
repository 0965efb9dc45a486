"""requirements.yaml: the ids of what a system's own document asks for, in short words of ours.

`covers` in the other files names these ids.  The file is optional; without it no id is checked.
"""

from typing import Annotated

from pydantic import Field, model_validator

from config.models.base import Model

RequirementId = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*-[A-Z]+[0-9]+$")]
Title = Annotated[str, Field(min_length=3, max_length=120)]


class Requirements(Model):
    """The whole file."""

    title: str = Field(description="Whose document it is.")
    families: dict[str, str] = Field(
        default={}, description="What the letters of the ids stand for, in the order of display."
    )
    left_out: dict[RequirementId, Title] = Field(
        default={}, description="Ids that nothing shall meet, and why."
    )
    requirements: dict[RequirementId, Title] = Field(description="Every id, with a short title.")

    @model_validator(mode="after")
    def _known(self) -> "Requirements":
        """Refuse reasons for ids that are not there, and families without a name."""
        strange = sorted(set(self.left_out) - set(self.requirements))
        if strange:
            raise ValueError(f"`left_out` names {strange[0]}, which is not under `requirements`")
        nameless = sorted({family_of(each) for each in self.requirements} - set(self.families))
        if nameless:
            raise ValueError(f"`families` has no name for {nameless[0]}")
        return self


def family_of(requirement: str) -> str:
    """Return the letters of an id: `FIX` of `AIVO-FIX12`."""
    return requirement.partition("-")[2].rstrip("0123456789")
