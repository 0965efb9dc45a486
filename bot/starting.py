"""What makes a start short: what was checked before, and what can be got ready afterwards.

Called by `bot.wiring`.  A start after a crash in the middle of a rollback must not spend its time
on checking files again that have not changed since they were found right.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import adapters
import config
from adapters.aws import sessions
from adapters.http import exchanges
from adapters.kubernetes import connections
from adapters.registry import ActionRegistry
from config import checks
from config.loader import load_systems
from config.models.bundles import Bundle
from config.places import ConfigurationError
from config.settings import Settings
from flows import codec
from flows.engine import AwayError
from flows.opening import AnyEngine

log = logging.getLogger(__name__)
CHECKED = "checked"
OPENS_WITHIN = 60.0
OPENS_AGAIN = 3.0
HEAVY: Mapping[str, Callable[[], None]] = {
    "aws": sessions.warm_up,
    "helm": connections.warm_up,  # it asks the cluster what it may do
    "http": exchanges.warm_up,
    "kubernetes": connections.warm_up,
    "prometheus": exchanges.warm_up,
    "statuspage": exchanges.warm_up,
}


def load_checked(settings: Settings, registry: ActionRegistry) -> dict[str, Bundle]:
    """Load the systems and check them, unless these very files were found right before.

    Raises `ConfigurationError` with every problem and its place.
    """
    bundles = load_systems(settings.systems, settings.overlay)
    seal, known = _seal(settings), settings.data / CHECKED
    if not (known.is_file() and known.read_text(encoding="utf-8") == seal):
        problems = checks.check_all(bundles, registry)
        if problems:
            raise ConfigurationError(problems)
        settings.data.mkdir(parents=True, exist_ok=True)
        known.write_text(seal, encoding="utf-8")
    return {bundle.system.system: bundle for bundle in bundles}


def _seal(settings: Settings) -> str:
    """Return a hash of the systems' files and of the code that checks them."""
    digest = sha256()
    for path in _files(settings):
        digest.update(f"{path}\0".encode() + path.read_bytes())
    for path in _code():
        seen = path.stat()
        digest.update(f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files(settings: Settings) -> Iterator[Path]:
    yield from sorted(path for path in settings.systems.rglob("*") if path.is_file())
    if settings.overlay is not None:
        yield settings.overlay


def _code() -> Iterator[Path]:
    for package in (config, adapters):
        for folder in package.__path__:
            yield from sorted(Path(folder).rglob("*.py"))


async def opened(
    open_it: Callable[[], AnyEngine],
    *,
    within: float = OPENS_WITHIN,
    every: float = OPENS_AGAIN,
) -> AnyEngine:
    """Open the journal, and wait a while for a database that starts at the same time.

    Raises what `flows.opening.open_engine` raises; `AwayError` only after `within` seconds.
    """
    until = time.monotonic() + within
    while True:
        try:
            return open_it()
        except AwayError as error:
            left = until - time.monotonic()
            if left <= 0:
                raise
            log.warning("%s; it is tried for %.0f s more", error, left)
        await asyncio.sleep(min(every, left))


async def warm_up(bundles: Mapping[str, Bundle], registry: ActionRegistry) -> None:
    """Get ready, beside everything else, what the first incident would wait for."""
    await asyncio.to_thread(_warm_up, tuple(bundles.values()), registry)


def _warm_up(bundles: tuple[Bundle, ...], registry: ActionRegistry) -> None:
    codec.warm_up()
    for problem in checks.check_all(bundles, registry):  # compiles every expression and template
        log.error("%s", problem)
    for provider in _providers(bundles):
        HEAVY.get(provider, _nothing)()


def _providers(bundles: tuple[Bundle, ...]) -> set[str]:
    """Return the providers that the systems use: what none uses is never loaded."""
    steps = (step.uses for b in bundles for p in b.procedures.values() for step in p.steps())
    facts = (fact.uses for b in bundles for fact in b.policy.facts)
    return {uses.partition(".")[0] for uses in (*steps, *facts)}


def _nothing() -> None:
    """A provider without anything heavy."""
