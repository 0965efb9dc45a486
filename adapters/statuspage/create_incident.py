"""`statuspage.create_incident`: tell customers, once for each of our incidents."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters import texts
from adapters.statuspage import pages
from adapters.values import count, fingerprint_of
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    Permission,
    Preview,
    Refuted,
    Verdict,
)


class StatuspageCreateIncidentInputs(Model):
    """What customers read."""

    name: str = Field(min_length=1, max_length=200, description="Headline.")
    body: str | None = Field(default=None, min_length=1, max_length=8000)
    message: str | None = Field(default=None, description="A template, e.g. `customers.md`.")
    status: pages.Status = "investigating"
    impact: pages.Impact = "major"
    components: dict[str, pages.ComponentStatus] = Field(
        default_factory=dict, description="Component id to its status."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        texts.check_one_of(body=self.body, message=self.message)
        return self


class StatuspageCreateIncidentOutput(Model):
    """The page's incident."""

    id: str
    status: str
    shortlink: str


class StatuspageCreateIncident(Action):
    """Open an incident on the status page, or adopt the open one that carries our mark.

    The mark (system and incident) is kept in the page's metadata, so that a repeat after a lost
    answer finds the incident instead of opening a second.  Idempotent for that reason.

    Effect: changes; customers and subscribers read it.  Not undoable: what was read was read; post
    an update that corrects it.  Errors: permanent for a refused token and a wrong page; transient
    at the rate limit (1 request/s, 420 or 429); unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "statuspage.create_incident"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = StatuspageCreateIncidentInputs
    Output: ClassVar[type[Model]] = StatuspageCreateIncidentOutput
    example: ClassVar[JsonObject] = {
        "name": "Some pages do not load",
        "body": "We are looking into errors when opening courses.",
        "impact": "major",
    }

    def permissions(
        self, inputs: StatuspageCreateIncidentInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: the page's token is all that it takes."""
        return ()

    async def preview(self, inputs: StatuspageCreateIncidentInputs, context: Context) -> Preview:
        """Show what customers would read, and whether it is there already."""
        found = await pages.find_marked(context)
        text = texts.foreseen(context, message=inputs.message, text=inputs.body)
        components = await pages.components(context, inputs.components)
        told = f" and set {count(len(inputs.components), 'component')}" if inputs.components else ""
        return Preview(
            summary=f'Tell customers "{inputs.name}" ({inputs.status}, {inputs.impact}){told}',
            fingerprint=fingerprint_of(inputs.model_dump(mode="json")),
            changes=(
                Change(subject="status page", before=None, after=f"{inputs.name}: {text}"),
                *pages.component_changes(components, inputs.components),
            ),
            in_place=found is not None,
        )

    async def capture(self, inputs: StatuspageCreateIncidentInputs, context: Context) -> JsonObject:
        """Return nothing: there is nothing to put back."""
        return {}

    async def apply(
        self, inputs: StatuspageCreateIncidentInputs, captured: JsonObject, context: Context
    ) -> None:
        """Open it, unless one with our mark is open."""
        if await pages.find_marked(context) is not None:
            return
        await pages.create(
            context,
            {
                "name": inputs.name,
                "status": inputs.status,
                "impact_override": inputs.impact,
                "body": texts.rendered(context, message=inputs.message, text=inputs.body),
                "component_ids": sorted(inputs.components),
                "components": dict(inputs.components),
                "metadata": pages.mark(context),
            },
        )

    async def verify(
        self, inputs: StatuspageCreateIncidentInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look for it by the mark."""
        found = await pages.find_marked(context)
        if found is None:
            return Refuted(why="the status page has no open incident of ours")
        output = {
            "id": str(found["id"]),
            "status": str(found.get("status", "")),
            "shortlink": str(found.get("shortlink") or ""),
        }
        return Holds(summary=f'customers read "{found.get("name")}"', output=output)
