"""Where the bench finds its programs: the control plane, kubectl and the two Helms.

They are built by `make assets`. Called by the fixtures of tests/real/conftest.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.real.presence import missing

BUILDER = Path(__file__).resolve().parents[3] / ".ci" / "assets"


def program(name: str) -> Path:
    """Return the path of one program; skip what needs it where it is not there."""
    path = folder() / name
    if not path.is_file():
        missing(name, f"it is not in {folder()}: run `make assets`")
    return path


@cache
def folder() -> Path:
    """Return KUBEBUILDER_ASSETS, or the folder that `make assets` fills."""
    if given := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(given)
    said = subprocess.run(
        [sys.executable, BUILDER, "--where"], capture_output=True, text=True, check=True
    )
    return Path(said.stdout.strip())
