"""Calling people by mail: a way for when another one has failed.

A line (`bot.paging`).  At least once: what is in doubt is sent again under the same Message-ID,
because ringing twice is better than not at all.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from adapters.mail import carriers
from adapters.mail.letters import Letter
from bot import messages
from config.models.bundles import Bundle
from flows.actions import Context, PermanentError, TransientError, UnknownOutcomeError
from flows.engine import Delivery, Engine, LaterError
from flows.paging import Page, Reached
from flows.runs import Run

VIA = "mail"
PATIENCE = 60.0
ContextOf = Callable[[Run, str], Context]


class MailLine:
    """Writes to people of systems that have `connections.mail`."""

    def __init__(
        self, engine: Engine, bundles: Mapping[str, Bundle], context_of: ContextOf
    ) -> None:
        self._engine = engine
        self._bundles = bundles
        self._context_of = context_of

    async def call(self, run: Run, page: Page) -> Sequence[Reached]:
        """Write to everybody of a page who has an address.

        Raises `LaterError` while mail can't be handed over, for at most a minute.
        """
        bundle = self._bundles.get(run.system)
        if bundle is None or bundle.system.connections.mail is None:
            return ()
        sender = bundle.system.connections.mail.sender
        addresses = {each.id: each.email for each in bundle.people.people if each.email}
        letters = {
            person.id: _letter(run, page, person.id, sender, addresses[person.id])
            for person in page.people
            if person.id in addresses
        }
        writing = (self._write(run, page, *each) for each in letters.items())
        written = await asyncio.gather(*writing, return_exceptions=True)
        for each in written:
            if isinstance(each, BaseException):
                raise each
        return [each for each in written if isinstance(each, Reached)]

    async def end(self, run: Run) -> None:
        """Do nothing: a letter does not go on ringing."""

    async def _write(self, run: Run, page: Page, person: str, letter: Letter) -> Reached:
        key = f"{run.id}:page:{page.number}:{VIA}:{person}"
        if self._engine.delivery(key):
            return Reached(person=person, via=VIA, ok=True)
        carrier = carriers.carrier(self._context_of(run, key))
        try:
            await carrier.offer(letter)
            taken = await carrier.hand_over(letter)
        except PermanentError as error:
            return Reached(person=person, via=VIA, ok=False, note=str(error))
        except (TransientError, UnknownOutcomeError) as error:
            left = PATIENCE - (self._engine.now() - page.at).total_seconds()
            if left > 0:
                delay = getattr(error, "delay", 1.0)
                raise LaterError(str(error), delay=min(delay, max(1.0, left))) from error
            return Reached(person=person, via=VIA, ok=False, note=f"{error}, for {PATIENCE:.0f} s")
        finally:
            await carrier.close()
        self._engine.keep_delivery(Delivery(key=key, channel=VIA, ts=taken))
        return Reached(person=person, via=VIA, ok=True)


def _letter(run: Run, page: Page, person: str, sender: str, address: str) -> Letter:
    subject, text = messages.page_letter(run, page)
    domain = sender.rpartition("@")[2]
    return Letter(
        id=f"<backout.{run.system}.{run.id}.page-{page.number}.{person}@{domain}>".lower(),
        incident=run.id,
        sender=sender,
        to=(address,),
        reply_to=None,
        subject=subject,
        text=text,
    )
