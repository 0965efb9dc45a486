"""What AIVO's matrix proposes from what its real facts see, also where some of them see nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from config import overlays
from config.loader import load_system
from config.settings import PACKAGED
from flows import events
from flows.assessing import Assessor
from flows.contexts import Workshop
from flows.decisions import decide
from flows.events import Actor, Event, Recorded
from flows.looks import Looks
from flows.runs import Run
from tests.flows.bench import declaration
from tests.flows.estate import NoMessenger, surroundings
from tests.flows.test_gates import START
from tests.servers import served

WELL = {
    "availability": 0.97,
    "error_ratio": 0.0004,
    "latency_p95_seconds": 0.3,
    "affected_users": 0,
    "database_connection_failures": 0,
    "login_success": 0.999,
    "payment_success": 0.998,
}
Figures = dict[str, float | str | None]


class Prometheus:
    """Answers a figure under its name, nothing under others, and hangs up where it is `cut`."""

    def __init__(self) -> None:
        self.figures: Figures = {}
        self.url = ""

    async def query(self, request: web.Request) -> web.Response:
        """Answer a query."""
        asked = (await request.post()).get("query") or request.query.get("query", "")
        figure = self.figures.get(str(asked).removeprefix("aivo:"))
        if figure == "cut":
            assert request.transport is not None
            request.transport.abort()
        sample = {"metric": {}, "value": [START.timestamp(), str(figure)]}
        result = [] if figure is None else [sample]
        return web.json_response(
            {"status": "success", "data": {"resultType": "vector", "result": result}}
        )


@pytest.fixture
async def prometheus() -> AsyncIterator[Prometheus]:
    """A Prometheus that answers what a test says."""
    server = Prometheus()
    app = web.Application()
    app.router.add_route("*", "/api/v1/query", server.query)
    async with served(app) as server.url:
        yield server


async def chosen(server: Prometheus, folder: Path, figures: Figures) -> tuple[Run, Event]:
    """Return the run with its facts, and what the matrix proposes: nobody sees a breach."""
    server.figures = {**WELL, **figures}
    overlay = folder / "overlay.yaml"
    url = server.url
    overlay.write_text(
        f"aivo: {{connections: {{prometheus: {{url: '{url}'}}}},"
        f" variables: {{health_url: '{url}/health'}}}}",
        encoding="utf-8",
    )
    bundle = load_system(PACKAGED / "aivo", overlays.load(overlay, ("aivo",)))
    clients = ClientPool()
    workshop = Workshop(surroundings=surroundings(folder), clients=clients, messenger=NoMessenger())
    assessor = Assessor(Looks(ActionRegistry(), {"aivo": bundle}, workshop))
    said = replace(
        declaration("INC-1", "aivo"), questions=(), answers={"security": False, "data": False}
    )
    run = told(None, said)
    try:
        for event in await assessor.gather(run):
            run = told(run, event)
    finally:
        await clients.close()
    return run, assessor.propose(run)


def told(run: Run | None, event: Event) -> Run:
    """Return the run after an event."""
    seq = run.seq + 1 if run else 1
    recorded = Recorded(
        seq=seq, at=START, actor=Actor(id="marcus", name="Marcus Rodriguez"), event=event
    )
    return decide(run, recorded)[0]


@pytest.mark.covers("AIVO-T10", "AIVO-T11", "AIVO-T12", "AIVO-S5")
@pytest.mark.parametrize(
    ("figures", "because"),
    [
        ({"database_connection_failures": 0.9}, "90 % of the database connections fail"),
        ({"login_success": 0.1, "payment_success": None}, "only 10 % of the logins succeed"),
        ({"payment_success": 0.3, "login_success": "cut"}, "only 30 % of the payments succeed"),
        (
            {"availability": 0.8, "login_success": None, "payment_success": None},
            "availability 80 % is below 90 %",
        ),
        ({"availability": None, "login_success": 0}, "only 0 % of the logins succeed"),
    ],
)
async def test_what_is_broken_is_named(
    prometheus: Prometheus, tmp_path: Path, figures: Figures, because: str
) -> None:
    """The service rollback is proposed for what is seen, whatever else is not."""
    _, proposal = await chosen(prometheus, tmp_path, figures)
    assert isinstance(proposal, events.ProcedureProposed)
    assert (proposal.procedure, proposal.because) == ("service", because)


@pytest.mark.covers("AIVO-T10", "AIVO-T11", "AIVO-T12")
async def test_unknown_figures_stay_unknown_and_block_nothing(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    """Three names that nobody records: people see that, and are led on to the gradual rollback."""
    lacking = dict.fromkeys(
        ("database_connection_failures", "login_success", "payment_success"), None
    )
    run, proposal = await chosen(prometheus, tmp_path, {**lacking})
    for name in ("database_failures", "login", "payments"):
        assert (run.facts[name].value, run.facts[name].ok) == (None, None)
        assert run.facts[name].shown == "unknown: no data for this query"
    assert isinstance(proposal, events.NothingProposed)
    assert "Gradual rollback" in proposal.why


async def test_without_availability_nothing_is_decided(
    prometheus: Prometheus, tmp_path: Path
) -> None:
    """That three other figures are fine does not say that the service is there."""
    _, proposal = await chosen(prometheus, tmp_path, {"availability": None})
    assert isinstance(proposal, events.NothingProposed)
    assert "It is unknown whether" in proposal.why
