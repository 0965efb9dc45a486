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
        (OPEN | {"component_ids": ["c9"]}, "Component c9 does not exist"),
        (OPEN | {"components": {"c0sign0in004": "tired"}}, "Component status must be one of"),
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


async def test_components_and_what_incidents_make_of_them(page: ClientSession) -> None:
    """They are listed in pages; an incident sets and keeps those that it names."""
    first = await (await page.get("components", params={"page": "1", "per_page": "3"})).json()
    rest = await (await page.get("components", params={"page": "2", "per_page": "3"})).json()
    assert [len(first), len(rest)] == [3, 1]
    assert {each["status"] for each in first + rest} == {"operational"}
    ids = [each["id"] for each in first[1:]]
    hit = OPEN | {"component_ids": ids, "components": dict.fromkeys(ids, "partial_outage")}
    made = await (await page.post("incidents", json={"incident": hit})).json()
    assert [each["status"] for each in made["components"]] == ["partial_outage"] * 2
    better = {"components": {ids[0]: "operational"}}
    done = await (await page.patch(f"incidents/{made['id']}", json={"incident": better})).json()
    assert [each["status"] for each in done["components"]] == ["operational", "partial_outage"]
    listed = await (await page.get("components")).json()
    assert [each["status"] for each in listed].count("partial_outage") == 1
    strange = await page.get("components", params={"per_page": "0"})
    assert strange.status == 400


async def test_customers_see_it(estate: Estate, page: ClientSession) -> None:
    """The page tells what is open, with all updates, newest first; texts stay texts."""
    address = f"{estate.url}/status"
    calm = await (await page.get(address)).text()
    assert "All systems operational" in calm
    assert "Sign-in" in calm
    assert "Open incidents" not in calm
    ids = ["c0checkout03"]
    hit = OPEN | {
        "name": "Trouble <script>alert(1)</script>",
        "component_ids": ids,
        "components": {"c0checkout03": "major_outage"},
    }
    made = await (await page.post("incidents", json={"incident": hit})).json()
    change = {"incident": {"status": "monitoring", "body": "It is better & we watch."}}
    await page.patch(f"incidents/{made['id']}", json=change)
    shown = await (await page.get(address)).text()
    assert "Our services are down" in shown, "a component that is out is worse than the incident"
    assert "<script>" not in shown
    assert "Trouble &lt;script&gt;alert(1)&lt;/script&gt;" in shown
    newest, oldest = shown.index("It is better &amp; we watch."), shown.index("returning to the")
    assert newest < oldest < shown.index("Past incidents")
    back = {"status": "resolved", "body": "Done.", "components": {"c0checkout03": "operational"}}
    await page.patch(f"incidents/{made['id']}", json={"incident": back})
    after = await (await page.get(address)).text()
    assert "All systems operational" in after
    assert after.index("Past incidents") < after.index("Trouble &lt;script&gt;")
    style = await page.get(f"{address}/style.css")
    assert (style.status, style.content_type) == (200, "text/css")
