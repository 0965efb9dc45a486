"""What was mailed through SES: kept with its time, which moto does not note.

Called by `part`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from email import message_from_string, policy
from typing import Any

from sandbox.aws.names import ACCOUNT, REGION, SENDER
from sandbox.aws.patches import Patches, arguments
from sandbox.aws.progress import Progress
from sandbox.estate.values import Object

KEPT = 20


class Letters:
    """The newest letters, the newest first; `wall` is the clock on the wall."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._kept: deque[Object] = deque(maxlen=KEPT)

    def all(self) -> list[Object]:
        """Return them as the panel shows them."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()

    def seed(self) -> None:
        """Let AIVO's address be one that SES sends for."""
        from moto.ses.models import ses_backends

        ses_backends[ACCOUNT][REGION].verify_email_identity(SENDER)

    def tighten(self, patches: Patches, _: Progress) -> None:
        """Keep what SES takes."""
        from moto.ses.models import SESBackend

        def send(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
            made = original(backend, *values, **named)
            given = arguments(original, backend, values, named)
            to = [each for several in given["destinations"].values() for each in several]
            self._keep(given["source"], to, given["subject"], given["body"])
            return made

        def send_raw(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
            made = original(backend, *values, **named)
            letter = message_from_string(str(made.raw_data), policy=policy.default)
            body = letter.get_body(("plain",))
            text = body.get_content() if body else ""
            self._keep(made.source, list(made.destinations), str(letter["subject"]), text)
            return made

        patches.around(SESBackend, "send_email", send)
        patches.around(SESBackend, "send_raw_email", send_raw)

    def _keep(self, sender: str, to: list[str], subject: str, text: str) -> None:
        entry = {"at": self._wall(), "from": sender, "to": to, "subject": subject, "text": text}
        self._kept.appendleft(entry)
