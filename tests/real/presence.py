"""What a machine may lack: tests of the real tier skip there, and fail in CI.

A fixture that finds its component missing calls `missing`. tests/conftest.py shows, once and at the
end of the session, what was not there.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

ABSENT = "Not present here: "


def missing(name: str, reason: str) -> NoReturn:
    """Skip what needs this component, or fail in CI: `missing("helm4", "run make assets")`."""
    text = f"{ABSENT}{name} ({reason})"
    if os.environ.get("CI"):
        pytest.fail(f"{text}. In CI nothing of the real tier may be missing.", pytrace=False)
    pytest.skip(text)


def absences(terminal: pytest.TerminalReporter) -> list[str]:
    """Return what the session lacked, each once: `helm4 (run make assets)`."""
    texts = {
        report.longrepr[2]
        for report in terminal.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    }
    found = {text.partition(ABSENT)[2] for text in texts if ABSENT in text}
    return sorted(found)
