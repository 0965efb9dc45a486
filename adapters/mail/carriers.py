"""Who takes mail from here: an SMTP server, or Amazon SES.  Called by `send`."""

import asyncio
from typing import Protocol

from adapters.aws import accounts, rights
from adapters.mail.letters import Letter
from adapters.mail.smtp import SmtpSession
from config.models.connections import MailConnection, SmtpServer
from config.models.systems import System
from flows.actions import Context, PermanentError, Permission


class Carrier(Protocol):
    """One message's way out: `offer` (nothing is sent yet), `hand_over`, `close`."""

    @property
    def name(self) -> str:
        """Who takes it."""
        ...

    async def offer(self, letter: Letter | None) -> None:
        """See that it would be taken; without a letter, that there is a way at all."""
        ...

    async def hand_over(self, letter: Letter) -> str:
        """Send it and return the answer.  Raises `UnknownOutcomeError` without one."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class SmtpCarrier:
    """A mail server; the conversation runs in threads."""

    def __init__(self, session: SmtpSession) -> None:
        self._session = session
        self.name = session.name

    async def offer(self, letter: Letter | None) -> None:
        """Connect and log in, and name sender and recipients."""
        await asyncio.to_thread(self._session.open)
        if letter is not None:
            content = letter.content()
            await asyncio.to_thread(self._session.offer, letter.sender, letter.to, content)

    async def hand_over(self, letter: Letter) -> str:
        """Send the message that was offered."""
        return await asyncio.to_thread(self._session.hand_over)

    async def close(self) -> None:
        """Close the connection, whatever goes on in it."""
        self._session.close()


class SesCarrier:
    """Amazon SES of the system's account.  It gives each message an id of its own."""

    name = "Amazon SES"

    def __init__(self, context: Context) -> None:
        self._context = context

    async def offer(self, letter: Letter | None) -> None:
        """See that the account is the pinned one."""
        await accounts.connect(self._context)

    async def hand_over(self, letter: Letter) -> str:
        """Send it as a simple message: SES writes the MIME parts itself."""
        account = await accounts.connect(self._context)
        utf8 = {"Charset": "UTF-8"}
        headers = {**letter.headers(), "X-Backout-Message": letter.id}
        answer = await account.write(
            sending(self._context.system, letter.sender)[0],
            "send_email",
            FromEmailAddress=letter.sender,
            Destination={"ToAddresses": list(letter.to)},
            ReplyToAddresses=[letter.reply_to] if letter.reply_to else [],
            Content={
                "Simple": {
                    "Subject": {"Data": letter.subject, **utf8},
                    "Body": {"Text": {"Data": letter.text, **utf8}},
                    "Headers": [{"Name": name, "Value": told} for name, told in headers.items()],
                }
            },
        )
        return f"message {answer['MessageId']}"

    async def close(self) -> None:
        """Keep the clients: they are shared."""


def connection(system: System) -> MailConnection:
    """Return how the system sends mail; raise `PermanentError` where it does not say."""
    found = system.connections.mail
    if found is None:
        raise PermanentError(f"{system.title} sends no mail: add connections.mail to system.yaml.")
    return found


def carrier(context: Context) -> Carrier:
    """Return who takes the system's mail.  Nothing is connected to yet."""
    server = connection(context.system).smtp
    return SesCarrier(context) if server is None else SmtpCarrier(_session(context, server))


def sending(system: System, sender: str) -> tuple[Permission, ...]:
    """Return the right to send, for the domain's identity in SES and for the address' own."""
    names = (sender.rpartition("@")[2], sender)
    return tuple(
        rights.right(system, "ses:SendEmail", rights.arn(system, "ses", f"identity/{name}"))
        for name in names
    )


def _session(context: Context, server: SmtpServer) -> SmtpSession:
    def secret(reference: str | None) -> str:
        return context.surroundings.secret(reference) if reference else ""

    return SmtpSession(server, user=secret(server.user), password=secret(server.password))
