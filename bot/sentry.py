"""Triggers that declare by themselves: looked at again and again, announced, guarded.

A trigger holds when its condition is known to be true without a break for as long as the policy
says; what is unknown breaks it.  It then declares the incident, so that people are called in any
case.  Whether the procedure may begin by itself is decided by the guards, each of which must be
known to be met; what speaks against it is told in the channel, and people decide.

How long a condition has held is not kept over a restart: it counts from then on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.drills import Drills
from config import expressions
from config.models.bundles import Bundle
from config.models.policies import Automatic, Trigger
from flows.authorizing import SlackOf
from flows.declaring import declaration
from flows.engine import Engine
from flows.events import BOT, AutomaticStart
from flows.gates import Person
from flows.runs import Run

log = logging.getLogger(__name__)
EVERY = 15.0
AT_ONCE = timedelta()
Observe = Callable[[Bundle], Awaitable[Mapping[str, Any]]]
"""Looks at a system's facts; returns what conditions are evaluated on."""
NameOf = Callable[[str, str], str]
"""Gives an incident's channel its name, from the incident's id and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What the place where people are knows of them, and how it names channels."""

    slack_of: SlackOf
    channel_name: NameOf


class Sentry:
    """Watches the systems whose policy lets a trigger declare."""

    def __init__(
        self,
        engine: Engine,
        bundles: Iterable[Bundle],
        observe: Observe,
        drills: Drills,
        surface: Surface,
    ) -> None:
        self._engine = engine
        self._watched = {
            bundle.system.system: bundle
            for bundle in bundles
            if any(each.automatic for each in bundle.policy.triggers)
        }
        self._observe = observe
        self._drills = drills
        self._surface = surface
        self._held_since: dict[tuple[str, str], datetime] = {}

    async def watch(self) -> None:
        """Look again and again, until cancelled; return at once where nothing is watched.

        Of several replicas only one looks.
        """
        while self._watched:
            if self._engine.leads:
                await asyncio.gather(*(self._round(each) for each in self._watched.values()))
            else:
                self._held_since.clear()
            await asyncio.sleep(EVERY)

    async def _round(self, bundle: Bundle) -> None:
        try:
            await self.look(bundle)
        except Exception:
            log.exception("the triggers of %s can't be looked at", bundle.system.system)

    async def look(self, bundle: Bundle) -> Run | None:
        """Look at a system once; return the incident that was declared for it, if one was."""
        system = bundle.system.system
        if any(run.system == system for run in self._engine.runs()):
            self._forget(system)  # people are at it
            return None
        values = await self._observe(bundle)
        for trigger, rules in _automatic(bundle):
            since = self._since(system, trigger, values)
            lasting = trigger.lasting or AT_ONCE
            if since is not None and self._engine.now() - since >= lasting:
                return self._declare(bundle, trigger, rules, values, since)
        return None

    def _since(self, system: str, trigger: Trigger, values: Mapping[str, Any]) -> datetime | None:
        """Return since when a trigger's condition holds; None where it does not, or is unknown."""
        key = (system, trigger.id)
        if trigger.when is None or not _is_true(trigger.when, values):
            self._held_since.pop(key, None)
            return None
        return self._held_since.setdefault(key, self._engine.now())

    def _forget(self, system: str) -> None:
        for key in [key for key in self._held_since if key[0] == system]:
            del self._held_since[key]

    def _declare(
        self,
        bundle: Bundle,
        trigger: Trigger,
        rules: Automatic,
        values: Mapping[str, Any],
        since: datetime,
    ) -> Run | None:
        earlier = self._earlier(bundle.system.system)
        if any(self._repeats(trigger, rules, run) for run in earlier):
            return None
        start = self._start(bundle, trigger, rules, values, earlier)
        reason = trigger.title
        declared = self._engine.declare(
            bundle.system.system,
            lambda incident: declaration(
                bundle,
                incident,
                reason=reason,
                person=Person(id=BOT.id, name=BOT.name),
                channel_name=self._surface.channel_name(incident, reason),
                slack_of=self._surface.slack_of,
                automatic=start,
            ),
            actor=BOT,
            event_id=f"automatic:{bundle.system.system}:{trigger.id}:{since.isoformat()}",
        )
        log.warning("%s: %s declared by itself: %s", declared.run.id, trigger.id, trigger.title)
        self._forget(bundle.system.system)
        return declared.run

    def _earlier(self, system: str) -> tuple[Run, ...]:
        runs = self._engine.runs(ended=True)
        return tuple(run for run in runs if run.system == system and run.automatic)

    def _repeats(self, trigger: Trigger, rules: Automatic, run: Run) -> bool:
        """Say whether this trigger declared this incident so shortly ago that it is no new one."""
        is_same = run.automatic is not None and run.automatic.trigger == trigger.id
        return is_same and self._engine.now() - (run.ended_at or run.declared_at) < rules.cool_down

    def _start(
        self,
        bundle: Bundle,
        trigger: Trigger,
        rules: Automatic,
        values: Mapping[str, Any],
        earlier: Iterable[Run],
    ) -> AutomaticStart:
        release = _release(rules, values)
        system, procedure = bundle.system.system, trigger.procedure
        obstacles = [
            *_unmet(rules, values),
            *self._begun_before(rules, release, earlier),
            *self._undrilled(rules, system, procedure),
        ]
        return AutomaticStart(
            trigger=trigger.id,
            title=trigger.title,
            procedure=procedure,
            release=release,
            notice=rules.notice.total_seconds(),
            barred="; ".join(obstacles),
        )

    def _begun_before(
        self, rules: Automatic, release: str, earlier: Iterable[Run]
    ) -> Iterator[str]:
        if not release:
            yield "it is not known which release is live"
        begun = [run for run in earlier if run.begun_alone and run.automatic]
        same = [run.id for run in begun if run.automatic and run.automatic.release == release]
        if release and same:
            yield f"{release} was rolled back by itself before ({same[-1]})"
        last = max((run.begun_alone.at for run in begun if run.begun_alone), default=None)
        if last is not None and self._engine.now() - last < rules.cool_down:
            yield f"something began by itself shortly before ({last:%H:%M} UTC)"

    def _undrilled(self, rules: Automatic, system: str, procedure: str) -> Iterator[str]:
        last = self._drills.last(system, procedure)
        if last is None:
            yield f"no drill of it has passed (`backout drill {system} {procedure}`)"
        elif self._engine.now() - last > rules.drill_within:
            yield f"its last drill is too old ({last:%Y-%m-%d}, `backout drill`)"


def _automatic(bundle: Bundle) -> Iterator[tuple[Trigger, Automatic]]:
    for trigger in bundle.policy.triggers:
        if trigger.automatic is not None:
            yield trigger, trigger.automatic


def _is_true(condition: str, values: Mapping[str, Any]) -> bool:
    """Say whether a condition is known to be true."""
    return expressions.evaluate_condition(expressions.compile_expression(condition), values) is True


def _unmet(rules: Automatic, values: Mapping[str, Any]) -> Iterator[str]:
    return (f"not met: {guard.title}" for guard in rules.guards if not _is_true(guard.when, values))


def _release(rules: Automatic, values: Mapping[str, Any]) -> str:
    """Return what it begins for once; empty where that is not known."""
    try:
        found = expressions.evaluate(expressions.compile_expression(rules.release), values)
    except expressions.ExpressionError:
        return ""
    return "" if found is None else str(found)
