"""Somebody answered in PagerDuty: who that is here, and which incident it is about.

Called by `bot.pagerduty`, which looks for answers, and by `bot.web.pagerduty`, which is told.
Whom PagerDuty knows by another e-mail address than people.yaml is somebody without a role:
their answer counts, because nobody else needs to be woken, and they can approve nothing.
"""

from collections.abc import Mapping

from adapters.pagerduty import alerts
from adapters.pagerduty.answers import Answerer
from bot import logs
from config.models.bundles import Bundle
from flows.authorizing import SlackOf, people_of
from flows.engine import Engine
from flows.events import Actor, PageAcknowledged
from flows.gates import Person
from flows.objections import objection
from flows.runs import Run

VIA = "pagerduty"


class Acknowledging:
    """Tells the core that somebody is there."""

    def __init__(self, engine: Engine, bundles: Mapping[str, Bundle], slack_of: SlackOf) -> None:
        self._engine = engine
        self._bundles = bundles
        self._slack_of = slack_of

    def awaited(self, system: str | None = None) -> tuple[Run, ...]:
        """Return the runs, of a system or all, for which nobody has answered yet."""
        return tuple(
            run
            for run in self._engine.runs()
            if system in (None, run.system) and run.pages and run.acknowledged is None
        )

    def run_of(self, system: str, key: str) -> Run | None:
        """Return the open run of a system that an alert's key belongs to."""
        for run in self._engine.runs():
            if run.system == system and key in alerts.keys_of(run, iter(run.pages)):
                return run
        return None

    def acknowledge(self, run: Run, by: Answerer, event_id: str) -> bool:
        """Feed an answer; say whether it was the first.  The same `event_id` counts once."""
        person = self.person(run.system, by)
        event = PageAcknowledged(person=person, via=VIA)
        current = self._engine.run(run.id) or run
        if objection(current, event) is not None:
            return False
        actor = Actor(id=person.id, name=person.name, slack=person.slack)
        with logs.about(incident=run.id):
            fed = self._engine.feed(run.id, event, actor=actor, event_id=f"{VIA}:{event_id}")
        return fed is not None

    def person(self, system: str, by: Answerer) -> Person:
        """Return whom of a system's people this is, by e-mail address, or a stranger."""
        bundle = self._bundles[system]
        email = (by.email or "").casefold()
        listed = [each for each in bundle.people.people if (each.email or "").casefold() == email]
        if email and len(listed) == 1:
            return next(p for p in people_of(bundle, self._slack_of) if p.id == listed[0].id)
        return Person(id=f"{VIA}:{by.id}", name=by.name)
