"""Handing a message to a server over SMTP, in two halves.

Nothing is sent before the server has said "go ahead" (354) to the message itself: whatever goes
wrong until then is known not to have sent anything.  After the message only the server's answer
tells, and a lost one can't be looked up.  Called by `carriers`.  Everything here blocks, so it runs
in threads.
"""

import contextlib
import re
import smtplib
import socket
import ssl
from typing import Any, NoReturn

from adapters.values import redact
from config.models.connections import SmtpServer
from flows.actions import ActionError, PermanentError, TransientError, UnknownOutcomeError

STAGE_SECONDS = 15.0
TLS_FROM_THE_START = 465
GO_AHEAD = 354
TAKEN = 250
BUSY_DELAY = 10.0
LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpSession:
    """One conversation.  `open`, then `offer`, then `hand_over`; `close` at any time."""

    def __init__(self, server: SmtpServer, *, user: str, password: str) -> None:
        self._server = server
        self._user, self._password = user, password
        self._smtp: smtplib.SMTP | None = None
        self._content = b""
        self._closed = False

    @property
    def name(self) -> str:
        """Return the server's host and port."""
        return f"{self._server.host}:{self._server.port}"

    def open(self) -> None:
        """Connect, secure the connection and log in.

        Raises `PermanentError` and `TransientError`; nothing was sent.
        """
        try:
            self._smtp = self._connected()
            self._log_in(self._smtp)
        except ActionError:
            raise
        except (smtplib.SMTPException, OSError) as error:
            self._fail(error, "can't be reached")

    def offer(self, sender: str, to: tuple[str, ...], content: bytes) -> None:
        """Name sender and recipients, and wait until the server wants the message.

        Every recipient must be taken, else nobody gets it.
        """
        smtp = self._opened()
        try:
            self._expect(smtp.mail(sender), f"mail from {sender}")
            for each in to:
                self._expect(smtp.rcpt(each), f"mail for {each}")
            self._expect(smtp.docmd("DATA"), "the message", GO_AHEAD)
        except (smtplib.SMTPException, OSError) as error:
            self._fail(error, "broke off")
        self._content = content

    def hand_over(self) -> str:
        """Send the message and return the server's answer.

        Raises `UnknownOutcomeError` where there is none.
        """
        smtp = self._opened()
        try:
            smtp.send(LEADING_DOT.sub(b"..", self._content).rstrip(b"\r\n") + b"\r\n.\r\n")
            answer = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise UnknownOutcomeError(
                f"{self.name} got the message and did not answer: {_why(error)}"
            ) from error
        self._expect(answer, "the message")
        with contextlib.suppress(smtplib.SMTPException, OSError):
            smtp.putcmd("QUIT")  # as is polite; nothing depends on its answer
        return _said(answer[1])

    def close(self) -> None:
        """End the conversation, also one that another thread waits in."""
        self._closed = True
        if self._smtp is None:
            return
        if self._smtp.sock is not None:
            with contextlib.suppress(OSError):
                self._smtp.sock.shutdown(socket.SHUT_RDWR)
        self._smtp.close()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        at_once = server.tls and server.port == TLS_FROM_THE_START
        given = {"local_hostname": socket.gethostname(), "timeout": STAGE_SECONDS}
        if at_once:
            given["context"] = self._trust()
        kind: Any = smtplib.SMTP_SSL if at_once else smtplib.SMTP
        smtp: smtplib.SMTP = kind(server.host, server.port, **given)
        self._smtp = smtp
        if self._closed:  # meanwhile, by a hold: nobody else would close what was just opened
            smtp.close()
            raise TransientError("The mail was held before anything was sent.")
        smtp.ehlo_or_helo_if_needed()
        if server.tls and not at_once:
            self._secure(smtp)
        return smtp

    def _secure(self, smtp: smtplib.SMTP) -> None:
        if not smtp.has_extn("starttls"):
            raise PermanentError(
                f"{self.name} offers no STARTTLS, and mail does not travel unprotected: use a port "
                "that does, or set `tls: false` for a server on a network that you trust."
            )
        self._expect(smtp.starttls(context=self._trust()), "STARTTLS", 220)
        smtp.ehlo_or_helo_if_needed()

    def _trust(self) -> ssl.SSLContext:
        authority = self._server.authority
        try:
            return ssl.create_default_context(cafile=authority)
        except OSError as error:
            raise PermanentError(
                f"The certificates to trust can't be read from {authority} ({error.strerror}): "
                "check connections.mail.smtp.authority in system.yaml."
            ) from error

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if not self._user:
            return
        if not self._server.tls:
            raise PermanentError(
                f"{self.name} would get the password unprotected: set `tls: true`, or leave out "
                "`user` and `password`."
            )
        smtp.login(self._user, self._password)

    def _opened(self) -> smtplib.SMTP:
        if self._smtp is None:
            raise PermanentError(f"{self.name} was not connected to.")
        return self._smtp

    def _expect(self, answer: tuple[int, bytes], what: str, wanted: int = TAKEN) -> None:
        code, said = answer
        if code == wanted or (wanted == TAKEN and code == 251):
            return
        raise self._refusal(code, said, what)

    def _refusal(self, code: int, said: bytes | str, what: str) -> ActionError:
        told = f"{self.name} refused {what} ({code}): {_said(said)}"
        if 400 <= code < 500:
            return TransientError(f"{told}. Nothing was sent.", delay=BUSY_DELAY)
        return PermanentError(f"{told}. Nobody got it: mend what it names, then retry.")

    def _fail(self, error: Exception, when: str) -> NoReturn:
        """Raise what an exception of the first half means; in that half nothing was sent."""
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            raise PermanentError(
                f"{self.name} does not accept Backout's user and password ({error.smtp_code}): "
                "check what connections.mail.smtp in system.yaml refers to."
            ) from None
        if isinstance(error, smtplib.SMTPResponseException):
            raise self._refusal(error.smtp_code, error.smtp_error, "a connection") from None
        if isinstance(error, smtplib.SMTPNotSupportedError):
            raise PermanentError(
                f"{self.name} knows no way to log in that Backout knows: {_why(error)}"
            ) from error
        if isinstance(error, ssl.SSLCertVerificationError):
            raise PermanentError(
                f"{self.name} shows a certificate that is not trusted: {_why(error)}. Check host "
                "and `authority` of connections.mail.smtp."
            ) from error
        if isinstance(error, ssl.SSLError):
            raise PermanentError(
                f"{self.name} does not speak TLS as expected: {_why(error)}. Port 465 speaks it "
                "from the start, other ports after STARTTLS."
            ) from error
        raise TransientError(
            f"{self.name} {when}: {_why(error)}. Nothing was sent.", delay=BUSY_DELAY
        ) from error


def _said(text: bytes | str) -> str:
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text
    return redact(plain)[:200]


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror
    return redact(str(error))[:200] or type(error).__name__
