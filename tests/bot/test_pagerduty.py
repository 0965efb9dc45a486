"""Alerts at PagerDuty: opened once, joined by repeats, ended with the incident, in nobody's way."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.pagerduty.lines import AlertLine
from flows.commands import About
from flows.events import AbortAsked, PageAcknowledged, PageAsked
from flows.gates import Person
from flows.paging import Reached
from tests.adapters.pagerduty_stub import OTHER_KEY, Stub
from tests.bot.duty import SECRETS, START, Duty

Make = Callable[..., Duty]
EMILY = Person(id="emily-watson", name="Emily Watson", roles=("oncall",))


def failures(home: Duty, page: int = 1) -> list[Reached]:
    """Return the ways of a page that failed."""
    found = home.run.page(page)
    assert found is not None
    return list(found.failures)


async def test_a_level_is_one_alert_that_says_what_it_is_about(duty: Make, stub: Stub) -> None:
    """Severity, reason, people, and the way into the channel; nothing that the stub refuses."""
    home = duty()
    home.declare()
    await home.wait(1)
    alert = stub.of(1)
    event = alert.told[0]
    payload = event["payload"]
    assert payload["summary"].startswith("INC-1 ")
    assert "checkout 5xx" in payload["summary"]
    assert payload["severity"] == "critical"
    assert payload["custom_details"]["people"] == "Emily Watson"
    assert payload["custom_details"]["channel"] == "#inc-1-checkout-5xx"
    assert event["links"][0]["href"] == "https://slack.com/app_redirect?channel=C0INC1"
    assert stub.refused == []
    page = home.run.page(1)
    assert page is not None
    assert [(each.person, each.via, each.ok) for each in page.reached] == [
        ("emily-watson", "slack", True),
        ("emily-watson", "pagerduty", True),
    ]


async def test_a_chain_that_nobody_answers_rings_at_every_level(duty: Make, stub: Stub) -> None:
    """Level 2 has a service of its own; the last level's repeats join its alert."""
    home = duty()
    home.declare()
    await home.wait(1510)
    assert stub.actions() == [
        "trigger level:1",
        "trigger level:2",
        "trigger level:3",
        "trigger level:3",
        "trigger level:3",
    ]
    assert stub.of(2, OTHER_KEY).rang == 1
    assert stub.of(3).rang == 1
    assert len(stub.alerts) == 3


async def test_a_long_reason_fits_and_a_password_in_it_stays_here(duty: Make, stub: Stub) -> None:
    """People paste what they have."""
    home = duty()
    home.declare("password=hunter2secret " + "checkout 5xx " * 300)
    await home.wait(1)
    assert stub.refused == []
    assert "hunter2secret" not in str(stub.of(1).told)
    assert len(stub.of(1).told[0]["payload"]["summary"]) == 1024


async def test_the_alert_waits_a_moment_for_the_channel(duty: Make, stub: Stub) -> None:
    """Without Slack it rings all the same, without the link."""
    home = duty()
    home.declare(opened=False)
    await home.wait(1)
    assert stub.alerts == {}
    await home.wait(5)
    assert "links" not in stub.of(1).told[0]


async def test_a_lost_answer_rings_once(duty: Make, stub: Stub) -> None:
    """What is in doubt is sent again under the same key, and people hear one ring."""
    stub.fault(0, times=1)
    home = duty()
    home.declare()
    await home.wait(30)
    assert stub.actions() == ["trigger level:1", "trigger level:1"]
    assert stub.of(1).rang == 1
    assert failures(home) == []


async def test_killed_before_it_was_written_down_nothing_rings_anew(duty: Make, stub: Stub) -> None:
    """The next process knows that the alert has left, though somebody has resolved it since."""
    home = duty()
    page = home.declare().page(1)
    assert page is not None
    await home.duty.line.call(home.run, page)
    stub.answer(stub.of(1), "PEMILY", status="resolved")
    await home.close()
    home.wake()
    await home.wait(1)
    assert stub.actions() == ["trigger level:1"]
    assert failures(home) == []


async def test_a_storm_of_429_is_waited_out(duty: Make, stub: Stub) -> None:
    """The pause that PagerDuty asks for is kept, and the alert arrives after it."""
    stub.fault(429, times=2, Retry_After="20")
    home = duty()
    home.declare()
    await home.wait(19)
    assert stub.alerts == {}
    assert stub._faults_left == 1, "it was asked once, and left alone"
    await home.wait(25)
    assert stub.actions() == ["trigger level:1"]
    assert failures(home) == []
    assert home.messages.sent == ["1:emily-watson"]


@pytest.mark.parametrize("status", [429, 503, 0])
async def test_ten_minutes_without_pagerduty_forget_nobody(
    duty: Make, stub: Stub, status: int
) -> None:
    """Direct messages leave at once, the failure is told, the chain goes on, and then it rings."""
    stub.fault(status)
    if status == 0:
        await stub.stop()
    home = duty()
    home.declare()
    await home.work()
    assert home.messages.sent == ["1:emily-watson"]
    await home.wait(90)
    failed = failures(home)
    assert [(each.person, each.via) for each in failed] == [("emily-watson", "pagerduty")]
    assert "for 60 s" in failed[0].note
    assert home.announced.count(About.PAGE_FAILED) == 1
    await home.wait(510)
    assert {"2:jennifer-liu", "2:alex-thompson"} <= set(home.messages.sent)
    assert [each.via for each in failures(home, 2)] == ["pagerduty", "pagerduty"]
    if status == 0:
        return
    stub.heal()
    await home.wait(400)
    assert [page.subject for page in home.run.pages] == ["level:1", "level:2", "level:3"]
    assert failures(home, 3) == []
    assert stub.of(3).status == "triggered"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:DUTY_WRONG", "Invalid routing key"),
        ("env:DUTY_UNSET", "env:DUTY_UNSET is not set"),
    ],
)
async def test_a_key_that_leads_nowhere_is_told_at_once(
    duty: Make, stub: Stub, reference: str, said: str
) -> None:
    """The sentence says what is wrong and holds no key; the message has arrived."""
    home = duty(routing_key=reference)
    home.declare()
    await home.wait(1)
    note = failures(home)[0].note
    assert said in note
    assert SECRETS["env:DUTY_WRONG"] not in note
    assert home.announced == [About.PAGE_FAILED]
    assert home.messages.sent == ["1:emily-watson"]


async def test_who_answers_in_slack_answers_in_pagerduty(duty: Make, stub: Stub) -> None:
    """The alert stops ringing; when the incident is over it is resolved."""
    home = duty()
    home.declare()
    await home.wait(310)
    home.feed(PageAcknowledged(person=EMILY, via="slack"), EMILY)
    await home.wait(1)
    assert [alert.status for alert in stub.alerts.values()] == ["acknowledged", "acknowledged"]
    home.feed(AbortAsked(reason="false alarm"))
    await home.wait(1)
    assert [alert.status for alert in stub.alerts.values()] == ["resolved", "resolved"]
    assert len(stub.actions()) == 6


async def test_an_alert_whose_answer_was_lost_is_ended_too(duty: Make, stub: Stub) -> None:
    """It may be ringing, though Backout never heard that it had arrived."""
    stub.fault(0, times=1)
    home = duty()
    home.declare()
    await home.work()
    home.feed(AbortAsked(reason="false alarm"))
    await home.wait(1)
    assert stub.of(1).status == "resolved"


async def test_an_answer_that_comes_while_the_alert_leaves_stops_it(
    duty: Make, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing rings on because two things happened at once."""
    home = duty()
    page = home.declare().page(1)
    assert page is not None
    before = home.run
    send = AlertLine._send

    async def send_late(*given: object) -> None:
        await send(*given)  # type: ignore[arg-type]  # as it is called
        if given[-1] == "trigger":
            home.feed(PageAcknowledged(person=EMILY, via="slack"), EMILY)

    monkeypatch.setattr(AlertLine, "_send", send_late)
    await home.duty.line.call(before, page)
    assert stub.of(1).status == "acknowledged"


async def test_an_end_waits_for_pagerduty(duty: Make, stub: Stub) -> None:
    """Ten minutes away are made up for."""
    home = duty()
    home.declare()
    await home.wait(1)
    stub.fault(500)
    home.feed(AbortAsked(reason="false alarm"))
    await home.wait(600)
    stub.heal()
    await home.wait(60)
    assert stub.of(1).status == "resolved"


async def test_an_end_does_not_wait_for_ever(duty: Make, stub: Stub) -> None:
    """After an hour people have seen to it themselves."""
    home = duty()
    home.declare()
    await home.wait(1)
    stub.fault(500)
    home.feed(AbortAsked(reason="false alarm"))
    await home.wait(3700)
    assert home.now >= START + timedelta(hours=1)
    stub.heal()
    before = stub.actions()
    await home.wait(300)
    assert stub.actions() == before


async def test_a_level_that_is_called_after_the_answer_rings_again(duty: Make, stub: Stub) -> None:
    """It is wanted for another reason, and the alert that is there would stay silent."""
    home = duty()
    home.declare()
    await home.wait(1)
    home.feed(PageAcknowledged(person=EMILY, via="slack"), EMILY)
    await home.wait(1)
    home.now += timedelta(seconds=5)
    home.feed(PageAsked(subject="level:1", title="SRE", people=(EMILY,), why="Marcus asked for it"))
    await home.wait(1)
    assert [alert.status for alert in stub.alerts.values()] == ["acknowledged", "triggered"]
    home.feed(AbortAsked(reason="false alarm"))
    await home.wait(1)
    assert [alert.status for alert in stub.alerts.values()] == ["resolved", "resolved"]


async def test_people_called_by_name_are_not_called_through_a_service(
    duty: Make, stub: Stub
) -> None:
    """Whoever is on call at PagerDuty is somebody else."""
    home = duty()
    home.declare()
    await home.wait(1)
    home.feed(PageAsked(subject="person:emily-watson", title="", people=(EMILY,), why="asked"))
    await home.wait(1)
    assert stub.actions() == ["trigger level:1"]
    page = home.run.page(2)
    assert page is not None
    assert [each.via for each in page.reached] == ["slack"]
