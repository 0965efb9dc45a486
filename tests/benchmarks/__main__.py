"""`python -m tests.benchmarks [name …] [--json] [--write]`: all, or those that are named."""

from tests.benchmarks import (
    carrying,
    clicks,
    engine,
    flow,
    memory,
    reports,
    slack,
    starts,
    takeovers,
)
from tests.benchmarks.document import measuring

ALL = {
    "clicks": clicks.measure,
    "flow": flow.measure,
    "document": measuring.measure,
    "starts": starts.measure,
    "memory": memory.measure,
    "slack": slack.measure,
    "engine": engine.measure,
    "takeovers": takeovers.measure,
    "carrying": carrying.measure,
}


def main() -> None:
    """Measure one after the other."""
    able = dict(ALL)
    if not flow.able():
        able.pop("flow")
    if not measuring.able():
        able.pop("document")
    reports.run(able)


if __name__ == "__main__":
    main()
