"""A mail server on the loopback that takes mail, refuses it at any stage, or breaks off."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.real.processes import free_port

USER, PASSWORD = "alerts", "correct-horse-battery"


@dataclass(slots=True)
class PostOffice:
    """`answers` maps a stage (EHLO, AUTH, MAIL, RCPT:address, DATA) to what it says instead.

    A stage in `cut` breaks off the connection there; DATA after the whole message has come.
    """

    port: int
    answers: dict[str, str] = field(default_factory=dict)
    cut: str = ""
    taken: list[Envelope] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    slow: asyncio.Event | None = None

    def messages(self) -> list[EmailMessage]:
        """Return what was taken, parsed."""
        found = []
        for each in self.taken:
            assert isinstance(each.content, bytes)
            found.append(message_from_bytes(each.content, policy=default))
        return found

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        """Let the one user in."""
        assert isinstance(given, LoginPassword)
        self.seen.append("AUTH" if session.ssl else "AUTH in the clear")
        if said := self.answers.get("AUTH"):
            return AuthResult(success=False, handled=False, message=said)
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._stage(server, "MAIL", "250 fine")

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self._stage(server, f"RCPT:{address}", "250 fine")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.slow is not None:
            await self.slow.wait()
        said = self._stage(server, "DATA", f"250 2.0.0 Ok: queued as Q{len(self.taken) + 1}")
        if said.startswith("250"):
            self.taken.append(envelope)
        return said

    def _stage(self, server: SMTP, stage: str, fine: str) -> str:
        self.seen.append(stage)
        if self.cut == stage:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return self.answers.get(stage, fine)


@asynccontextmanager
async def opened(
    *, tls: ssl.SSLContext | None = None, at_once: bool = False, auth: bool = False
) -> AsyncIterator[PostOffice]:
    """Serve while the block runs: plain, with STARTTLS, or with TLS from the start."""
    office = PostOffice(port=free_port())
    connections: list[SMTP] = []

    def connected() -> SMTP:
        smtp = SMTP(
            office,
            hostname="mail.test",
            tls_context=None if at_once else tls,
            require_starttls=tls is not None and not at_once,
            auth_required=auth,
            auth_require_tls=not at_once,
            authenticator=office.authenticate,
        )
        connections.append(smtp)
        return smtp

    server = await asyncio.get_running_loop().create_server(
        connected, "127.0.0.1", office.port, ssl=tls if at_once else None
    )
    try:
        yield office
    finally:
        server.close()
        for each in connections:
            if each.transport is not None:
                each.transport.close()
        await server.wait_closed()
