"""The control routes: what the panel shows, the ways to break things, who may use them."""

from __future__ import annotations

import time

import pytest
from aiohttp import ClientError, ClientSession

from sandbox.estate import Estate
from sandbox.estate.faults import Effect, Fault, Target
from sandbox.estate.resources import DEPLOYMENTS
from sandbox.estate.values import Object

PODS = "/api/v1/namespaces/production/pods"


async def _post(http: ClientSession, estate: Estate, name: str, **body: object) -> Object:
    answer = await http.post(f"{estate.url}/estate/api/{name}", json=body)
    result: Object = await answer.json()
    return result


async def test_the_state_has_what_the_panel_shows(http: ClientSession, estate: Estate) -> None:
    """Services with pods, revisions, traffic with its past, status page, scenarios, speed."""
    await _post(http, estate, "marks", phase="assess")
    state = await (await http.get(f"{estate.url}/estate/api/state")).json()
    assert len(state["services"]) == 18
    assert all(item["ready"] == item["desired"] for item in state["services"])
    assert [item["revision"] for item in state["history"]] == [41, 40, 39, 38]
    assert state["history"][1]["status"] == "failed"
    first, last = state["series"][0], state["series"][-1]
    assert last[0] - first[0] > 590
    assert state["health"]["status"] == "ok"
    assert state["statuspage"] == []
    assert state["speed"] == 60
    assert [mark["phase"] for mark in state["marks"]] == ["assess"]
    assert [item["id"] for item in state["scenarios"]] == ["bad_release"]


async def test_break_speed_and_reset(http: ClientSession, estate: Estate) -> None:
    """The buttons do what they say."""
    assert await _post(http, estate, "break", scenario="bad_release") == {
        "ok": True,
        "revision": 42,
    }
    assert (await _post(http, estate, "speed", speed=10))["ok"]
    assert estate.clock.speed == 10
    assert (await _post(http, estate, "reset"))["ok"]
    assert estate.state()["history"][0]["revision"] == 41


@pytest.mark.parametrize(
    ("name", "body", "problem"),
    [
        ("break", {"scenario": "flood"}, "There is no scenario 'flood'. Known: bad_release."),
        ("speed", {"speed": 0}, "speed must be a number"),
        ("marks", {}, "phase is missing"),
        ("fault", {"kind": "rain"}, "There is no fault of kind 'rain'"),
        ("fault", {"effect": "smoke"}, "'smoke' is not a valid Effect"),
        ("fault", {"effect": "down", "colour": 1}, "Unknown: colour"),
        ("fault", {"kind": "image", "behaviour": "x"}, "Known: healthy"),
        ("fault", {"kind": "revision_gone", "revision": 7}, "There is no revision 7"),
    ],
)
async def test_refusals_say_what_is_accepted(
    http: ClientSession, estate: Estate, name: str, body: Object, problem: str
) -> None:
    """A wrong request is answered with a sentence that helps."""
    assert problem in (await _post(http, estate, name, **body))["error"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
    ],
)
async def test_only_the_sandboxs_own_page_may_control_it(
    http: ClientSession, estate: Estate, headers: dict[str, str], code: int
) -> None:
    """A foreign origin, or a foreign name that resolves to loopback, is refused."""
    answer = await http.post(f"{estate.url}/estate/api/reset", json={}, headers=headers)
    assert answer.status == code
    own = {"Origin": estate.url}
    assert (await http.post(f"{estate.url}/estate/api/reset", json={}, headers=own)).status == 200


async def test_every_server_checks_the_host(http: ClientSession, estate: Estate) -> None:
    """The simulated servers too answer loopback names only."""
    for url in (estate.health_url, f"{estate.kubernetes_url}{PODS}", estate.prometheus_url):
        answer = await http.get(url, headers={"Host": "evil.example"})
        assert answer.status == 403


async def test_errors_come_in_the_servers_own_shape(http: ClientSession, estate: Estate) -> None:
    """A simulated 500 or 429 looks like the server's, as often as asked."""
    await _post(http, estate, "fault", effect="status", status=500, times=1)
    answer = await http.get(f"{estate.kubernetes_url}{PODS}")
    assert answer.status == 500
    assert (await answer.json())["reason"] == "InternalError"
    assert (await http.get(f"{estate.kubernetes_url}{PODS}")).status == 200
    limit = {"Retry-After": "1"}
    await _post(http, estate, "fault", effect="status", status=429, headers=limit)
    answer = await http.get(f"{estate.kubernetes_url}{PODS}")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    await _post(http, estate, "fault", target="prometheus", effect="status", status=503)
    answer = await http.get(f"{estate.prometheus_url}/api/v1/query?query=up")
    assert (await answer.json())["status"] == "error"
    await http.delete(f"{estate.url}/estate/api/fault")
    assert (await http.get(f"{estate.kubernetes_url}{PODS}")).status == 200


async def test_a_server_that_is_down(http: ClientSession, estate: Estate) -> None:
    """A cut connection is an error of the connection, not an answer."""
    await _post(http, estate, "fault", target="web", effect="down")
    with pytest.raises(ClientError):
        await http.get(estate.health_url)
    assert (await http.get(f"{estate.kubernetes_url}{PODS}")).status == 200


async def test_a_lost_reply_has_had_its_effect(http: ClientSession, estate: Estate) -> None:
    """The caller sees a broken connection, the cluster has made the change."""
    estate.faults.add(Fault(target=Target.KUBERNETES, effect=Effect.LOST_REPLY, method="PATCH"))
    url = f"{estate.kubernetes_url}/apis/apps/v1/namespaces/production/deployments/checkout/scale"
    with pytest.raises(ClientError):
        await http.patch(
            url,
            json={"spec": {"replicas": 1}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
    item = estate.cluster.store.get(DEPLOYMENTS, "production", "checkout")
    assert item is not None
    assert item["spec"]["replicas"] == 1


async def test_rights_images_and_revisions_can_be_broken(
    http: ClientSession, estate: Estate
) -> None:
    """A right taken away, an image spoiled, a revision lost or stuck: each by one call."""
    await _post(http, estate, "fault", kind="forbid", verb="list", resource="pods")
    assert (await http.get(f"{estate.kubernetes_url}{PODS}")).status == 403
    body = {"kind": "image", "service": "checkout", "behaviour": "ImagePullBackOff"}
    assert await _post(http, estate, "fault", **body) == {"ok": True}
    stuck = {"kind": "revision_status", "revision": 41, "status": "pending-upgrade"}
    assert await _post(http, estate, "fault", **stuck) == {"ok": True}
    assert await _post(http, estate, "fault", kind="revision_gone", revision=39) == {"ok": True}
    history = {item["revision"]: item["status"] for item in estate.state()["history"]}
    assert history == {41: "pending-upgrade", 40: "failed", 38: "superseded"}


async def test_requests_are_written_down(http: ClientSession, estate: Estate) -> None:
    """Each request is logged with server, method, path and time, and read from a point on."""
    before = time.monotonic()
    await http.get(f"{estate.kubernetes_url}{PODS}?limit=1")
    await http.get(estate.health_url)
    url = f"{estate.url}/estate/api/requests"
    entries = (await (await http.get(url)).json())["requests"]
    assert [(entry["server"], entry["method"], entry["path"]) for entry in entries] == [
        ("kubernetes", "GET", f"/kubernetes{PODS}?limit=1"),
        ("web", "GET", "/health"),
    ]
    assert all(entry["monotonic"] >= before for entry in entries)
    later = (await (await http.get(url, params={"since": "1"})).json())["requests"]
    assert [entry["number"] for entry in later] == [2]


async def test_the_same_seed_gives_the_same_estate(estate: Estate, tmp_path: object) -> None:
    """Pod names and identifiers don't change between runs."""
    first = [pod["name"] for item in estate.state()["services"] for pod in item["pods"]]
    twin = Estate(data=estate.kubeconfig.parent / "twin")
    twin.reset()
    second = [pod["name"] for item in twin.state()["services"] for pod in item["pods"]]
    assert first == second
