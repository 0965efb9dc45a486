"""`backout key` and `backout evidence`: what is kept apart from the journal, and its key."""

import asyncio
import sys
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import print_table, say

if TYPE_CHECKING:
    from adapters.evidence import EvidenceStore
    from config.settings import Settings

SEALED = ".sealed"


def key() -> ExitCode:
    """Print a new key."""
    from adapters.vault import make_key

    say(make_key())
    return ExitCode.OK


def evidence(name: str) -> ExitCode:
    """List an incident's evidence, or print one piece; a sealed one is opened with the key."""
    from bot.stores import evidence_of

    settings = ground.settings()
    store = evidence_of(settings)
    if "/" in name:
        _print_piece(settings, store, name)
    else:
        asyncio.run(_print_list(store, ground.incident_id(name)))
    return ExitCode.OK


async def _print_list(store: "EvidenceStore", incident: str) -> None:
    names = store.pieces(incident)
    if not names:
        raise CommandError(f"nothing is kept about {incident} in {store.place}")
    found = [await store.find(name) for name in names]
    print_table(["name", "bytes", "sha256"], [[e.name, str(e.size), e.sha256] for e in found if e])


def _print_piece(settings: "Settings", store: "EvidenceStore", name: str) -> None:
    content = asyncio.run(store.read(name))
    if name.endswith(SEALED):
        import json

        from bot.stores import vault_of

        opened = vault_of(settings).unseal(content.decode())
        say(json.dumps(opened, indent=2, ensure_ascii=False))
        return
    sys.stdout.buffer.write(content)
