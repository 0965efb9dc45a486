"""`statuspage.update_incident`: tell customers what has changed, or that it is over."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters import texts
from adapters.statuspage import pages
from adapters.values import fingerprint_of
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

    The newest update is compared first: a repeat that finds its own words adds nothing.
    Idempotent for that reason.

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
        return Preview(
            summary=f'Tell customers that "{found.get("name")}" is {inputs.status}',
            fingerprint=fingerprint_of(inputs.incident),
            changes=(
                Change(
                    subject="status page",
                    before=f"{status}: {body}",
                    after=f"{inputs.status}: {text}",
                ),
            ),
            in_place=pages.says(found, inputs.status, text),
        )

    async def capture(self, inputs: StatuspageUpdateIncidentInputs, context: Context) -> JsonObject:
        """Record what customers read before."""
        status, body = pages.latest(await pages.get(context, inputs.incident))
        return {"status": status, "body": body}

    async def apply(
        self, inputs: StatuspageUpdateIncidentInputs, captured: JsonObject, context: Context
    ) -> None:
        """Add the update, unless it is the newest one."""
        text = texts.rendered(context, message=inputs.message, text=inputs.body)
        found = await pages.get(context, inputs.incident)
        if pages.says(found, inputs.status, text):
            return
        body: pages.Object = {"status": inputs.status, "body": text}
        if inputs.components:
            body["component_ids"] = sorted(inputs.components)
            body["components"] = dict(inputs.components)
        await pages.update(context, inputs.incident, body)

    async def verify(
        self, inputs: StatuspageUpdateIncidentInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Compare the newest update."""
        found = await pages.get(context, inputs.incident)
        text = texts.rendered(context, message=inputs.message, text=inputs.body)
        status, body = pages.latest(found)
        if pages.says(found, inputs.status, text):
            output = {"id": inputs.incident, "status": status}
            return Holds(summary=f'customers read "{found.get("name")}": {status}', output=output)
        return Refuted(why=f"the page's newest update is {status}: {body[:120]}")
