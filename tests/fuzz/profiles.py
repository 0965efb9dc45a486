"""How hard to search: a bounded and repeatable part everywhere, as long as wanted by `make fuzz`.

FUZZ_EXAMPLES names the number of examples of each test; hypothesis then draws new ones at every
run, keeps those that failed in `.hypothesis`, and prints a `@reproduce_failure` line for them.
"""

import os

from hypothesis import HealthCheck, settings

from config import expressions

expressions.compile_expression("true")  # raises the recursion limit, which hypothesis would mind
WANTED = os.environ.get("FUZZ_EXAMPLES", "")


def bounded(examples: int) -> settings:
    """Return settings: so many examples, always the same, or as many as FUZZ_EXAMPLES says."""
    return settings(
        max_examples=int(WANTED or examples),
        derandomize=not WANTED,
        print_blob=True,
        deadline=None,
        # What is expensive to set up is set up once a test, and looked after by the test itself.
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
