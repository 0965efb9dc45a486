"""Events v2: what is taken, what is refused, and what becomes of an alert."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.pagerduty.conftest import Client, event, payload


async def test_an_event_is_taken(client: Client) -> None:
    """It answers as PagerDuty does, and the phone of whom the alert names begins to ring."""
    status, said = await client.send(event())
    assert (status, said["status"], said["dedup_key"]) == (202, "success", "INC-1:level:1")
    (incident,) = client.duty.desk.incidents
    assert incident.status == "triggered"
    assert list(incident.calls) == ["PEMILY"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (event(routing_key=None), "'routing_key' is missing or blank"),
        (event(routing_key="short"), "should be 32 characters"),
        (event(routing_key="x" * 32), "Invalid routing key"),
        (event(event_action=None), "'event_action' must be one of"),
        (event(event_action="snooze"), "'event_action' must be one of"),
        (event(dedup_key="k" * 256), "'dedup_key' must be"),
        (event("resolve", dedup_key=None), "'dedup_key' is missing"),
        (event(payload=None), "'payload' is missing"),
        (event(routing="x"), "unknown field 'routing'"),
        (event(links=[{"text": "no address"}]), "with 'href'"),
        (payload(summary="s" * 1025), "longer than 1024"),
        (payload(summary=" "), "'payload.summary' is missing"),
        (payload(source=None), "'payload.source' is missing"),
        (payload(severity="high"), "'payload.severity' must be one of"),
        (payload(detail="x"), "unknown field 'payload.detail'"),
        (payload(custom_details="x"), "must be an object"),
        (payload(timestamp="2026-11-21T10:00:00"), "with a zone"),
        (["an event"], "no JSON object"),
    ],
)
async def test_a_wrong_event_is_refused(client: Client, body: Any, why: str) -> None:
    """Each with 400, and a sentence that names the field; nothing rings."""
    status, said = await client.send(body)
    assert (status, said["status"]) == (400, "invalid event")
    assert any(why in each for each in said["errors"]), said
    assert client.duty.desk.incidents == []


async def test_the_longest_summary_is_taken(client: Client) -> None:
    """1,024 characters are not too many."""
    assert (await client.send(payload(summary="s" * 1024)))[0] == 202


async def test_too_many_events_a_minute(client: Client) -> None:
    """429 with the time after which more are welcome; what came before stays."""
    client.duty.allowance.most = 2
    assert [(await client.send(event()))[0] for _ in range(3)] == [202, 202, 429]
    assert len(client.duty.desk.incidents) == 1


async def test_a_repeat_joins_the_alert_and_rings_again(client: Client) -> None:
    """One key is one incident until it is resolved; then it is a new one."""
    await client.send(event())
    (first,) = client.duty.desk.incidents
    assert client.duty.desk.let_ring(first, first.calls["PEMILY"].user)
    assert first.calls["PEMILY"].left
    await client.send(event())
    call = first.calls["PEMILY"]
    assert (call.times, call.left) == (2, False)
    await client.send(event("resolve"))
    await client.send(event())
    assert [each.status for each in client.duty.desk.incidents] == ["resolved", "triggered"]


async def test_acknowledged_it_does_not_ring_again(client: Client) -> None:
    """An acknowledgement by the integration names nobody; a later trigger wakes nobody."""
    await client.send(event())
    await client.send(event("acknowledge"))
    (incident,) = client.duty.desk.incidents
    await client.send(event())
    assert (incident.status, incident.calls["PEMILY"].times) == ("acknowledged", 1)
    assert incident.answers[0].user is None


async def test_what_is_not_open_is_left_alone(client: Client) -> None:
    """PagerDuty takes an event for an unknown key, and does nothing."""
    assert (await client.send(event("acknowledge", key="nobody knows")))[0] == 202
    assert client.duty.desk.incidents == []


async def test_whom_nobody_names_the_first_on_call_is_rung(client: Client) -> None:
    """An alert without people is nobody's in particular, and must ring somewhere."""
    await client.send(payload(custom_details=None))
    assert list(client.duty.desk.incidents[0].calls) == ["PMARCUS"]
