"""`backout key` and `backout evidence`: what is kept apart from the journal, and its key."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import print_table, say

if TYPE_CHECKING:
    from config.settings import Settings

SEALED = ".sealed"


def key() -> ExitCode:
    """Print a new key."""
    from adapters.vault import make_key

    say(make_key())
    return ExitCode.OK


def evidence(name: str) -> ExitCode:
    """List an incident's evidence, or print one piece; a sealed one is opened with the key."""
    settings = ground.settings()
    folder = settings.data / "evidence"
    if (folder / name).is_file():
        _print_piece(settings, name)
    else:
        _print_list(folder, ground.incident_id(name))
    return ExitCode.OK


def _print_list(folder: Path, incident: str) -> None:
    from adapters.evidence import EvidenceFolder

    kept = EvidenceFolder(folder)
    names = sorted(
        str(path.relative_to(folder)) for path in (folder / incident).rglob("*") if path.is_file()
    )
    if not names:
        raise CommandError(f"nothing is kept about {incident} in {folder}")
    found = [asyncio.run(kept.find(name)) for name in names]
    print_table(["name", "bytes", "sha256"], [[e.name, str(e.size), e.sha256] for e in found if e])


def _print_piece(settings: "Settings", name: str) -> None:
    from adapters.evidence import EvidenceFolder
    from adapters.vault import KeyVault

    content = asyncio.run(EvidenceFolder(settings.data / "evidence").read(name))
    if name.endswith(SEALED):
        import json

        vault = KeyVault([each.get_secret_value() for each in settings.capture_keys])
        say(json.dumps(vault.unseal(content.decode()), indent=2, ensure_ascii=False))
        return
    sys.stdout.buffer.write(content)
