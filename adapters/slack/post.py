"""`slack.post`: a message in a channel, once."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from adapters import texts
from adapters.values import fingerprint_of, step_key
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


class SlackPostInputs(Model):
    """Where, and what: a template of the system, or a text."""

    channel: str = Field(min_length=1, max_length=80, description="Name without #, or id.")
    message: str | None = Field(default=None, description="A template, e.g. `customers.md`.")
    text: str | None = Field(default=None, min_length=1, max_length=3000)

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        texts.check_one_of(message=self.message, text=self.text)
        return self


class SlackPostOutput(Model):
    """Where the message is."""

    channel: str
    ts: str = Field(description="Slack's timestamp of the message, which is its id.")


class SlackPost(Action):
    """Post a message in a channel.

    Keyed by incident and step, whatever the attempt: a repeat finds the message and posts nothing.
    Idempotent for that reason.

    Effect: changes (people are notified).  Not undoable: what was read was read; correct it with
    another message.  Errors: permanent for a template that is not there or does not render, and
    for a channel that Backout can't post to; transient while Slack does not answer.
    """

    uses: ClassVar[str] = "slack.post"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = SlackPostInputs
    Output: ClassVar[type[Model]] = SlackPostOutput
    example: ClassVar[JsonObject] = {
        "channel": "incident-response",
        "text": "{{ incident.id }}: AIVO is back on the previous release.",
    }

    def permissions(self, inputs: SlackPostInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: the app's own scopes are checked at start-up."""
        return ()

    async def preview(self, inputs: SlackPostInputs, context: Context) -> Preview:
        """Show the message, as far as it is known."""
        text = texts.foreseen(context, message=inputs.message, text=inputs.text, mrkdwn=True)
        return Preview(
            summary=f"Post in #{inputs.channel}",
            # Not the rendered text: facts in it may change until then, which is their point.
            fingerprint=fingerprint_of(
                [inputs.channel, texts.source(context, inputs.message, inputs.text)]
            ),
            changes=(Change(subject=f"#{inputs.channel}", before=None, after=text),),
        )

    async def capture(self, inputs: SlackPostInputs, context: Context) -> JsonObject:
        """Return nothing: there is nothing to put back."""
        return {}

    async def apply(self, inputs: SlackPostInputs, captured: JsonObject, context: Context) -> None:
        """Post, unless the message is there."""
        key = step_key(context.key)
        if await context.messenger.find(channel=inputs.channel, key=key) is None:
            text = texts.rendered(context, message=inputs.message, text=inputs.text, mrkdwn=True)
            await context.messenger.post(channel=inputs.channel, text=text, key=key)

    async def verify(
        self, inputs: SlackPostInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look for the message by its key."""
        ts = await context.messenger.find(channel=inputs.channel, key=step_key(context.key))
        if ts is None:
            return Refuted(why=f"the message is not in #{inputs.channel}")
        output = {"channel": inputs.channel, "ts": ts}
        return Holds(summary=f"posted in #{inputs.channel}", output=output)
