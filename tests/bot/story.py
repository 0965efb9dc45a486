"""Runs for the tests of views and wording, made by driving the core with events.

The people and the procedure are AIVO's; every test that needs a run at some point of the story
builds it here, so that no test knows how a `Run` is put together.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flows import events
from flows.commands import Announce, Command
from flows.decisions import decide
from flows.events import Actor, Event, Question, Recorded
from flows.gates import Person, Slot, Verb
from flows.plans import Plan, PlannedChange, PlannedStep, seal
from flows.runs import Run
from flows.states import State

START = datetime(2026, 11, 20, 14, 0, 0, tzinfo=UTC)
MARCUS = Person(
    id="marcus-rodriguez", name="Marcus Rodriguez", slack="U01MARCUS", roles=("oncall",)
)
EMILY = Person(id="emily-watson", name="Emily Watson", slack="U02EMILY", roles=("oncall",))
JENNIFER = Person(id="jennifer-liu", name="Jennifer Liu", slack="U03JENNIFER", roles=("eng_lead",))
ALEX = Person(id="alex-thompson", name="Alex Thompson", slack="U04ALEX", roles=("eng_lead",))
DAVID = Person(id="david-park", name="David Park", slack="U05DAVID", roles=("executive",))
PEOPLE = (MARCUS, EMILY, JENNIFER, ALEX, DAVID)
ANY_LEAD = Slot(
    any_of=("oncall", "eng_lead"),
    titles=("SRE On-Call", "Engineering Lead"),
    count=1,
    why="Application release",
)
LEAD = Slot(
    any_of=("eng_lead",),
    titles=("Engineering Lead",),
    count=1,
    why="More than 1,000 users are affected",
)
QUESTIONS = (
    Question(id="security", text="Is this a security incident?"),
    Question(id="data", text="Is data integrity in question?"),
)


def step(step_id: str, title: str, phase: State, **changes: Any) -> PlannedStep:
    """Return a step of a plan; a look unless an effect is given."""
    base = PlannedStep(
        id=step_id,
        title=title,
        phase=phase,
        stage=1,
        uses="http.check",
        effect="reads",
        inputs={},
        late={},
        when=None,
        summary=title,
        changes=(),
        warnings=(),
        losses="",
        fingerprint="",
        in_place=False,
        touches=0,
        budget=60.0,
        within=0.0,
        hold_for=0.0,
        settle=0.0,
        idempotent=True,
        undoable=True,
        skippable=True,
        required=True,
    )
    return replace(base, **changes)


ROLLBACK = step(
    "rollback",
    "Roll back to the last good release",
    State.RESTORE,
    uses="helm.rollback",
    effect="changes",
    inputs={"release": "aivo-platform", "revision": 41},
    summary="Roll back aivo-platform from revision 42 to 41",
    changes=(PlannedChange(subject="helm aivo-platform revision", before="42", after="41"),),
    touches=18,
    budget=300.0,
    skippable=False,
)
ROLLOUT = step(
    "rollout",
    "Wait until every workload is ready",
    State.RESTORE,
    stage=2,
    uses="kubernetes.rollout_wait",
    within=300.0,
    budget=300.0,
)
HEALTH = step("health", "Public health", State.VALIDATE, within=600.0, hold_for=60.0)
AVAILABILITY = step(
    "availability",
    "Availability above 99 %",
    State.VALIDATE,
    uses="prometheus.query",
    within=1800.0,
    hold_for=60.0,
)
TELL = step(
    "announce_end",
    "Tell the incident channel that it is over",
    State.COMMUNICATE,
    uses="slack.post",
    effect="changes",
    required=False,
)
CUT_OVER = step(
    "cut_over",
    "Cut over to the restored database",
    State.RESTORE,
    stage=3,
    uses="database.cut_over",
    effect="destroys",
    losses="Writes after 14:29:10 UTC, about 3 min 40 s, are lost",
    undoable=False,
    needs=(LEAD,),
)
SERVICE_STEPS = (ROLLBACK, ROLLOUT, HEALTH, AVAILABILITY, TELL)


def plan(steps: tuple[PlannedStep, ...] = SERVICE_STEPS, **changes: Any) -> Plan:
    """Return AIVO's service rollback as a plan prepared after one minute."""
    prepared = START + timedelta(minutes=1)
    base = Plan(
        procedure="service",
        title="Return to the previous release",
        because="availability 84 % is below 90 %",
        class_id="application",
        class_title="Application release",
        loses="Nothing that is stored. What only the newer release added is removed.",
        steps=steps,
        needs=(ANY_LEAD,),
        self_approval=False,
        decision_limit=timedelta(minutes=5),
        prepared_at=prepared,
        expires_at=prepared + timedelta(minutes=30),
        phase_budgets={"restore": 300.0, "validate": 600.0, "communicate": 300.0},
        outputs={"history": {"last_good": 41}},
    )
    return seal(replace(base, **changes))


class Story:
    """One incident, told event by event; time passes only by `wait`."""

    def __init__(self, reason: str = "checkout 5xx", **changes: Any) -> None:
        self.now = START
        self.seq = 0
        self.commands: list[Command] = []
        self.history: list[Recorded] = []
        self._run: Run | None = None
        declared = events.IncidentDeclared(
            incident="INC-7",
            system="aivo",
            system_title="AIVO Virtual Brain",
            environment="production",
            reason=reason,
            severity="critical",
            rto=600.0,
            rto_limit=1200.0,
            target_title="Service availability",
            assess_budget=180.0,
            questions=QUESTIONS,
            answers={},
            channel_name="inc-7-checkout-5xx",
            origin="C0INCIDENTS",
            declared_by=MARCUS,
        )
        self.tell(replace(declared, **changes), by=MARCUS)

    @property
    def run(self) -> Run:
        """Return the run as it is now."""
        assert self._run is not None
        return self._run

    @property
    def announced(self) -> Announce:
        """Return the last message that was asked for."""
        return [c for c in self.commands if isinstance(c, Announce)][-1]

    @property
    def has_announced(self) -> bool:
        """Say whether any message was asked for yet."""
        return any(isinstance(command, Announce) for command in self.commands)

    def wait(self, seconds: float) -> "Story":
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self

    def tell(self, *told: Event, by: Person | None = None) -> "Story":
        """Feed events to the core, in order."""
        actor = Actor(id=by.id, name=by.name, slack=by.slack) if by else events.BOT
        for event in told:
            self.seq += 1
            recorded = Recorded(seq=self.seq, at=self.now, actor=actor, event=event)
            self.history.append(recorded)
            self._run, asked = decide(self._run, recorded)
            self.commands += asked
        return self

    def fact(self, name: str, title: str, value: Any, shown: str, ok: bool | None) -> "Story":
        """Have something been seen."""
        return self.tell(
            events.FactObserved(fact=name, title=title, value=value, shown=shown, ok=ok)
        )

    def facts(self) -> "Story":
        """Have the estate looked at: pods are missing, availability is too low, one is unknown."""
        self.fact("pods", "Pods", 9, "9 of 12 ready", False)
        self.fact("health", "Health", "degraded", "degraded", False)
        self.fact("availability", "Availability", 0.84, "84 %", False)
        self.fact("latency", "p95 response time", 0.3, "310 ms", True)
        return self.fact("users", "Affected users", None, "Prometheus did not answer", None)

    def answered(self, answers: Mapping[str, bool] | None = None) -> "Story":
        """Have the questions answered, no by default."""
        for question, answer in (answers or {"security": False, "data": False}).items():
            self.tell(events.QuestionAnswered(question=question, answer=answer), by=MARCUS)
        return self

    def proposed(self, prepared: Plan | None = None) -> "Story":
        """Have a procedure picked and resolved into a plan that waits for approval."""
        self.tell(events.FactsGathered())
        ready = prepared or plan()
        self.tell(
            events.ProcedureProposed(
                procedure="service", title=ready.title, because=ready.because, severity="critical"
            )
        )
        number = self.run.planning
        return self.tell(events.PlanPrepared(planning=number, plan=ready, candidates=PEOPLE))

    def approved(self, *people: Person, scope: str = "plan") -> "Story":
        """Have people approve, Jennifer Liu by default."""
        return self._decided(Verb.APPROVE, scope, people or (JENNIFER,), "")

    def denied(self, person: Person = JENNIFER, scope: str = "plan", why: str = "") -> "Story":
        """Have somebody say no."""
        return self._decided(Verb.DENY, scope, (person,), why)

    def _decided(self, verb: Verb, scope: str, people: tuple[Person, ...], reason: str) -> "Story":
        for person in people:
            gate = self.run.gate_of(scope)
            assert gate is not None
            self.tell(
                events.Decided(
                    scope=scope, person=person, verb=verb, digest=gate.digest, reason=reason
                ),
                by=person,
            )
        return self

    def started(self, step_id: str) -> "Story":
        """Have a step's intent written down."""
        attempt = self.run.steps[step_id].attempt
        return self.tell(
            events.StepStarted(step=step_id, attempt=attempt, inputs={}, captured={"revision": 42})
        )

    def done(self, step_id: str, summary: str = "", *, seconds: float = 30.0) -> "Story":
        """Have a step performed and seen to have taken effect, after some seconds."""
        if not self.run.steps[step_id].started:
            self.started(step_id)
        self.wait(seconds)
        attempt = self.run.steps[step_id].attempt
        return self.tell(
            events.StepSucceeded(step=step_id, attempt=attempt, summary=summary, output={})
        )

    def failed(self, step_id: str, why: str, *, seconds: float = 30.0) -> "Story":
        """Have a step fail for good, after some seconds."""
        if not self.run.steps[step_id].started:
            self.started(step_id)
        self.wait(seconds)
        attempt = self.run.steps[step_id].attempt
        return self.tell(events.StepFailed(step=step_id, attempt=attempt, why=why))


def assessing() -> Story:
    """Return the story forty seconds in, with facts seen and both questions open."""
    return Story().wait(40).facts()


def waiting() -> Story:
    """Return the story with a plan that waits for approval."""
    return assessing().wait(20).answered().proposed().wait(50)


def restoring() -> Story:
    """Return the story with the rollback done and the rollout under way."""
    told = waiting().approved()
    return told.done("rollback", "rolled back to revision 41", seconds=38).started("rollout")


def held() -> Story:
    """Return the story with the rollout failed."""
    why = "2 pods of payment-service can't pull their image."
    return restoring().failed("rollout", why, seconds=300)


def validating() -> Story:
    """Return the story with the rollout done and the checks under way."""
    return restoring().done("rollout", "18 of 18 workloads ready", seconds=60)


def closed() -> Story:
    """Return the story to its end."""
    told = validating().done("health", "healthy for 1 min", seconds=60)
    told.done("availability", "99.7 % for 1 min", seconds=30)
    return told.done("announce_end", "posted", seconds=2)
