"""Deciding and steering on the card and by typing: who may, what counts, what is refused."""

from pathlib import Path

import pytest

from sandbox.workspace.client import buttons, shown
from tests.scenario.house import (
    ALEX,
    DAVID,
    EMILY,
    GUEST,
    INCIDENTS,
    JENNIFER,
    MARCUS,
    House,
    house,
)

pytestmark = pytest.mark.scenario


async def has_not_moved(home: House) -> None:
    """Make sure that nothing was approved."""
    run = home.engine.run("INC-1")
    assert run is not None
    assert run.state == "approve"
    assert home.estate.applied == []


async def test_the_declarer_alone_approves_nothing(tmp_path: Path) -> None:
    """Who declared is told that somebody else must agree."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(MARCUS, run, "approve")
        await home.told(MARCUS, "somebody else must agree")
        await has_not_moved(home)


async def test_without_the_role(tmp_path: Path) -> None:
    """Somebody without the role is told which one it takes, and whom to ask."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(DAVID, run, "approve")
        said = await home.told(DAVID, "it needs")
        assert "Jennifer Liu" in said
        await has_not_moved(home)


async def test_a_guest_and_a_stranger(tmp_path: Path) -> None:
    """A guest in the channel, and somebody who was made one meanwhile, approve nothing."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.act("invite", user=MARCUS, channel=run.channel, invitee=GUEST)
        await home.click(GUEST, run, "approve")
        await home.told(GUEST, "you are a guest")
        await home.people.change_user(EMILY, is_restricted=True)

        async def known() -> bool:
            member = home.surface.directory.known(EMILY)
            return member is not None and member.guest

        await home.people.wait_for(known, what="the change known")
        await home.click(EMILY, run, "approve")
        await home.told(EMILY, "you are a guest")
        await has_not_moved(home)


async def test_a_deactivated_user(tmp_path: Path) -> None:
    """The word of somebody who was deactivated after the bot looked does not count."""
    async with house(tmp_path) as home:
        run = await home.declare()
        member = home.surface.directory.known(EMILY)
        assert member is not None
        home.surface.directory.keep({"id": EMILY, "deleted": True})
        await home.click(EMILY, run, "approve")
        await home.told(EMILY, "deactivated")
        await has_not_moved(home)


async def test_approving_twice_counts_once(tmp_path: Path) -> None:
    """A double click and a redelivered click start one rollback."""
    async with house(tmp_path) as home:
        run = await home.declare()
        home.estate.gate.clear()
        await home.click(JENNIFER, run, "approve")
        assert await home.people.redeliver(3, what="block_actions") == 3
        run = await home.until(lambda run: run.state == "restore")
        assert len(run.decisions) == 1
        assert await home.people.ephemerals(JENNIFER) == []
        home.estate.gate.set()
        await home.until(lambda run: run.ended)
        assert home.estate.applied.count("rollback") == 1


async def test_denied_with_a_reason(tmp_path: Path) -> None:
    """Deny asks for the reason, says it to all, and the old buttons count for nothing."""
    async with house(tmp_path) as home:
        run = await home.declare()
        old = buttons((await home.card(run))["blocks"])
        approve = next(name for name in old if "approve" in name)
        value = old[approve]["value"]
        await home.click(ALEX, run, "deny")
        modal = await home.people.wait_for(lambda: home.people.modal(ALEX), what="form")
        assert (await home.people.submit(ALEX, modal["id"], {"reason": "41 is bad too"}))["acked"]
        run = await home.until(lambda run: run.state == "assess")
        assert "Alex Thompson denied it: 41 is bad too" in run.blocked
        await home.card_shows(run, "41 is bad too")

        await home.people.say(ALEX, run.channel or "", "!incident plan again")
        run = await home.until(lambda run: run.state == "approve")
        assert run.gate is not None
        assert not value.endswith(run.gate.digest[:16])
        await home.stale_click(JENNIFER, run, approve, value)
        await home.told(JENNIFER, "an older plan")
        await has_not_moved(home)


async def test_a_denial_by_somebody_without_the_role_asks_nothing(tmp_path: Path) -> None:
    """Who can't deny is told at once, before a reason is typed in vain."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(DAVID, run, "deny")
        await home.told(DAVID, "it needs")
        assert await home.people.modal(DAVID) is None


async def test_approving_by_typing(tmp_path: Path) -> None:
    """`!incident approve` shows what it is about; its button, or the digest, counts."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.say(JENNIFER, run.channel or "", "!incident approve")
        said = await home.told(JENNIFER, "nothing counts before")
        await has_not_moved(home)
        digest = said.rsplit("approve ", 1)[1].split("`")[0]
        await home.people.say(JENNIFER, run.channel or "", f"!incident approve {digest}")
        await home.until(lambda run: run.ended)


async def test_the_button_of_the_typed_approval(tmp_path: Path) -> None:
    """The answer to `/incident approve` has the button that counts."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.slash(JENNIFER, run.channel or "", "approve")
        (answer,) = await home.people.ephemerals(JENNIFER)
        action = next(name for name in buttons(answer["blocks"]) if "approve" in name)
        await home.people.click(JENNIFER, run.channel or "", answer["ts"], action)
        await home.until(lambda run: run.ended)


async def test_holding_and_going_on(tmp_path: Path) -> None:
    """A hold by typing stands still, a click goes on, and both are confirmed."""
    async with house(tmp_path) as home:
        run = await home.declare()
        home.estate.gate.clear()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.state == "restore")
        await home.people.say(EMILY, run.channel or "", "!incident hold let me look")
        run = await home.until(lambda run: run.state == "hold")
        await home.told(EMILY, "on hold")
        assert run.held is not None
        assert run.held.why == "let me look"
        home.estate.gate.set()
        await home.click(JENNIFER, run, "resume")
        await home.until(lambda run: run.ended)


async def test_steering_takes_a_role(tmp_path: Path) -> None:
    """Somebody who is not listed at all neither aborts nor holds, and may leave a note."""
    async with house(tmp_path, start=False) as home:
        await home.people.change_user(EMILY, email="emily@elsewhere.example")
        await home.start()
        run = await home.declare()
        await home.people.say(EMILY, INCIDENTS, "!incident abort INC-1")
        await home.people.act("invite", user=MARCUS, channel=run.channel, invitee=EMILY)
        await home.people.say(EMILY, run.channel or "", "!incident abort false alarm")
        await home.told(EMILY, "not listed")
        await home.people.say(EMILY, run.channel or "", "!incident note I saw it at 14:00")
        run = await home.until(lambda run: bool(run.notes))
        assert run.notes[0].text == "I saw it at 14:00"
        await has_not_moved(home)


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_every_command_answers(tmp_path: Path, http: bool) -> None:
    """Help, a misspelt command and prefix, status and list, and an unknown incident."""
    async with house(tmp_path, http=http) as home:
        run = await home.declare()
        place = run.channel or ""
        for said, answer in (
            ("!incident", "Start"),
            ("!incident aprove", "`!incident approve"),
            ("!incidnet status", "INC-1"),
            ("!incident status", "INC-1"),
            ("!incident list", "INC-1"),
            ("!incident plan", "Return to the previous release"),
            ("!incident plan servce", "there is no procedure"),
            ("!incident plan service relase=shop", "did you mean `release`?"),
            ("!incident plan service now", "write name=value"),
            ("!incident skip rollback", "a step and a reason"),
            ("!incident answer", "Is this a security incident?"),
            ("!incident resume", "not on hold"),
            ("!incident undo", "nothing was changed"),
            ("!incident status INC-99", "there is no open incident"),
            ("!incident note", "needs a text"),
        ):
            await home.people.slash(JENNIFER, place, said.split(" ", 1)[1] if " " in said else "")
            answered = await home.told(JENNIFER, answer)
            assert answered
        await home.people.say(JENNIFER, place, "!incidnet status")
        await home.people.say(JENNIFER, place, "so, !incident is what we type?")


async def test_view_plan_opens_a_form(tmp_path: Path) -> None:
    """The button shows every step of the plan, and where its digest stands."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(JENNIFER, run, "view_plan")
        modal = await home.people.wait_for(lambda: home.people.modal(JENNIFER), what="plan")
        assert "Wait until every workload is ready" in shown(modal["blocks"])


async def test_the_home(tmp_path: Path) -> None:
    """The Home shows what waits for me, approves from there, and follows."""
    async with house(tmp_path) as home:
        await home.declare()
        await home.people.open_home(JENNIFER)

        async def view() -> dict[str, object] | None:
            found = await home.people.home(JENNIFER)
            return found if found and "INC-1" in shown(found["blocks"]) else None

        published = await home.people.wait_for(view, what="a Home")
        action = next(name for name in buttons(published["blocks"]) if "approve" in name)  # type: ignore[arg-type]
        await home.people.click_view(JENNIFER, str(published["id"]), action)
        await home.until(lambda run: run.ended)

        async def quiet() -> bool:
            found = await home.people.home(JENNIFER)
            return found is not None and "Nothing waits for you" in shown(found["blocks"])

        await home.people.wait_for(quiet, 30.0, what="a quiet Home")


async def test_the_global_shortcut_declares(tmp_path: Path) -> None:
    """The shortcut opens the form, a blank reason keeps it open, and it declares."""
    async with house(tmp_path) as home:
        await home.people.shortcut(MARCUS, "backout:declare")
        modal = await home.people.wait_for(lambda: home.people.modal(MARCUS), what="form")
        answer = await home.people.submit(MARCUS, modal["id"], {"reason": "   "})
        assert "errors" in answer
        await home.people.submit(MARCUS, modal["id"], {"reason": "checkout 5xx"})
        await home.until(lambda run: run.state == "approve")


async def test_who_can_not_be_checked_decides_nothing(tmp_path: Path) -> None:
    """Where Slack can't be asked who somebody is, nothing counts, and the person is told."""
    async with house(tmp_path) as home:
        run = await home.declare()
        home.surface.directory.forget(JENNIFER)
        await home.people.fault("users.info", status=500, count=None)
        await home.click(JENNIFER, run, "approve")
        await home.told(JENNIFER, "could not be asked who you are")
        await has_not_moved(home)
        await home.people.clear_faults()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.ended)
