"""The two stores of the engine, for benchmarks: durable ones, made empty, and thrown away."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from flows import migrating
from flows.opening import AnyEngine, Place, open_engine
from tests.conformance.kinds import EMBEDDED
from tests.real.processes import scratch
from tests.real.services.postgres import PostgresServer, account, database

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
EVERYTHING = "TRUNCATE backout.procrastinate_jobs CASCADE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An empty journal; `url` is None for SQLite."""

    folder: Path
    url: str | None = None

    def open(self) -> AnyEngine:
        """Open an engine on it."""
        return open_engine(Place(folder=self.folder, url=self.url))

    def forget(self, engine: AnyEngine) -> None:
        """Let nothing that was queued be performed."""
        if self.url is None:
            for queued in engine.due():
                engine.finish(queued, ())
            return
        with psycopg.connect(self.url) as connection:
            connection.execute(EVERYTHING)


class Stores:
    """Makes stores, on a PostgreSQL that keeps what it has committed."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._made = 0

    @contextmanager
    def empty(self, kind: str) -> Iterator[Store]:
        """Lend a store of a kind."""
        with ExitStack() as block:
            folder = Path(block.enter_context(TemporaryDirectory(prefix="backout-bench-")))
            if kind == EMBEDDED:
                yield Store(folder=folder / "journal")
                return
            self._made += 1
            made = block.enter_context(database(self._server, f"bench_{self._made}"))
            migrating.migrate(made.owner_dsn)
            yield Store(folder=folder, url=made.owner_dsn)


@contextmanager
def stores() -> Iterator[Stores]:
    """Start what they need."""
    with scratch("bench", owner=account()) as folder, TemporaryDirectory() as logs:
        server = PostgresServer(folder, log=Path(logs) / "log")
        server.create()
        server.configure(**DURABLE)
        with server.up():
            yield Stores(server)
