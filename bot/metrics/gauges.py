"""What is so right now, looked at whenever Prometheus asks: true at once after a restart.

Everything about incidents is read from the journal, so that every replica says the same: add
nothing up over replicas, take the maximum.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from flows.gates import PLAN_SCOPE, Open, Standing
from flows.runs import Run
from flows.states import ENDED, State, StepState

OPEN_STATES = tuple(state for state in State if state not in ENDED)
SCOPES = ("plan", "step", "review")
OBJECTIVES = ("rto", "rto_limit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How the process itself does.  `late` is how many seconds each waiting command is late.

    None where there is nothing to measure: a journal on one machine has no lease.
    """

    late: tuple[float, ...]
    performing: int
    leads: bool
    reconnects: int = 0
    anchors_failed: int = 0
    lease_age: float | None = None
    journal_bytes: int | None = None
    disk_free: int | None = None
    ready: Mapping[str, bool]
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the gauges show: the configured systems, the open runs, and the process."""

    systems: tuple[str, ...]
    runs: tuple[Run, ...]
    now: datetime
    vitals: Vitals


class Gauges(Collector):
    """Shows whatever was looked at last; `bot.metrics.service` looks before it shows."""

    def __init__(self, look: Callable[[], Look | None]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge, or nothing before the first look."""
        look = self._look()
        if look is not None:
            yield from incidents(look)
            yield from process(look.vitals)


def incidents(look: Look) -> Iterator[GaugeMetricFamily]:
    """Yield what is so of the incidents; what there is none of is 0, and not absent."""
    systems = sorted({*look.systems, *(run.system for run in look.runs)})
    yield _family(
        "backout_incidents_open",
        "Incidents that are open.",
        ("system", "state"),
        ((system, state) for system in systems for state in OPEN_STATES),
        ((run.system, run.state) for run in look.runs),
    )
    yield _family(
        "backout_incidents_unanswered",
        "Open incidents whose calls nobody has answered.",
        ("system",),
        ((system,) for system in systems),
        ((run.system,) for run in look.runs if run.pages and not run.acknowledged),
    )
    yield _family(
        "backout_incidents_late",
        "Open incidents that are not restored, beyond their recovery time.",
        ("system", "objective"),
        ((system, objective) for system in systems for objective in OBJECTIVES),
        ((run.system, each) for run in look.runs for each in _passed(run, look.now)),
    )
    yield _family(
        "backout_approvals_waiting",
        "Gates that wait for approvals.",
        ("system", "scope"),
        ((system, scope) for system in systems for scope in SCOPES),
        ((run.system, scope) for run in look.runs for scope, _ in _open_gates(run, look.now)),
    )
    yield _family(
        "backout_approvals_overdue",
        "Gates that wait for approvals beyond the time that the policy gives.",
        ("system", "scope"),
        ((system, scope) for system in systems for scope in SCOPES),
        (
            (run.system, scope)
            for run in look.runs
            for scope, decide_by in _open_gates(run, look.now)
            if look.now > decide_by
        ),
    )
    yield _family(
        "backout_steps_in_doubt",
        "Steps of which it is not known whether they took effect.",
        ("system",),
        ((system,) for system in systems),
        (
            (run.system,)
            for run in look.runs
            for record in run.steps.values()
            if record.state is StepState.DOUBT
        ),
    )


def process(vitals: Vitals) -> Iterator[Metric]:
    """Yield what is so of this process."""
    commands = GaugeMetricFamily(
        "backout_commands", "Commands that are due, by whether they were begun.", labels=["state"]
    )
    commands.add_metric(["waiting"], len(vitals.late))
    commands.add_metric(["performing"], vitals.performing)
    yield commands
    lag = "How late the oldest command is that was not begun."
    yield _plain("backout_command_lag_seconds", lag, max(vitals.late, default=0.0))
    yield _plain("backout_leader", "Whether this replica does what only one may do.", vitals.leads)
    if vitals.lease_age is not None:
        age = "How long ago this replica was last known to be alive."
        yield _plain("backout_lease_age_seconds", age, vitals.lease_age)
    returns = "Times that the database was reached again after it was lost."
    yield _counter("backout_database_reconnects", returns, vitals.reconnects)
    failures = "Heads of the journal's chain that could not be anchored."
    yield _counter("backout_anchor_failures", failures, vitals.anchors_failed)
    if vitals.journal_bytes is not None:
        yield _plain("backout_journal_bytes", "How large the journal is.", vitals.journal_bytes)
    if vitals.disk_free is not None:
        free = "How much room there is in the data folder."
        yield _plain("backout_data_free_bytes", free, vitals.disk_free)
    ready = GaugeMetricFamily(
        "backout_ready", "Whether a part is as it should be, as /readyz tells.", labels=["part"]
    )
    for part, is_ready in vitals.ready.items():
        ready.add_metric([part], is_ready)
    yield ready
    build = GaugeMetricFamily("backout_build_info", "What is running.", labels=["version"])
    build.add_metric([vitals.version], 1)
    yield build


def _plain(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, value=float(value))


def _counter(name: str, said: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, said, value=value)


def _family(
    name: str,
    said: str,
    labels: tuple[str, ...],
    always: Iterable[tuple[str, ...]],
    found: Iterable[tuple[str, ...]],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, said, labels=labels)
    counted = Counter(found)
    for each in dict.fromkeys([*always, *counted]):
        family.add_metric(each, counted[each])
    return family


def _passed(run: Run, now: datetime) -> Iterator[str]:
    """Return the recovery objectives that a run has passed without being restored."""
    if run.outcome is not None:
        return
    for name, seconds in zip(OBJECTIVES, (run.rto, run.rto_limit), strict=True):
        if seconds and now > run.declared_at + timedelta(seconds=seconds):
            yield name


def _open_gates(run: Run, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Return the scopes that wait for people right now, and until when they should decide."""
    asked = run.state is State.APPROVE or (run.wants_late_words and not run.ended)
    if run.gate and asked and _is_open(run.standing(PLAN_SCOPE, now)):
        yield "plan", run.gate.decide_by
    for name, record in run.steps.items():
        gate = run.step_gates.get(name)
        if gate and record.state is StepState.WAITING and _is_open(run.standing(name, now)):
            yield "step", gate.decide_by
    if run.debt and run.debt.paid_at is None:
        yield "review", run.debt.gate.decide_by


def _is_open(standing: Standing | None) -> bool:
    return isinstance(standing, Open)
