"""`statuspage.update_incident`: tell customers what has changed, or that it is over."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters import texts
from adapters.statuspage import pages
from adapters.values import fingerprint_of, listed
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


class StatuspageUpdateIncidentInputs(Model):
    """Which of the page's incidents, and what customers read."""

    incident: str = Field(
        min_length=1, max_length=60, description="Id, e.g. of a `statuspage.create_incident` step."
    )
    status: pages.Status
    body: str | None = Field(default=None, min_length=1, max_length=8000)
    message: str | None = Field(default=None, description="A template, e.g. `resolved.md`.")
    components: dict[str, pages.ComponentStatus] = Field(
        default_factory=dict, description="Component id to its status."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        texts.check_one_of(body=self.body, message=self.message)
        return self


class StatuspageUpdateIncidentOutput(Model):
    """The page's incident afterwards."""

    id: str
    status: str


class StatuspageUpdateIncident(Action):
    """Add an update to an incident of the status page; `resolved` closes it.

    The newest update and the components are compared first: a repeat that finds its own words
    adds nothing, and only sets components that are something else.  Idempotent for that reason.

    Effect: changes; customers and subscribers read it.  Not undoable: correct it with another
    update.  Errors: permanent where the page has no such incident, and for a refused token;
    transient at the rate limit (1 request/s, 420 or 429); unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "statuspage.update_incident"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = StatuspageUpdateIncidentInputs
    Output: ClassVar[type[Model]] = StatuspageUpdateIncidentOutput
    example: ClassVar[JsonObject] = {
        "incident": "p31zjtct2jer",
        "status": "resolved",
        "body": "Courses open again. We keep watching.",
    }

    def permissions(
        self, inputs: StatuspageUpdateIncidentInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: the page's token is all that it takes."""
        return ()

    async def preview(self, inputs: StatuspageUpdateIncidentInputs, context: Context) -> Preview:
        """Show what customers read now and would read then."""
        found = await pages.get(context, inputs.incident)
        status, body = pages.latest(found)
        text = texts.foreseen(context, message=inputs.message, text=inputs.body)
        there = await pages.components(context, inputs.components)
        components = pages.component_changes(there, inputs.components)
        return Preview(
            summary=f'Tell customers that "{found.get("name")}" is {inputs.status}',
            fingerprint=fingerprint_of(inputs.incident),
            changes=(
                Change(
                    subject="status page",
                    before=f"{status}: {body}",
                    after=f"{inputs.status}: {text}",
                ),
                *components,
            ),
            in_place=pages.says(found, inputs.status, text) and not components,
        )

    async def capture(self, inputs: StatuspageUpdateIncidentInputs, context: Context) -> JsonObject:
        """Record what customers read before."""
        status, body = pages.latest(await pages.get(context, inputs.incident))
        there = await pages.components(context, inputs.components)
        components = {each: state for each, (_, state) in there.items()}
        return {"status": status, "body": body} | ({"components": components} if there else {})

    async def apply(
        self, inputs: StatuspageUpdateIncidentInputs, captured: JsonObject, context: Context
    ) -> None:
        """Add the update, unless it is the newest one; set components that are not so yet."""
        text = texts.rendered(context, message=inputs.message, text=inputs.body)
        found = await pages.get(context, inputs.incident)
        there = await pages.components(context, inputs.components)
        told = pages.says(found, inputs.status, text)
        if told and not pages.component_changes(there, inputs.components):
            return
        update = {} if told else {"status": inputs.status, "body": text}
        await pages.update(
            context, inputs.incident, update | pages.set_components(inputs.components)
        )

    async def verify(
        self, inputs: StatuspageUpdateIncidentInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Compare the newest update."""
        found = await pages.get(context, inputs.incident)
        text = texts.rendered(context, message=inputs.message, text=inputs.body)
        there = await pages.components(context, inputs.components)
        status, body = pages.latest(found)
        if not pages.says(found, inputs.status, text):
            return Refuted(why=f"the page's newest update is {status}: {body[:120]}")
        if differing := pages.component_changes(there, inputs.components):
            told = (f"{each.subject} is {each.before}, not {each.after}" for each in differing)
            return Refuted(why=listed(told))
        output = {"id": inputs.incident, "status": status}
        return Holds(summary=f'customers read "{found.get("name")}": {status}', output=output)
