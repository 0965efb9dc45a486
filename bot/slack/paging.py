"""Calling people by direct message.

At least once: a message whose answer was lost is sent again, because ringing twice is better
than not at all.
"""

import asyncio
from collections.abc import Callable, Sequence

from bot.slack.calls import Calls, NoAnswerError, RateLimitedError, RefusedError
from bot.views.blocks import Message
from flows.engine import Delivery, Engine, LaterError
from flows.gates import Person
from flows.paging import Page, Reached
from flows.runs import Run

VIA = "slack"
AFTER_NO_ANSWER = 2.0
Render = Callable[[Run, Page, Person], Message]


class DirectMessages:
    """A line (`bot.paging`) that writes to people in Slack."""

    def __init__(
        self,
        engine: Engine,
        calls: Calls,
        user_of: Callable[[Run, Person], str | None],
        render: Render,
    ) -> None:
        self._engine = engine
        self._calls = calls
        self._user_of = user_of
        self._render = render

    async def call(self, run: Run, page: Page) -> Sequence[Reached]:
        """Write to everybody of a page.  Raises `LaterError` while Slack can't be told."""
        writing = (self._write(run, page, person) for person in page.people)
        written = await asyncio.gather(*writing, return_exceptions=True)
        for each in written:
            if isinstance(each, BaseException):
                raise each
        return [each for each in written if isinstance(each, Reached)]

    async def end(self, run: Run) -> None:
        """Do nothing: a message does not go on ringing, and its button says who was first."""

    async def _write(self, run: Run, page: Page, person: Person) -> Reached:
        key = f"{run.id}:page:{page.number}:{person.id}"
        if self._engine.delivery(key):
            return Reached(person=person.id, via=VIA, ok=True)
        user = person.slack or self._user_of(run, person)
        if user is None:
            note = "no member of the workspace has the e-mail address that people.yaml names"
            return Reached(person=person.id, via=VIA, ok=False, note=note)
        message = self._render(run, page, person)
        post = self._calls.client.chat_postMessage
        try:
            body = await self._calls.do(
                post, channel=user, text=message.text, blocks=message.blocks
            )
        except RateLimitedError as error:
            raise LaterError(str(error), delay=error.delay) from error
        except NoAnswerError as error:
            raise LaterError(str(error), delay=AFTER_NO_ANSWER) from error
        except RefusedError as error:
            return Reached(person=person.id, via=VIA, ok=False, note=str(error))
        delivery = Delivery(key=key, channel=str(body["channel"]), ts=str(body["ts"]))
        self._engine.keep_delivery(delivery)
        return Reached(person=person.id, via=VIA, ok=True)
