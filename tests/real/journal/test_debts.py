"""What an emergency owes, in a shared journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flows import migrating
from flows.runs import Debt, Run
from flows.shared.connections import Line
from flows.shared.journal import SharedJournal
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle
from tests.real.services.postgres import PostgresDatabase


async def waiting(folder: Path, url: str) -> Run:
    """Return a run that waits for its approvals."""
    bench = Bench(folder, Estate(), bundle(), url)
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    await bench.stop()
    return run


async def test_an_unpaid_review_is_found_and_a_paid_one_is_not(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    """A system that owes one refuses the next break-glass: the query decides that."""
    migrating.migrate(postgres.owner_dsn)
    run = await waiting(tmp_path, postgres.owner_dsn)
    assert run.gate is not None
    journal = SharedJournal(Line(postgres.owner_dsn))
    assert journal.unreviewed("shop") == ()
    with journal.transaction():
        journal.keep_run(replace(run, debt=Debt(gate=run.gate)))
    assert [each.id for each in journal.unreviewed("shop")] == ["INC-1"]
    assert journal.unreviewed("other") == ()
    with journal.transaction():
        journal.keep_run(replace(run, debt=Debt(gate=run.gate, paid_at=datetime.now(UTC))))
    assert journal.unreviewed("shop") == ()
    journal.close()
