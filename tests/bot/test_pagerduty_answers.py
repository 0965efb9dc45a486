"""Answers given in PagerDuty: looked for, told by webhook, and whose they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.pagerduty.answers import Answerer
from adapters.pagerduty.calls import Calls, PassingError
from adapters.pagerduty.signatures import HEADER, is_signed, sign
from bot.acknowledging import Acknowledging
from bot.web.pagerduty import MOST_BYTES, PATH
from bot.web.site import serve
from flows.engine import AwayError
from flows.events import PageAcknowledged
from tests.adapters.pagerduty_stub import KEY, OTHER_KEY, Stub
from tests.bot.duty import SECRET, Duty

Make = Callable[..., Duty]
TOKEN, HOOK = {"token": "env:DUTY_TOKEN"}, {"webhook_secret": "env:DUTY_HOOK"}


async def ringing(make: Make, **connection: Any) -> Duty:
    """Declare, and wait until level 1 rings."""
    home = make(**connection)
    home.declare()
    await home.wait(1)
    return home


def answered(home: Duty) -> tuple[str, str] | None:
    """Return who has acknowledged, and how."""
    found = home.run.acknowledged
    return (found.person.id, found.via) if found else None


async def test_an_answer_in_pagerduty_is_found(duty: Make, stub: Stub) -> None:
    """By e-mail address, however it is written; nobody else is called."""
    home = await ringing(duty, **TOKEN)
    await home.duty.look()
    assert answered(home) is None
    stub.answer(stub.of(1), "PEMILY")
    await home.duty.look()
    assert answered(home) == ("emily-watson", "pagerduty")
    assert home.run.acknowledged is not None
    assert home.run.acknowledged.person.slack == "UEMIL"
    await home.wait(3600)
    assert [page.subject for page in home.run.pages] == ["level:1"]
    asked = stub.requests.count("GET incidents")
    await home.duty.look()
    assert stub.requests.count("GET incidents") == asked, "there is nothing left to look for"


async def test_whoever_resolved_it_there_is_there_as_well(duty: Make, stub: Stub) -> None:
    """A person's word ends the calls, one of a service does not."""
    home = await ringing(duty, **TOKEN)
    stub.of(1).status = "resolved"
    await home.duty.look()
    assert answered(home) is None
    stub.answer(stub.of(1), "PEMILY", status="resolved")
    await home.duty.look()
    assert answered(home) == ("emily-watson", "pagerduty")


@pytest.mark.parametrize(
    ("user", "name"), [("PSTRANGER", "Robin Contractor"), ("PDELETED", "PDELETED")]
)
async def test_a_stranger_is_there_and_may_nothing(
    duty: Make, stub: Stub, user: str, name: str
) -> None:
    """An address that people.yaml does not know, or a user who is gone, has no role."""
    home = await ringing(duty, **TOKEN)
    stub.answer(stub.of(1), user)
    await home.duty.look()
    assert home.run.acknowledged is not None
    person = home.run.acknowledged.person
    assert (person.id, person.name, person.roles) == (f"pagerduty:{user}", name, ())


@pytest.mark.parametrize("status", [429, 500, 401])
async def test_a_look_that_fails_is_made_again(duty: Make, stub: Stub, status: int) -> None:
    """Whatever PagerDuty answers, the next look finds who is there."""
    home = await ringing(duty, **TOKEN)
    stub.answer(stub.of(1), "PEMILY")
    stub.fault(status, times=1)
    await home.duty.look()
    assert answered(home) is None
    await home.wait(15)
    await home.duty.look()
    assert answered(home) == ("emily-watson", "pagerduty")


async def test_a_key_that_is_not_set_is_told_and_looks_at_nothing(
    duty: Make, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the reference."""
    home = await ringing(duty, token="env:DUTY_UNSET")
    await home.duty.look()
    assert "env:DUTY_UNSET is not set" in caplog.text


async def test_a_key_at_its_limit_rests(stub: Stub) -> None:
    """What PagerDuty asked one key to wait holds for every call of this key, and no other's."""
    now = 100.0
    calls = Calls(lambda: now)
    stub.fault(429, times=1, Retry_After="20")
    with pytest.raises(PassingError) as limited:
        await calls.send(stub.url, KEY, "resolve", "one", {})
    assert limited.value.delay == 20.0
    now += 5.0
    with pytest.raises(PassingError) as resting:
        await calls.send(stub.url, KEY, "resolve", "two", {})
    assert resting.value.delay == 15.0
    await calls.send(stub.url, OTHER_KEY, "resolve", "three", {})
    now += 15.0
    await calls.send(stub.url, KEY, "resolve", "four", {})
    assert stub.actions() == ["resolve three", "resolve four"]
    calls.close()


async def test_people_are_told_apart_by_e_mail_alone(duty: Make, stub: Stub) -> None:
    """Upper case counts for nothing, no address is nobody's, and a name proves nothing."""
    home = duty()
    people = home.bundle.people
    emily = next(p for p in people.people if p.id == "emily-watson")
    changed = (
        emily.model_copy(update={"email": "Emily.Watson@AIVO.edu"}),
        emily.model_copy(update={"id": "silent", "email": None}),
    )
    bundle = replace(home.bundle, people=people.model_copy(update={"people": changed}))
    acknowledging = Acknowledging(home.engine, {"aivo": bundle}, lambda _: None)

    def person(email: str | None) -> str:
        found = acknowledging.person("aivo", Answerer(id="P1", name="Emily Watson", email=email))
        return found.id

    assert person("emily.watson@aivo.EDU") == "emily-watson"
    assert person(None) == "pagerduty:P1"
    assert person("") == "pagerduty:P1"
    assert person("emily.watson@elsewhere.test") == "pagerduty:P1"


async def test_an_alert_is_answered_for_its_own_system_only(duty: Make, stub: Stub) -> None:
    """Whoever holds the secret of another system can't answer for this one."""
    home = await ringing(duty)
    acknowledging = Acknowledging(home.engine, {"aivo": home.bundle}, lambda _: None)
    key = stub.of(1).key
    assert acknowledging.run_of("aivo", key) == home.run
    assert acknowledging.run_of("other", key) is None
    assert acknowledging.run_of("aivo", f"{key}:2") is None


# Webhooks


class Door:
    """The web server, as PagerDuty sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def knock(self, body: bytes, signature: str | None = None) -> int:
        """Send a body, with its right signature unless told otherwise; return the status."""
        given = sign(body, SECRET) if signature is None else signature
        headers = {HEADER: given, "Content-Type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as answer:
            return answer.status


@asynccontextmanager
async def door(home: Duty) -> AsyncIterator[Door]:
    """Serve the webhooks of a bot."""
    site = web.Application()
    home.duty.route(site)
    runner = await serve(site, host="127.0.0.1", port=0)
    try:
        async with aiohttp.ClientSession() as session:
            yield Door(session, f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}")
    finally:
        await runner.cleanup()


async def test_a_webhook_tells_at_once_who_is_there(duty: Make, stub: Stub) -> None:
    """With a key to ask with, the person is known by e-mail address."""
    home = await ringing(duty, **TOKEN, **HOOK)
    stub.answer(stub.of(1), "PEMILY")
    async with door(home) as at:
        assert await at.knock(stub.webhook(stub.of(1), "PEMILY", "E1")) == 202
    assert answered(home) == ("emily-watson", "pagerduty")


async def test_a_webhook_that_names_no_alert_makes_backout_look(duty: Make, stub: Stub) -> None:
    """PagerDuty has one incident for several alerts: the REST API knows which."""
    home = await ringing(duty, **TOKEN, **HOOK)
    home.duty.start()
    async with asyncio.timeout(30), door(home) as at:
        while "GET incidents" not in stub.requests:
            await asyncio.sleep(0.02)
        stub.answer(stub.of(1), "PEMILY")
        body = stub.webhook(stub.of(1), "PEMILY", "E1", data={"incident_key": None})
        assert await at.knock(body) == 202
        while answered(home) is None:
            await asyncio.sleep(0.02)
    assert answered(home) == ("emily-watson", "pagerduty")


@pytest.mark.parametrize("connection", [HOOK, {**HOOK, **TOKEN}])
async def test_a_webhook_without_an_address_counts_as_a_stranger(
    duty: Make, stub: Stub, connection: dict[str, str]
) -> None:
    """Without a key, or while PagerDuty does not say: their answer counts, and gives no role."""
    home = await ringing(duty, **connection)
    stub.answer(stub.of(1), "PEMILY")
    stub.fault(500)
    async with door(home) as at:
        assert await at.knock(stub.webhook(stub.of(1), "PEMILY", "E1")) == 202
    assert answered(home) == ("pagerduty:PEMILY", "pagerduty")
    assert home.run.acknowledged is not None
    assert home.run.acknowledged.person.roles == ()


@pytest.mark.parametrize("signature", ["", "v1=", "v1=00", "v0=", "né", sign(b"other", SECRET)])
async def test_a_bad_signature_is_refused(duty: Make, stub: Stub, signature: str) -> None:
    """Nothing is read of the body, and nobody is there."""
    home = await ringing(duty, **HOOK)
    stub.answer(stub.of(1), "PEMILY")
    async with door(home) as at:
        body = stub.webhook(stub.of(1), "PEMILY", "E1")
        assert await at.knock(body, signature) == 401
        changed = body.replace(b"PEMILY", b"PMALLO")
        assert await at.knock(changed, sign(body, SECRET)) == 401
    assert answered(home) is None


def test_signatures_are_for_one_body_and_one_secret() -> None:
    """While a secret is changed there are several; an empty secret signs nothing."""
    right = sign(b"body", SECRET)
    assert is_signed(b"body", f"v1=00, {right}", SECRET)
    assert not is_signed(b"body", right, "another")
    assert not is_signed(b"body ", right, SECRET)
    assert not is_signed(b"body", sign(b"body", ""), "")
    assert sign(b"", "key") == (
        "v1=5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"
    )


async def test_a_replayed_webhook_counts_once(duty: Make, stub: Stub) -> None:
    """PagerDuty repeats what it got no answer to, and so could somebody else."""
    home = await ringing(duty, **HOOK)
    stub.answer(stub.of(1), "PEMILY")
    body = stub.webhook(stub.of(1), "PEMILY", "E1")
    async with door(home) as at:
        assert [await at.knock(body) for _ in range(3)] == [202, 202, 202]
    told = [e for e in home.engine.events("INC-1") if isinstance(e.event, PageAcknowledged)]
    assert len(told) == 1


async def test_a_webhook_that_can_t_be_recorded_is_asked_for_again(
    duty: Make, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PagerDuty sends again what it got a 503 for; then it counts."""
    home = await ringing(duty, **HOOK)
    stub.answer(stub.of(1), "PEMILY")
    body = stub.webhook(stub.of(1), "PEMILY", "E1")

    def away(*_: object, **__: object) -> None:
        raise AwayError("the database does not answer")

    async with door(home) as at:
        with monkeypatch.context() as patched:
            patched.setattr(home.engine, "feed", away)
            assert await at.knock(body) == 503
        assert answered(home) is None
        assert await at.knock(body) == 202
    assert answered(home) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "incident.triggered"},
        {"event_type": "pagey.ping", "agent": None, "data": {"message": "Hello from PagerDuty"}},
        {"agent": {"id": "PSERVICE", "type": "service_reference", "summary": "AIVO"}},
        {"agent": None},
        {"data": {"incident_key": "backout:aivo:INC-9:20260101T000000Z:level:1"}},
        {"data": {"incident_key": None}},
    ],
)
async def test_what_a_webhook_does_not_say_of_a_person_and_an_alert_of_ours_changes_nothing(
    duty: Make, stub: Stub, changes: dict[str, Any]
) -> None:
    """It is taken, so that PagerDuty does not repeat it."""
    home = await ringing(duty, **HOOK)
    async with door(home) as at:
        assert await at.knock(stub.webhook(stub.of(1), "PEMILY", "E1", **changes)) == 202
    assert answered(home) is None


async def test_a_webhook_that_is_not_one_is_refused(duty: Make, stub: Stub) -> None:
    """Signed or not: no JSON, another form, or more than anybody sends."""
    home = await ringing(duty, **HOOK)
    async with door(home) as at:
        assert await at.knock(b"not json") == 400
        assert await at.knock(json.dumps({"messages": []}).encode()) == 400
        assert await at.knock(b"x" * (MOST_BYTES + 1)) == 413
    assert answered(home) is None


async def test_without_a_secret_there_is_no_door(duty: Make, stub: Stub) -> None:
    """What nobody expects is not served."""
    home = await ringing(duty, **TOKEN)
    assert not home.duty.listens
    async with door(home) as at:
        assert await at.knock(b"{}") == 404


async def test_a_secret_that_is_not_set_lets_nothing_in(
    duty: Make, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be checked is refused, and the log names the reference."""
    home = await ringing(duty, webhook_secret="env:DUTY_UNSET")
    async with door(home) as at:
        assert await at.knock(stub.webhook(stub.of(1), "PEMILY", "E1"), sign(b"", "")) == 401
    assert "env:DUTY_UNSET is not set" in caplog.text
    assert answered(home) is None
