"""The status page accepts what Statuspage accepts, and refuses everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from sandbox.estate import Estate
from sandbox.estate.statuspage import TOKEN
from sandbox.estate.values import Object

OPEN: Object = {
    "name": "Service degradation",
    "status": "investigating",
    "impact_override": "major",
    "body": "We are returning to the previous version.",
}


@pytest.fixture
async def page(estate: Estate) -> AsyncIterator[ClientSession]:
    """A client with the page's token."""
    base = f"{estate.statuspage_url}/v1/pages/{estate.statuspage_page}/"
    async with ClientSession(base, headers={"Authorization": f"OAuth {TOKEN}"}) as session:
        yield session


async def test_an_incident_from_open_to_resolved(page: ClientSession) -> None:
    """Created, updated and resolved; the updates are kept, newest first."""
    answer = await page.post("incidents", json={"incident": OPEN})
    assert answer.status == 201
    made = await answer.json()
    assert (made["status"], made["impact"]) == ("investigating", "major")
    open_now = await (await page.get("incidents/unresolved")).json()
    assert [item["id"] for item in open_now] == [made["id"]]
    change = {"incident": {"status": "resolved", "body": "Back to normal."}}
    done = await (await page.patch(f"incidents/{made['id']}", json=change)).json()
    assert done["resolved_at"] is not None
    assert [item["status"] for item in done["incident_updates"]] == ["resolved", "investigating"]
    assert await (await page.get("incidents/unresolved")).json() == []
    assert len(await (await page.get("incidents", params={"q": "degradation"})).json()) == 1
    assert await (await page.get("incidents", params={"q": "other"})).json() == []


@pytest.mark.parametrize(
    ("incident", "problem"),
    [
        ({"status": "investigating"}, "Name can't be blank"),
        (OPEN | {"status": "broken"}, "Status must be one of"),
        (OPEN | {"impact_override": "huge"}, "Impact override must be one of"),
        (OPEN | {"colour": "red"}, "colour is not a known parameter"),
        (OPEN | {"body": 5}, "body must be of type str"),
        (OPEN | {"name": "x" * 201}, "Name is too long"),
    ],
)
async def test_bad_incidents(page: ClientSession, incident: Object, problem: str) -> None:
    """What is wrong is listed, with 422, and nothing is created."""
    answer = await page.post("incidents", json={"incident": incident})
    assert answer.status == 422
    assert any(text.startswith(problem) for text in (await answer.json())["error"])
    assert await (await page.get("incidents")).json() == []


async def test_the_body_must_be_json(page: ClientSession) -> None:
    """A form (as `curl -d` sends), broken JSON or a bare incident is refused."""
    form = await page.post("incidents", data={"incident[name]": "x"})
    broken = await page.post("incidents", data=b"{", headers={"Content-Type": "application/json"})
    bare = await page.post("incidents", json=OPEN)
    assert [form.status, broken.status, bare.status] == [400, 400, 422]


async def test_strangers_and_strange_places(estate: Estate, page: ClientSession) -> None:
    """A wrong token is 401; an unknown page or incident is 404."""
    url = f"{estate.statuspage_url}/v1/pages/xyz/incidents"
    wrong = await page.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
    other = await page.get(f"{estate.statuspage_url}/v1/pages/abc/incidents")
    missing = await page.patch("incidents/none", json={"incident": {}})
    assert [wrong.status, other.status, missing.status] == [401, 404, 404]


async def test_too_many_calls(estate: Estate, page: ClientSession) -> None:
    """Beyond a call a second, over a minute, the answer is 429."""
    estate.statuspage.calls_allowed = 2
    codes = [(await page.get("incidents")).status for _ in range(3)]
    assert codes == [200, 200, 429]
