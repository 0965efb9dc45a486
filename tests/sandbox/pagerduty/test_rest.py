"""REST: who answered, who that is, and who may ask."""

from __future__ import annotations

import pytest

from tests.sandbox.pagerduty.conftest import Client, event


async def answered(client: Client) -> str:
    """Let Emily acknowledge an incident; return its id."""
    await client.send(event())
    (incident,) = client.duty.desk.incidents
    assert client.duty.desk.acknowledge(incident, incident.calls["PEMILY"].user)
    return incident.id


async def test_the_incident_of_a_key_says_who_acknowledged(client: Client) -> None:
    """As an answer to the question that Backout asks every few seconds."""
    given = await answered(client)
    query = "/incidents?incident_key=INC-1:level:1&statuses[]=acknowledged&statuses[]=resolved"
    status, body = await client.get(query)
    assert (status, body["more"]) == (200, False)
    (incident,) = body["incidents"]
    assert incident["id"] == given
    assert incident["acknowledgements"][0]["acknowledger"]["id"] == "PEMILY"
    assert incident["last_status_change_by"]["type"] == "user_reference"
    assert (await client.get("/incidents?statuses[]=triggered"))[1]["incidents"] == []
    assert (await client.get("/incidents?incident_key=other"))[1]["incidents"] == []
    assert (await client.get(f"/incidents/{given}"))[1]["incident"]["status"] == "acknowledged"


async def test_the_log_says_what_happened_newest_first(client: Client) -> None:
    """Opened by the integration, told to Emily, acknowledged by Emily."""
    given = await answered(client)
    _, body = await client.get(f"/incidents/{given}/log_entries")
    kinds = [each["type"] for each in body["log_entries"]]
    assert kinds == ["acknowledge_log_entry", "notify_log_entry", "trigger_log_entry"]
    assert body["log_entries"][0]["agent"]["id"] == "PEMILY"
    _, body = await client.get(f"/incidents/{given}/log_entries?limit=1&offset=1")
    assert ([e["type"] for e in body["log_entries"]], body["more"]) == (["notify_log_entry"], True)


async def test_people_have_addresses(client: Client) -> None:
    """By which Backout knows them."""
    _, body = await client.get("/users/PEMILY")
    assert body["user"]["email"] == "emily.watson@aivo.edu"
    assert len((await client.get("/users"))[1]["users"]) == 7


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/users", {"Authorization": "Token token=wrong"}, 401),
        ("/users", {"Authorization": "Bearer sandbox-rest-key"}, 401),
        ("/users", {"Accept": "application/json"}, 400),
        ("/incidents?statuses[]=open", {}, 400),
        ("/incidents?status=acknowledged", {}, 400),
        ("/incidents?limit=1000", {}, 400),
        ("/incidents?limit=few", {}, 400),
        ("/incidents/Q404", {}, 404),
        ("/incidents/Q404/log_entries", {}, 404),
        ("/users/P404", {}, 404),
    ],
)
async def test_a_wrong_question_is_refused(
    client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    """With PagerDuty's code, in PagerDuty's wrapping."""
    got, body = await client.get(path, **headers)
    assert got == status
    assert body["error"]["message"]
    assert isinstance(body["error"]["code"], int)


async def test_too_many_questions_a_minute(client: Client) -> None:
    """429, and nothing is told."""
    client.duty.rest.allowance.most = 1
    assert [(await client.get("/users"))[0] for _ in range(2)] == [200, 429]
