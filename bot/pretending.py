"""A run that nobody declared: to look at a system, or to plan, without a journal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.models.bundles import Bundle
from flows.assessing import Assessor
from flows.contexts import namespace
from flows.decisions import decide
from flows.declaring import declaration
from flows.events import BOT, Event, FactObserved, Recorded
from flows.gates import Person
from flows.runs import Run

INCIDENT = "INC-0"


async def assessed(bundle: Bundle, assessor: Assessor) -> Run:
    """Return a run as a declaration would begin it, with the facts as they are now."""
    person = Person(id=BOT.id, name=BOT.name)
    event = declaration(bundle, INCIDENT, reason="a look, without an incident", person=person)
    run = decide(None, _recorded(1, event))[0]
    found = [each for each in await assessor.gather(run) if isinstance(each, FactObserved)]
    for number, each in enumerate(found, start=2):
        run, _ = decide(run, _recorded(number, each))
    return run


async def observed(bundle: Bundle, assessor: Assessor) -> Mapping[str, Any]:
    """Return what conditions are evaluated on, with the facts as they are now."""
    return namespace(bundle.system, await assessed(bundle, assessor), inputs={})


def _recorded(seq: int, event: Event) -> Recorded:
    return Recorded(seq=seq, at=datetime.now(UTC), actor=BOT, event=event)
