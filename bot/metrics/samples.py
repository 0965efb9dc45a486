"""One thing that is counted, and the names under which things are counted."""

from dataclasses import dataclass
from enum import StrEnum


class Name(StrEnum):
    """The metrics that are counted as things happen."""

    DECLARED = "backout_incidents_declared_total"
    ENDED = "backout_incidents_ended_total"
    BEGUN = "backout_plans_begun_total"
    DECISIONS = "backout_decisions_total"
    STEPS = "backout_step_outcomes_total"
    RETRIES = "backout_step_retries_total"
    DOUBTS = "backout_step_doubts_total"
    PAGES = "backout_pages_total"
    PAGED = "backout_page_deliveries_total"
    ACKNOWLEDGED = "backout_pages_acknowledged_total"
    RECOVERIES = "backout_recoveries_total"
    EVENTS = "backout_events_total"
    SLACK_CALLS = "backout_slack_calls_total"
    SLACK_LIMITED = "backout_slack_rate_limited_total"
    SLACK_RESTS = "backout_slack_rest_seconds_total"
    VIEWS = "backout_views_total"
    PHASES = "backout_phase_seconds"
    GATES = "backout_gate_seconds"
    ANSWERS = "backout_page_acknowledge_seconds"
    RESTORED = "backout_recovery_seconds"
    COMMITS = "backout_commit_seconds"
    SLACK_SECONDS = "backout_slack_call_seconds"
    VIEW_SECONDS = "backout_view_delay_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Something to count: `value` is added to a counter, or observed by a histogram."""

    name: Name
    labels: tuple[str, ...] = ()
    value: float = 1.0
