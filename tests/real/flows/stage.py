"""AIVO's own files, the bot's core as it is wired, and real components: a flow from end to end.

Slack is a list of messages.  Times that only people wait for are cut short; what is asked of the
components, and what they must answer, stays as the files have it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from adapters.registry import ActionRegistry
from bot.core import Core, Telling
from config.loader import load_systems
from config.models.bundles import Bundle
from config.settings import PACKAGED, Settings
from flows import commands, events
from flows.authorizing import people_of
from flows.declaring import declaration
from flows.embedded import EmbeddedEngine
from flows.events import Actor, Event
from flows.gates import PLAN_SCOPE, Person, Verb
from flows.plans import Plan, Scalar
from flows.runs import Run
from flows.states import State, StepState

PATIENCE = 200.0
LOOK = 0.05
SHORT: Mapping[str, str] = {
    "hold_for: 10m": "hold_for: 1s",
    "hold_for: 30s": "hold_for: 0.5s",
    "window: 5m": "window: 4s",
    "within: 11m": "within: 6s",
    "within: 12m": "within: 20s",
}
Json = Any


@cache
def registry() -> ActionRegistry:
    """Return all actions: they hold no state, and finding them takes its time."""
    return ActionRegistry()


def bundle_in(folder: Path, overlay: Json, short: Mapping[str, str] = SHORT) -> Bundle:
    """Copy AIVO's files to a folder, put these in the place of texts, and load them."""
    systems = folder / "systems"
    shutil.copytree(PACKAGED / "aivo", systems / "aivo")
    for path in (systems / "aivo" / "procedures").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for old, new in short.items():
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    file = folder / "overlay.yaml"
    file.write_text(json.dumps({"aivo": overlay}), encoding="utf-8")  # which is YAML as well
    return load_systems(systems, file)[0]


class Messages:
    """A messenger that keeps what is said."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Keep it once."""
        self.said.setdefault(key, text)
        return key

    async def find(self, *, channel: str, key: str) -> str | None:
        """Return the message's key where it was said."""
        return key if key in self.said else None


class Stage:
    """One incident of AIVO; `kill` and `wake` are a crash and a start on the same journal."""

    def __init__(self, folder: Path, bundle: Bundle, messages: Messages | None = None) -> None:
        self.folder = folder
        self.bundle = bundle
        self.messages = messages or Messages()
        self.announced: list[commands.Announce] = []
        self._words = 0
        self.wake()

    def wake(self) -> None:
        """Start the core on the journal that is there."""
        self.engine = EmbeddedEngine(self.folder / "journal")
        telling = Telling(
            messenger=self.messages,
            slack_of=lambda _: None,
            open_channel=self._open,
            announce=self._announce,
            page=self._page,
        )
        settings = Settings(BACKOUT_DATA=self.folder / "journal")
        bundles = {"aivo": self.bundle}
        self.core = Core(settings, self.engine, bundles, registry(), telling)
        self.core.start()

    async def close(self) -> None:
        """Stop."""
        await self.core.close()
        self.engine.close()

    async def _open(self, run: Run, _: commands.OpenChannel) -> Iterable[Event]:
        return (events.ChannelOpened(channel="C0AIVO", name=run.channel_name),)

    async def _announce(self, _: Run, command: commands.Announce) -> Iterable[Event]:
        self.announced.append(command)
        return ()

    async def _page(
        self, _: Run, command: commands.SendPage | commands.EndPages
    ) -> Iterable[Event]:
        if isinstance(command, commands.EndPages):
            return ()
        return (events.PageSent(page=command.page, reached=()),)

    # People

    def person(self, name: str) -> Person:
        """Return somebody of AIVO."""
        return next(each for each in people_of(self.bundle, lambda _: None) if each.id == name)

    def feed(self, event: Event, who: str = "marcus-rodriguez") -> Run:
        """Record what somebody does."""
        self._words += 1
        person = self.person(who)
        actor = Actor(id=person.id, name=person.name)
        key = f"word:{self._words}"
        return self.engine.feed("INC-1", event, actor=actor, event_id=key) or self.run

    def declare(self, reason: str = "checkout 5xx", **answers: bool) -> None:
        """Declare as Marcus."""
        marcus = self.person("marcus-rodriguez")
        self.engine.declare(
            "aivo",
            lambda incident: declaration(
                self.bundle,
                incident,
                reason=reason,
                person=marcus,
                channel_name="inc-1",
                answers={"security": False, "data": False, **answers},
            ),
            actor=Actor(id=marcus.id, name=marcus.name),
            event_id="declared",
        )

    async def plan(self, procedure: str, **inputs: Scalar) -> Plan:
        """Have a procedure planned; fail with its sentence where that can't be done."""
        run = await self._asked(procedure, inputs)
        assert run.plan is not None, run.blocked
        return run.plan

    async def refused(self, procedure: str, **inputs: Scalar) -> str:
        """Return why there is no plan."""
        run = await self._asked(procedure, inputs)
        assert run.plan is None
        return run.blocked

    async def _asked(self, procedure: str, inputs: Mapping[str, Scalar]) -> Run:
        await self.until(lambda run: bool(run.blocked or run.proposal))  # the matrix has spoken
        self.feed(events.PlanAsked(procedure=procedure, inputs=inputs))
        return await self.until(lambda run: run.state is State.APPROVE or bool(run.blocked))

    def approve(self, *who: str, scope: str = PLAN_SCOPE) -> None:
        """Approve what waits, as it is."""
        for name in who:
            gate = self.run.gate_of(scope)
            assert gate is not None
            word = events.Decided(
                scope=scope,
                person=self.person(name),
                verb=Verb.APPROVE,
                digest=gate.digest,
                reason="",
            )
            self.feed(word, name)

    # What is

    @property
    def run(self) -> Run:
        """The incident as it is now."""
        found = self.engine.run("INC-1")
        assert found is not None
        return found

    async def until(self, holds: Any, seconds: float = PATIENCE) -> Run:
        """Wait until something is true of the incident; tell where it stands when it never is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds(self.run):
                    await asyncio.sleep(LOOK)
                return self.run
        steps = {name: (r.state, r.summary) for name, r in self.run.steps.items()}
        raise AssertionError(f"{self.run.state}, {self.run.blocked}, {self.run.held}, {steps}")

    async def until_ended(self) -> Run:
        """Wait for the end; fail at once where it holds."""
        run = await self.until(lambda run: run.ended or run.state is State.HOLD)
        assert run.ended, run.held
        return run

    def done(self) -> list[str]:
        """Return the steps that were done, in the order in which they ended."""
        ended = {n: r.ended_at for n, r in self.run.steps.items() if r.state is StepState.DONE}
        return sorted(ended, key=lambda name: str(ended[name]))
