"""A message as it goes out, and the id by which a repeat of it can be recognised.

Called by `send`, `smtp` and `ses`.  Pure but for the date.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime

from adapters.values import fingerprint_of
from flows.actions import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message.  `id` is its Message-ID with the angle brackets."""

    id: str
    incident: str
    sender: str
    to: tuple[str, ...]
    reply_to: str | None
    subject: str
    text: str

    def headers(self) -> dict[str, str]:
        """Return what marks it as ours, and as written by a program."""
        return {"Auto-Submitted": "auto-generated", "X-Backout-Incident": self.incident}

    def content(self) -> bytes:
        """Return it as it is handed over: seven bits, lines that end in CR LF."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        message["Message-ID"] = self.id
        message["Date"] = localtime()
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        if self.reply_to:
            message["Reply-To"] = self.reply_to
        message["Subject"] = self.subject
        for name, value in self.headers().items():
            message[name] = value
        message.set_content(self.text, cte="quoted-printable")
        return message.as_bytes()


def message_id(context: Context, sender: str) -> str:
    """Return the same id for each attempt of a step, and another one in a new plan."""
    mark = fingerprint_of(["mail", context.system.system, context.mark])
    return f"<backout.{mark}@{sender.rpartition('@')[2]}>"


def audience(to: Sequence[str]) -> str:
    """Write whom it goes to."""
    return ", ".join(to)
