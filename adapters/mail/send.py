"""`mail.send`: one message to one audience, and no second one in doubt."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, model_validator

from adapters import texts
from adapters.mail import carriers, letters, receipts
from adapters.mail.letters import Letter
from adapters.mail.receipts import Object, Slot
from adapters.values import Names, count, fingerprint_of
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    ActionError,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    UnknownOutcomeError,
    Verdict,
)

MOST_RECIPIENTS = 50


PLAIN_ADDRESS = re.compile(
    r"[!#-'*+/-9=?A-Z^_`a-z{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)
LONGEST_ADDRESS = 254


def _plain(address: str) -> str:
    if len(address) > LONGEST_ADDRESS or not PLAIN_ADDRESS.fullmatch(address):
        raise ValueError(f"{address!r} is no plain mail address, such as help@aivo.edu")
    return address


def _audience(addresses: tuple[str, ...]) -> tuple[str, ...]:
    plain = tuple(_plain(each) for each in addresses)
    if len({each.lower() for each in plain}) < len(plain):
        raise ValueError("the same address is named twice")
    return plain


Address = Annotated[str, AfterValidator(_plain)]
Audience = Annotated[
    Names, Field(min_length=1, max_length=MOST_RECIPIENTS), AfterValidator(_audience)
]


class MailSendInputs(Model):
    """Who reads what.  Everyone in `to` sees whom else it went to."""

    to: Audience = Field(
        description="Mail addresses of one audience; a mailing list for many people."
    )
    subject: str = Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", description="One line."
    )
    body: str | None = Field(
        default=None, min_length=1, max_length=20_000, description="Plain text."
    )
    message: str | None = Field(
        default=None, description="A template of the system, e.g. `customers.md`."
    )
    reply_to: Address | None = Field(default=None, description="Where answers go to.")

    @model_validator(mode="after")
    def _checked(self) -> Self:
        texts.check_one_of(body=self.body, message=self.message)
        return self


class MailSendOutput(Model):
    """What became of the message."""

    message_id: str = Field(description="Its Message-ID (SES puts its own in place of it).")
    recipients: int
    answer: str = Field(description="What the server said when it took the message.")


class MailSend(Action):
    """Send one plain-text message to one audience, over SMTP or Amazon SES.

    Its Message-ID is the same for every attempt of a step, so that mailboxes can drop a second
    copy.  Who took it, when it leaves and how that ended is kept as evidence: a repeat that finds
    that the server took it sends nothing.  No mail server can be asked later whether it took a
    message, so where its answer is lost the step stops and asks people instead of sending twice.
    Every recipient must be accepted, else nobody gets it.

    Effect: changes; people read it.  Not undoable: send a correction.  Errors: permanent for
    refused credentials, addresses and content, for a certificate that is not trusted and for a
    server without STARTTLS; transient for a server that is away or says 4xx (nothing was sent);
    unknown outcome when the answer to the message is lost.
    """

    uses: ClassVar[str] = "mail.send"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = MailSendInputs
    Output: ClassVar[type[Model]] = MailSendOutput
    example: ClassVar[JsonObject] = {
        "to": ["ceo@aivo.edu", "cto@aivo.edu"],
        "subject": "Production rollback in progress",
        "body": "We are returning to the previous version. Expected to take 15 minutes.",
    }

    def permissions(self, inputs: MailSendInputs, system: System) -> tuple[Permission, ...]:
        """Return the right to send from the sender's identity, where mail goes through SES."""
        mail = system.connections.mail
        return carriers.sending(system, mail.sender) if mail is not None and mail.ses else ()

    async def preview(self, inputs: MailSendInputs, context: Context) -> Preview:
        """Show what people would read, and whether the server lets Backout in."""
        sent = _sent(await receipts.slots(context))
        text = texts.foreseen(context, message=inputs.message, text=inputs.body)
        sender = carriers.connection(context.system).sender
        return Preview(
            summary=f'Mail "{inputs.subject}" to {letters.audience(inputs.to)}',
            fingerprint=fingerprint_of([inputs.model_dump(mode="json"), sender]),
            changes=(
                Change(
                    subject=f"mail from {sender} to {letters.audience(inputs.to)}",
                    before=None,
                    after=f"{inputs.subject}: {text}",
                ),
            ),
            in_place=sent is not None,
            warnings=() if sent is not None else await _hindrances(context),
        )

    async def capture(self, inputs: MailSendInputs, context: Context) -> JsonObject:
        """Record the id that the message gets."""
        return {"message_id": _letter(inputs, context).id}

    async def apply(self, inputs: MailSendInputs, captured: JsonObject, context: Context) -> None:
        """Hand it over, unless it is known to be taken."""
        if _sent(await receipts.slots(context)) is not None:
            return
        letter = _letter(inputs, context)
        carrier = carriers.carrier(context)
        try:
            await carrier.offer(letter)
            number = await receipts.begin(context)
            try:
                answer = await carrier.hand_over(letter)
            except (TransientError, PermanentError) as error:
                await receipts.end_refused(context, number, str(error))
                raise
        finally:
            await carrier.close()
        try:
            await receipts.end_taken(context, number, _receipt(letter, carrier.name, answer))
        except ActionError as error:
            raise UnknownOutcomeError(f"{carrier.name} took the mail, but: {error}") from error

    async def verify(
        self, inputs: MailSendInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look into what was kept; raise `PermanentError` where nobody can know."""
        found = await receipts.slots(context)
        if (sent := _sent(found)) is not None:
            output = {
                "message_id": sent["message_id"],
                "recipients": len(sent["to"]),
                "answer": sent["answer"],
            }
            return Holds(
                summary=f"{sent['server']} took it for {count(len(sent['to']), 'recipient')}: "
                f"{sent['answer']}",
                output=output,
            )
        if not found:
            return Refuted(why="the mail was not handed over")
        if found[-1].refused is not None:
            return Refuted(why=found[-1].refused)
        raise PermanentError(_doubt(inputs, context))


def _letter(inputs: MailSendInputs, context: Context) -> Letter:
    sender = carriers.connection(context.system).sender
    return Letter(
        id=letters.message_id(context, sender),
        incident=context.incident,
        sender=sender,
        to=inputs.to,
        reply_to=inputs.reply_to,
        subject=inputs.subject,
        text=texts.rendered(context, message=inputs.message, text=inputs.body),
    )


def _receipt(letter: Letter, server: str, answer: str) -> Object:
    return {
        "message_id": letter.id,
        "from": letter.sender,
        "to": list(letter.to),
        "subject": letter.subject,
        "text": letter.text,
        "server": server,
        "answer": answer,
    }


def _sent(found: list[Slot]) -> Object | None:
    return next((each.taken for each in found if each.taken is not None), None)


async def _hindrances(context: Context) -> tuple[str, ...]:
    """Try the way to the server.  What stays wrong is raised; what may pass is a warning."""
    carrier = carriers.carrier(context)
    try:
        await carrier.offer(None)
    except TransientError as error:
        return (str(error),)
    finally:
        await carrier.close()
    return ()


def _doubt(inputs: MailSendInputs, context: Context) -> str:
    id_ = letters.message_id(context, carriers.connection(context.system).sender)
    return (
        f"Whether the mail to {letters.audience(inputs.to)} went out can't be known: the server "
        f"had it and its answer is lost. Ask the recipients, or look for {id_} in the server's "
        "log. If it came, skip the step; a retry sends it (again)."
    )
