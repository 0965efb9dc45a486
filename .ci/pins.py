"""Pin every dependency with its hashes, so that an install today and one in a year are the same.

Run by `make pins`. Writes one file for the bot itself, one for the build backend, and one for each
extra of pyproject.toml that holds only what the extra adds: a person installs
`-r constraints/runtime.txt -r constraints/aws.txt`. All files agree on every version, because
everything is resolved together first.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "constraints"
HEADER = "# Written by `make pins`. Do not edit: change pyproject.toml and run it again.\n"
PYTHON = "3.11"  # the oldest that pyproject.toml allows; newer ones are covered by markers
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s\\;]+)")
FOREIGN = re.compile(r"://|@ file:|^ *--?(?!hash=)[a-z]", re.MULTILINE)  # only hashes are welcome

Entries = dict[str, str]  # "name==version ; marker" -> its whole text with hashes


class PinsError(RuntimeError):
    """The resolver failed, or its answer holds something that must not be committed."""


def main() -> None:
    """Resolve everything together, then write what each group adds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["project"]["dependencies"]
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    backend = project["build-system"]["requires"]
    everything = [*runtime, *backend, *(line for group in extras.values() for line in group)]
    with tempfile.TemporaryDirectory() as folder:
        agreed = Path(folder) / "agreed.txt"
        agreed.write_text(compile_pins(everything, hashes=False), encoding="utf-8")
        base = entries(compile_pins(runtime, agreed=agreed))
        write("runtime", base)
        for name, lines in {"build": backend, **extras}.items():
            added = entries(compile_pins([*runtime, *lines], agreed=agreed))
            write(name, {key: text for key, text in added.items() if key not in base})


def compile_pins(lines: Iterable[str], *, agreed: Path | None = None, hashes: bool = True) -> str:
    """Resolve requirement lines for every supported platform and Python at once."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--universal"]
    command += ["--python-version", PYTHON, "--no-header", "--no-annotate"]
    command += ["--generate-hashes"] if hashes else []
    command += ["--constraint", str(agreed)] if agreed else []
    return run(command, "\n".join(lines))


def run(command: Sequence[str], text: str) -> str:
    """Run the resolver outside the project, so that none of its files changes the answer."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, input=text, text=True, cwd=folder, capture_output=True, check=False
        )
    if done.returncode != 0:
        raise PinsError(f"uv could not resolve the dependencies:\n{done.stderr}")
    return done.stdout


def entries(text: str) -> Entries:
    """Split a resolver's answer into one text for each pinned distribution."""
    found: Entries = {}
    key = ""
    for line in text.splitlines():
        if ENTRY.match(line):
            key = line.removesuffix("\\").strip()
            found[key] = line
        elif key and line.strip():
            found[key] += "\n" + line
    return found


def write(name: str, group: Entries) -> None:
    """Write one file, refusing what names an index or a place on this machine."""
    text = HEADER + "".join(f"{entry}\n" for entry in group.values())
    if foreign := FOREIGN.search(text):
        raise PinsError(f"{name}: the resolver wrote {foreign[0]!r}; remove that source first")
    (PINS / f"{name}.txt").write_text(text, encoding="utf-8")
    print(f"constraints/{name}.txt: {len(group)} pinned")


if __name__ == "__main__":
    try:
        main()
    except PinsError as error:
        sys.exit(str(error))
