"""Incidents written straight into a journal, where a benchmark needs many of them at once."""

from dataclasses import replace
from datetime import timedelta

from flows import events
from flows.events import BOT
from flows.opening import AnyEngine
from flows.plans import Plan, seal
from tests.bot import story

VALID = timedelta(hours=2)


def open_on(engine: AnyEngine, system: str, reason: str = "measured") -> str:
    """Declare an incident on a system and return its id; nothing that it asks for is done."""
    declared = engine.declare(
        system,
        lambda incident: events.IncidentDeclared(
            incident=incident,
            system=system,
            system_title=f"System {system}",
            environment="production",
            reason=reason,
            severity="critical",
            rto=3600.0,
            rto_limit=7200.0,
            target_title="Service availability",
            assess_budget=3600.0,
            questions=(),
            answers={},
            channel_name=f"{incident.lower()}-{reason}",
            origin=None,
            declared_by=story.MARCUS,
        ),
        actor=BOT,
        event_id=f"declared:{system}",
    )
    return declared.run.id


def prepare(engine: AnyEngine, incident: str, plan: Plan) -> None:
    """Bring an incident to where its plan waits for approval."""

    def tell(event: events.Event) -> None:
        event_id = f"{incident}:{type(event).__name__}"
        engine.feed(incident, event, actor=BOT, event_id=event_id)

    tell(events.FactsGathered())
    tell(
        events.ProcedureProposed(
            procedure=plan.procedure, title=plan.title, because=plan.because, severity="critical"
        )
    )
    run = engine.run(incident)
    assert run is not None
    now = engine.now()
    ready = seal(
        replace(plan, prepared_at=now, expires_at=now + VALID, decision_limit=timedelta(hours=1))
    )
    tell(events.PlanPrepared(planning=run.planning, plan=ready, candidates=story.PEOPLE))
