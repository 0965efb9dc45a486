"""Keep a control plane running, so that tests which are run again and again need not start it.

    .venv/bin/python -m tests.real.bench

It prints what to export for the tests, and ends with Ctrl-C or with its standard input.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.real.bench import control_plane


def main() -> None:
    """Start it, say where it is, and wait."""
    with (
        tempfile.TemporaryDirectory(prefix="backout-bench-") as folder,
        control_plane.started(Path(folder)) as plane,
        suppress(KeyboardInterrupt),
    ):
        sys.stdout.write(f"export {control_plane.OFFERED}={plane.kubeconfig}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
