"""The report of a run that has ended: made once, kept as evidence, handed to people.

Performs the core's `FileReport`.  Nothing that goes wrong here says anything about the run: what
can't be drawn or kept is left out, and the document can be made again with `backout report`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.reporting import documents, pictures
from bot.reporting.promises import promises_of
from config.models.bundles import Bundle
from flows.actions import ActionError, Evidence
from flows.commands import FileReport
from flows.engine import Engine
from flows.events import Event
from flows.reports import Report, report
from flows.runs import Run
from flows.states import State

log = logging.getLogger(__name__)
DOCUMENT, PICTURE = "post-mortem.md", "timeline.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file for people: the name that they see, a title, what is in it."""

    name: str
    title: str
    content: bytes


Publish = Callable[[Run, FileReport, Sequence[Attachment]], Awaitable[None]]
"""Hands files to people once.  Raises `LaterError` where that has to wait."""


class Filing:
    """Makes reports and keeps them."""

    def __init__(
        self, engine: Engine, bundles: Mapping[str, Bundle], evidence: Evidence, publish: Publish
    ) -> None:
        self._engine = engine
        self._bundles = bundles
        self._evidence = evidence
        self._publish = publish

    async def perform(self, run: Run, command: FileReport) -> Iterable[Event]:
        """Keep the report, and hand it to people unless the incident was called off."""
        kept = await self._files(run)
        if kept and run.state is not State.CANCELLED:
            await self._publish(run, command, kept)
        return ()

    async def _files(self, run: Run) -> list[Attachment]:
        """Return the files as they were kept first; those that can't be made are left out."""
        made = self._report(run)
        makers: tuple[tuple[str, str, Callable[[Report], bytes]], ...] = (
            (DOCUMENT, f"{run.id}: post-mortem", lambda each: documents.markdown(each).encode()),
            (PICTURE, f"{run.id}: timeline", pictures.png),
        )
        found = []
        for name, title, make in makers:
            try:
                content = await self._kept(f"{run.id}/{name}", made, make)
            except Exception:  # a fault of ours in a document must not become the run's
                log.exception("%s of %s can't be made", name, run.id)
                continue
            found.append(Attachment(name=f"{run.id}-{name}", title=title, content=content))
        return found

    def _report(self, run: Run) -> Report:
        """Account for the run up to its end: what is noted later stands in later reports."""
        ended = run.ended_at or run.updated_at
        history = [each for each in self._engine.events(run.id) if each.at <= ended]
        return report(history, promises=promises_of(self._bundles.get(run.system), run))

    async def _kept(self, name: str, made: Report, make: Callable[[Report], bytes]) -> bytes:
        try:
            if await self._evidence.find(name) is not None:
                return await self._evidence.read(name)
            content = await asyncio.to_thread(make, made)
            await self._evidence.put(name, content)
        except ActionError as error:
            log.warning("%s is not kept: %s", name, error)
            return await asyncio.to_thread(make, made)
        return content
