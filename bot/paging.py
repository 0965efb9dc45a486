"""Calling people in every way that there is, side by side; what came of it goes into the journal.

Performs the core's `SendPage` and `EndPages`.  One way that is away never keeps another one back:
what could be sent is sent, and what could not is tried again until it is refused for good.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from flows.commands import EndPages, SendPage
from flows.engine import LaterError
from flows.events import Event, PageSent
from flows.paging import Page, Reached
from flows.runs import Run


class Line(Protocol):
    """One way to reach people.  Calling twice for the same page must ring once."""

    async def call(self, run: Run, page: Page) -> Sequence[Reached]:
        """Call a page's people; say what came of it, for each whom this way can reach at all.

        Raises `LaterError` where it can't be said yet.
        """
        ...

    async def end(self, run: Run) -> None:
        """Stop what still rings for a run where somebody is there, or that is over.

        Twice is like once.  Raises `LaterError` where it has to be tried again.
        """
        ...


class Pager:
    """Calls people in every way; by `fallback` only those for whom one of the ways failed."""

    def __init__(self, lines: Sequence[Line], fallback: Line | None = None) -> None:
        self._lines = lines
        self._fallback = fallback

    async def perform(self, run: Run, command: SendPage | EndPages) -> Iterable[Event]:
        """Call the people of a page, or stop calling.

        Raises `LaterError` where a way has to be tried again.
        """
        if isinstance(command, EndPages):
            await self._end(run)
            return ()
        return await self._call(run, command)

    async def _end(self, run: Run) -> None:
        lines = (*self._lines, self._fallback) if self._fallback else self._lines
        ends = (line.end(run) for line in lines)
        for outcome in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _call(self, run: Run, command: SendPage) -> Iterable[Event]:
        page = run.page(command.page)
        if page is None or run.ended:
            return ()
        calls = (line.call(run, page) for line in self._lines)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        reached: list[Reached] = []
        later: LaterError | None = None
        for outcome in outcomes:
            if isinstance(outcome, LaterError):
                later = outcome
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                reached.extend(outcome)
        if later is not None:
            raise later
        reached += await self._fall_back(run, page, reached)
        known = {each.person for each in reached}
        nothing = "there is no way to reach them: name an e-mail address in people.yaml"
        reached += [
            Reached(person=person.id, via="", ok=False, note=nothing)
            for person in page.people
            if person.id not in known
        ]
        return (PageSent(page=page.number, reached=tuple(reached)),)

    async def _fall_back(
        self, run: Run, page: Page, reached: Sequence[Reached]
    ) -> Sequence[Reached]:
        """Call by the last way whom another one failed to reach, or whom none could."""
        fine = {each.person for each in reached} - {e.person for e in reached if not e.ok}
        others = tuple(person for person in page.people if person.id not in fine)
        if self._fallback is None or not others:
            return ()
        return await self._fallback.call(run, replace(page, people=others))
