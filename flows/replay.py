"""Replay: the run that a history folds to.  What the snapshot says must be the same.

Called by `backout audit verify` and by the tests that keep old histories readable.
"""

from collections.abc import Iterable

from flows.decisions import NotDeclaredError, decide
from flows.events import Recorded
from flows.runs import Run


def replay(history: Iterable[Recorded]) -> Run:
    """Fold a history from its declaration on.  Raises `NotDeclaredError` for an empty one."""
    run: Run | None = None
    for recorded in history:
        run, _ = decide(run, recorded)
    if run is None:
        raise NotDeclaredError("there is no event")
    return run
