"""Paths of an Ingress move from one colour's Service to the other's on the real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import Holds, NotYet, PermanentError, Refuted, TransientError
from tests.adapters.uses import Use
from tests.real.bench import manifests
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults
from tests.real.kubernetes.colours import KEY, REAL_PATCH, coloured, pods_ready, serving, until

Json = Any
Uses = Callable[..., Use]
HOST = "app.example.com"


def service(colour: str) -> Json:
    """Return the Service of one colour, with two ports."""
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "metrics", "port": 9090, "targetPort": 9090},
    ]
    return manifests.service(f"board-{colour}", selector={"app": "board", KEY: colour}, ports=ports)


def path(path: str, to: str, port: Json = None) -> Json:
    """Return one path."""
    backend = {"service": {"name": to, "port": port or {"number": 80}}}
    return {"path": path, "pathType": "Prefix", "backend": backend}


def ingress(*paths: Json, default: str = "board-green") -> Json:
    """Return an Ingress with these paths, those of any host after them, and a default backend."""
    rules = [
        {"host": HOST, "http": {"paths": list(paths)}},
        {"http": {"paths": [path("/", "board-green", {"name": "http"})]}},
    ]
    backend = {"service": {"name": default, "port": {"number": 80}}}
    return manifests.ingress("board", rules=rules, defaultBackend=backend)


@pytest.fixture
async def board(cluster: Cluster) -> Cluster:
    """An Ingress whose traffic goes to green, but for the documentation."""
    cluster.apply(
        *(service(colour) for colour in ("green", "blue")),
        *(coloured("board", colour) for colour in ("green", "blue")),
        ingress(path("/", "board-green"), path("/api", "board-green"), path("/docs", "docs")),
    )
    await cluster.settled("board-green", "board-blue")
    names = ("board-green", "board-blue")
    await until(lambda: [serving(cluster, name) for name in names] == [2, 2])
    return cluster


def goes(cluster: Cluster) -> list[str]:
    """Return where everything goes: the default backend first."""
    spec = cluster.get("ingress", "board")["spec"]
    backends = [spec["defaultBackend"]]
    backends += [each["backend"] for rule in spec["rules"] for each in rule["http"]["paths"]]
    return [each["service"]["name"] for each in backends]


ALL_GREEN = ["board-green", "board-green", "board-green", "docs", "board-green"]
ALL_BLUE = [name.replace("green", "blue") for name in ALL_GREEN]


def all_to_blue(make: Uses, **more: Json) -> Use:
    """Return the change of every path of green to blue."""
    inputs = {"all": True, "current": "board-green", **more}
    return make("kubernetes.patch_ingress_backend", ingress="board", to="board-blue", **inputs)


def paths_to_blue(make: Uses, *paths: str, **more: Json) -> Use:
    """Return the change of some paths of the host."""
    inputs = {"paths": [{"host": HOST, "path": each} for each in paths], **more}
    return make("kubernetes.patch_ingress_backend", ingress="board", to="board-blue", **inputs)


async def test_every_path_goes_to_the_other_colour_and_back(board: Cluster, use: Uses) -> None:
    """All paths of green, the default backend too; other Services keep theirs."""
    change = all_to_blue(use)
    preview = await change.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes][:2] == [
        (
            "the default backend",
            "board-green:80 (2 ready endpoints)",
            "board-blue:80 (2 ready endpoints)",
        ),
        (
            f"{HOST}/",
            "board-green:80 (2 ready endpoints)",
            "board-blue:80 (2 ready endpoints)",
        ),
    ]
    assert (len(preview.changes), preview.touches, preview.warnings) == (4, 1, ())
    assert goes(board) == ALL_GREEN
    await change.apply()
    done = await change.outcome()
    assert isinstance(done, Holds)
    assert done.output["ready"] == 2
    assert done.output["backends"]["any host/"] == "board-blue:http"
    assert goes(board) == ALL_BLUE
    assert (await change.preview()).in_place
    assert isinstance(await all_to_blue(use).verify(), Holds)
    assert f"{HOST}/api to board-green:80" in await change.undo()
    assert goes(board) == ALL_GREEN
    assert "as it did already" in await change.undo()


@pytest.mark.usefixtures("board")
async def test_changing_against_a_failing_api_server(gateway: Gateway, use_through: Uses) -> None:
    """Refusals, missing and lost answers become what they are."""
    await faults.check(all_to_blue(use_through), gateway)


async def test_some_paths_and_another_port(board: Cluster, use: Uses) -> None:
    """Named paths move, with a port of their own; what stays with green is told."""
    change = paths_to_blue(use, "/api", port="metrics")
    preview = await change.preview()
    assert preview.changes[0].after == "board-blue:metrics (2 ready endpoints)"
    (told,) = preview.warnings
    assert told.endswith(f"still go to board-green: the default backend, {HOST}/, any host/.")
    await change.apply()
    assert isinstance(await change.outcome(), Holds)
    assert goes(board)[2] == "board-blue"
    await change.undo()
    assert goes(board) == ALL_GREEN


async def test_paths_that_disagree_are_not_changed(board: Cluster, use: Uses) -> None:
    """What is live is not clear then: an unknown colour stops it."""
    with pytest.raises(PermanentError, match=r"docs: app.example.com/docs\), so it is not clear"):
        await paths_to_blue(use, "/api", "/docs").preview()
    with pytest.raises(PermanentError, match="Not board-green has the traffic of all"):
        await paths_to_blue(use, "/api", "/docs", current="board-green").preview()
    assert (await paths_to_blue(use, "/api", "/docs", mixed=True).preview()).touches == 1
    board.apply(ingress(path("/", "board-green"), path("/api", "board-blue")))
    with pytest.raises(PermanentError, match="so it is not clear what is live"):
        await all_to_blue(use).preview()
    await all_to_blue(use, mixed=True).preview()


async def test_what_is_not_there_is_named(board: Cluster, use: Uses) -> None:
    """A misspelt path, port, Service and Ingress."""
    with pytest.raises(PermanentError, match=r"no path app.example.com/apis\. It has the default"):
        await paths_to_blue(use, "/apis").preview()
    with pytest.raises(PermanentError, match="board-blue has no port 8080"):
        await paths_to_blue(use, "/api", port=8080).preview()
    board.delete("service", "board-blue")
    with pytest.raises(PermanentError, match="There is no services board-blue"):
        await paths_to_blue(use, "/api").preview()
    board.apply(service("blue"))
    with pytest.raises(PermanentError, match="No path of board goes to board-red or board-blue"):
        await all_to_blue(use, current="board-red").preview()


async def test_a_service_without_enough_ready_pods_gets_no_traffic(
    board: Cluster, use: Uses
) -> None:
    """Blue needs as many as green has, or as many as is said."""
    board.patch("deployment", "board-blue", {"spec": {"replicas": 1}})
    await until(lambda: pods_ready(board, "board", "blue") == (1, 1))
    await all_to_blue(use, at_least=1).preview()
    with pytest.raises(PermanentError, match=r"board-blue has 1 ready endpoint .*, and needs 2"):
        await all_to_blue(use).preview()


async def test_what_is_drift_and_what_is_not(board: Cluster, use: Uses) -> None:
    """A path more that goes to green is drift, and so is blue's selector; labels are none."""
    change = all_to_blue(use)
    before = (await change.preview()).fingerprint
    board.patch("ingress", "board", {"metadata": {"labels": {"team": "board"}}})
    board.patch("deployment", "board-blue", {"spec": {"replicas": 3}})
    assert (await change.preview()).fingerprint == before
    paths = [path("/new", "docs"), path("/", "board-green"), path("/api", "board-green")]
    board.apply(ingress(*paths))
    assert (await change.preview()).fingerprint == before
    board.apply(ingress(*paths, path("/admin", "board-green")))
    assert (await change.preview()).fingerprint != before


async def test_a_change_right_before_the_request_is_not_overwritten(
    board: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """The paths moved in the list: the test in the patch fails, and nothing is changed."""
    gateway.before(
        lambda: board.apply(ingress(path("/new", "docs"), path("/", "board-green"))),
        method="PATCH",
        path=REAL_PATCH,
    )
    change = all_to_blue(use_through)
    with pytest.raises(PermanentError, match="no longer what it was"):
        await change.apply()
    assert goes(board) == ["board-green", "docs", "board-green", "board-green"]
    assert isinstance(await change.verify(), Refuted)


async def test_paths_are_found_wherever_they_stand(board: Cluster, use: Uses) -> None:
    """Another path came first after the capture: the right ones are changed, and put back."""
    change = all_to_blue(use)
    change.captured = await change.action.capture(change.inputs, change.context)
    paths = [path("/new", "docs"), path("/", "board-green"), path("/api", "board-green")]
    board.apply(ingress(*paths))
    await change.action.apply(change.inputs, change.captured, change.context)
    assert goes(board) == ["board-blue", "docs", "board-blue", "board-blue", "board-blue"]
    await change.undo()
    assert goes(board) == ["board-green", "docs", "board-green", "board-green", "board-green"]


async def test_undo_does_not_overwrite_what_somebody_chose_since(board: Cluster, use: Uses) -> None:
    """A third Service stays, and no path is touched."""
    change = all_to_blue(use)
    await change.apply()
    board.apply(ingress(path("/", "board-blue"), path("/api", "docs"), default="board-blue"))
    with pytest.raises(PermanentError, match=r"changed app.example.com/api .*: it goes to docs:80"):
        await change.undo()
    assert goes(board)[:3] == ["board-blue", "board-blue", "docs"]
    board.apply(ingress(path("/", "board-blue"), default="board-blue"))
    with pytest.raises(PermanentError, match=r"changed app.example.com/api meanwhile: it is gone"):
        await change.undo()


async def test_undo_waits_until_the_old_pods_can_take_the_traffic(
    board: Cluster, use: Uses
) -> None:
    """Green was scaled to 0 meanwhile: traffic stays on blue until green is ready again."""
    change = all_to_blue(use)
    await change.apply()
    board.patch("deployment", "board-green", {"spec": {"replicas": 0}})
    await until(lambda: pods_ready(board, "board", "green") == (0, 0))
    await until(lambda: serving(board, "board-green") == 0)
    with pytest.raises(TransientError, match="Nothing is ready behind board-green"):
        await change.action.undo(change.inputs, change.captured, change.context)
    assert goes(board) == ALL_BLUE
    board.patch("deployment", "board-green", {"spec": {"replicas": 1}})
    await until(lambda: serving(board, "board-green") == 1)
    while "board-green" not in goes(board):
        await change.undo()
    assert goes(board) == ALL_GREEN


async def test_it_holds_only_with_ready_endpoints(board: Cluster, use: Uses) -> None:
    """Too few pods of blue right after the change are waited for; a path elsewhere refutes it."""
    change = all_to_blue(use)
    await change.apply()
    assert isinstance(await change.outcome(), Holds)
    board.patch("deployment", "board-blue", {"spec": {"replicas": 1}})
    await until(lambda: serving(board, "board-blue") == 1)
    verdict = await change.verify()
    assert isinstance(verdict, NotYet)
    assert verdict.progress == "board-blue: ready 1/2"
    board.apply(ingress(path("/late", "board-green"), default="board-blue"))
    refuted = await change.verify()
    assert isinstance(refuted, Refuted)
    assert f"{HOST}/late to board-green:80" in refuted.why
    board.delete("ingress", "board")
    gone = await change.verify()
    assert isinstance(gone, Refuted)
    assert gone.why == "there is no Ingress board any more"
