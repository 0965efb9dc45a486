"""Every metric that is counted as things happen: its name, what it means, its labels.

Names follow Prometheus' conventions: base units, `_total` for counters.  Labels are taken from
configuration and code (systems, actions, states, methods), never from incidents or people, so
that the number of series is bounded.
"""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from bot.metrics.samples import Name, Sample

MINUTE, HOUR = 60.0, 3600.0
PEOPLE = (
    5.0,
    15.0,
    30.0,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    24 * HOUR,
)
"""Upper bounds, in seconds, of what people take part in."""
MACHINES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds, in seconds, of what only machines take part in."""

COUNTERS: dict[Name, tuple[str, Sequence[str]]] = {
    Name.DECLARED: ("Incidents that were declared.", ("system", "by")),
    Name.ENDED: ("Incidents that ended.", ("system", "outcome")),
    Name.BEGUN: ("Plans that began, and on whose word.", ("system", "by")),
    Name.DECISIONS: (
        "Approvals, denials and withdrawals; refused ones had no effect.",
        ("system", "verb", "result"),
    ),
    Name.STEPS: ("Ways in which attempts of steps ended.", ("uses", "outcome")),
    Name.RETRIES: ("Attempts of steps beyond the first of a round.", ("uses",)),
    Name.DOUBTS: ("Attempts of which it was not known whether they took effect.", ("uses",)),
    Name.PAGES: ("Calls for people, by what was called.", ("system", "subject")),
    Name.PAGED: ("Ways in which people were called.", ("system", "via", "result")),
    Name.ACKNOWLEDGED: ("Incidents whose calls somebody answered.", ("system", "via")),
    Name.RECOVERIES: (
        "Recoveries by objective: restored within the target, within the limit, or beyond it.",
        ("system", "procedure", "objective", "result"),
    ),
    Name.EVENTS: ("Events that this process committed.", ("kind",)),
    Name.SLACK_CALLS: ("Calls of Slack's Web API.", ("method", "result")),
    Name.SLACK_LIMITED: ("Answers of Slack with status 429.", ("method",)),
    Name.SLACK_RESTS: ("Seconds that Slack wanted calls to wait.", ("method",)),
    Name.VIEWS: ("Cards and Homes that were sent to Slack, or given up.", ("view", "result")),
}
HISTOGRAMS: dict[Name, tuple[str, Sequence[str], Sequence[float]]] = {
    Name.PHASES: ("How long incidents stayed in a state.", ("system", "phase"), PEOPLE),
    Name.GATES: (
        "From asking for approvals until they stood, were denied, or came too late.",
        ("system", "scope", "outcome"),
        PEOPLE,
    ),
    Name.ANSWERS: ("From the first call for people until one answered.", ("system",), PEOPLE),
    Name.RESTORED: (
        "From the declaration until the plan's last check had passed.",
        ("system", "procedure"),
        PEOPLE,
    ),
    Name.COMMITS: ("How long a commit of the journal took.", (), MACHINES),
    Name.SLACK_SECONDS: ("How long Slack took to answer.", (), MACHINES),
    Name.VIEW_SECONDS: ("From a change until Slack had it on show.", ("view",), MACHINES),
}

EXPECTED = tuple(
    (Name.VIEWS, (view, result)) for view in ("card", "home") for result in ("sent", "given_up")
)
"""What is shown as 0 before the first: an alert on its increase would miss that."""


class Instruments:
    """The counters and histograms of one process, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(name, said, labels, registry=registry)
            for name, (said, labels) in COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(name, said, labels, registry=registry, buckets=buckets)
            for name, (said, labels, buckets) in HISTOGRAMS.items()
        }

        for name, labels in EXPECTED:
            self._counters[name].labels(*labels)

    def take(self, samples: Iterable[Sample]) -> None:
        """Count samples."""
        for sample in samples:
            if sample.name in self._counters:
                counter = self._counters[sample.name]
                (counter.labels(*sample.labels) if sample.labels else counter).inc(sample.value)
            else:
                histogram = self._histograms[sample.name]
                chosen = histogram.labels(*sample.labels) if sample.labels else histogram
                chosen.observe(sample.value)
