"""`backout approve` and the others, against the door of a bot that runs."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from adapters.vault import KeyVault, make_key
from bot.cli.app import app
from bot.cli.failures import ExitCode
from bot.control import door, performing
from bot.control.orders import LARGEST, SOCKET, Word
from bot.control.performing import Acquaintance, Orders
from bot.control.texts import flat
from bot.deciding import Deciding, Requester
from bot.factors import KIND, Factors
from bot.messages import Unidentified
from config.models.bundles import Bundle
from config.models.people import Person as Listed
from flows import events
from flows.authorizing import RolesOf, only_listed
from flows.embedded import EmbeddedEngine
from flows.files import FolderFiles
from flows.gates import PLAN_SCOPE, Person, Verb
from tests.bot import approving, story
from tests.bot.authenticators import Authenticator

INTRUDER = """
import os, socket, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
socket.socket(socket.AF_UNIX).connect(sys.argv[1])
"""


@dataclass
class Told:
    """What a command said."""

    code: int
    out: str
    err: str


class Bot:
    """A bot without Slack: a journal, a door, and the phones of those who were enrolled."""

    def __init__(self, data: Path, engine: EmbeddedEngine, clock: approving.Clock) -> None:
        self.data = data
        self.engine = engine
        self.clock = clock
        self.roles: dict[str, str] | None = {}
        self.doubts: dict[str, Unidentified] = {}
        self.phones: dict[str, Authenticator] = {}

    def doubt_of(self, listed: Listed) -> Unidentified | None:
        """Say what Slack has against somebody."""
        return self.doubts.get(listed.id)

    async def roles_now(self, _: Bundle) -> RolesOf:
        """Say who has which role by a user group; None stands for a Slack that does not answer."""
        if self.roles is None:
            await asyncio.Event().wait()
        given = self.roles or {}
        return lambda listed: {given[listed.id]: "slack group"} if listed.id in given else {}

    async def run(self, *arguments: str, typed: str = "") -> Told:
        """Run a command beside the bot."""
        result = await asyncio.to_thread(
            CliRunner().invoke, app, list(arguments), prog_name="backout", input=typed
        )
        return Told(result.exit_code, result.stdout, result.stderr)

    async def enroll(self, person: str) -> Authenticator:
        """Give somebody a second factor."""
        told = await self.run("totp", "enroll", person)
        assert told.code == ExitCode.OK, told.err
        self.phones[person] = Authenticator(told.out.strip(), self.clock)
        return self.phones[person]

    async def order(self, verb: str, *given: str, who: str = "jennifer-liu") -> Told:
        """Order something with the code that is shown next."""
        if who not in self.phones:
            await self.enroll(who)
        self.clock.wait(30)
        code = self.phones[who].code()
        return await self.run(verb, "INC-1", *given, "--as", who, "--code", "-", typed=f"{code}\n")

    @property
    def events(self) -> Sequence[events.Event]:
        """Return what was recorded."""
        return [each.event for each in self.engine.events(approving.INCIDENT)]


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """A running bot whose plan waits for approval."""
    data, key, clock = tmp_path / "data", make_key(), approving.Clock()
    monkeypatch.setenv("BACKOUT_DATA", str(data))
    monkeypatch.setenv("BACKOUT_CAPTURE_KEY", key)
    engine = approving.waiting(data, clock)
    running = Bot(data, engine, clock)
    orders = Orders(
        Deciding(engine, approving.bundles()),
        Factors(FolderFiles(data / KIND), KeyVault([key]), clock),
        Acquaintance(
            slack_of=lambda _: None,
            doubt_of=running.doubt_of,
            name_of=lambda _: None,
            roles_now=running.roles_now,
        ),
    )
    async with door.opened(orders, data / SOCKET) as is_open:
        assert is_open
        yield running
    engine.close()
    assert not (data / SOCKET).exists()


async def test_an_approval_counts(bot: Bot) -> None:
    """A lead's approval starts the rollback, and the record says whose word it was."""
    digest = approving.digest(bot.engine)
    told = await bot.order("approve", "--digest", digest[:8])
    assert (told.code, told.err) == (ExitCode.OK, "")
    assert "You approved the plan of INC-1" in told.out
    decided = [event for event in bot.events if isinstance(event, events.Decided)]
    assert [(each.person.id, each.verb) for each in decided] == [("jennifer-liu", Verb.APPROVE)]
    assert approving.current(bot.engine).state != "approve"


async def test_without_a_digest_the_plan_is_shown(bot: Bot) -> None:
    """A word alone names no plan: nothing counts, and no code is asked for."""
    told = await bot.run("approve", "1", "--as", "jennifer-liu")
    assert told.code == ExitCode.USAGE
    assert "Return to the previous release" in told.out
    digest = approving.digest(bot.engine)[:8]
    assert f"backout approve INC-1 --digest {digest} --as jennifer-liu" in told.err
    assert approving.current(bot.engine).decisions == ()


async def test_another_plans_digest_spends_no_code(bot: Bot) -> None:
    """Somebody who read an older plan is shown the one that waits."""
    phone = await bot.enroll("jennifer-liu")
    told = await bot.run(
        *("approve", "1", "--as", "jennifer-liu", "--digest", "0" * 16, "--code", "-"),
        typed=phone.code(),
    )
    assert told.code == ExitCode.PROBLEM
    assert "another plan" in told.err
    digest = approving.digest(bot.engine)
    again = await bot.run(
        *("approve", "1", "--as", "jennifer-liu", "--digest", digest, "--code", "-"),
        typed=phone.code(),
    )
    assert again.code == ExitCode.OK, again.err


async def test_the_code_is_asked_for_and_not_shown(bot: Bot) -> None:
    """Without --code a person types it; it is in no output."""
    phone = await bot.enroll("jennifer-liu")
    told = await bot.run("hold", "1", "--as", "jennifer-liu", typed=f"{phone.code()}\n")
    assert "Code of your authenticator app" in told.err
    assert phone.code() not in told.out + told.err


async def test_a_code_among_the_arguments_is_refused(bot: Bot) -> None:
    """The shell's history and `ps` would keep it."""
    told = await bot.run("hold", "1", "--as", "jennifer-liu", "--code", "123456")
    assert told.code == ExitCode.USAGE
    assert "history" in told.err
    assert "123456" not in told.err


@pytest.mark.parametrize(
    "verb", ["approve", "deny", "hold", "resume", "retry", "undo", "abort", "ack"]
)
async def test_nobody_orders_without_a_second_factor(bot: Bot, verb: str) -> None:
    """Whoever was not enrolled is told how that is done."""
    given = {
        "approve": ["--digest", approving.digest(bot.engine)],
        "deny": ["--reason", "no"],
        "abort": ["--reason", "no"],
    }.get(verb, [])
    before = approving.current(bot.engine).seq
    told = await bot.run(
        *(verb, "1", "--as", "jennifer-liu", "--code", "-", *given), typed="123456\n"
    )
    assert told.code == ExitCode.PROBLEM
    assert "backout totp enroll jennifer-liu" in told.err
    assert approving.current(bot.engine).seq == before


async def test_wrong_and_used_codes(bot: Bot) -> None:
    """A wrong code, a used one, and the sixth try change nothing."""
    phone = await bot.enroll("jennifer-liu")
    digest = approving.digest(bot.engine)
    command = ("approve", "1", "--as", "jennifer-liu", "--digest", digest, "--code", "-")
    wrong = await bot.run(*command, typed=phone.wrong())
    assert wrong.code == ExitCode.PROBLEM
    assert "not the code" in wrong.err
    held = await bot.run("hold", "1", "--as", "jennifer-liu", "--code", "-", typed=phone.code())
    assert "so nothing is being performed" in held.err
    used = await bot.run(*command, typed=phone.code())
    assert "used already" in used.err
    for _ in range(5):
        locked = await bot.run(*command, typed=phone.wrong())
    assert "none is taken until" in locked.err
    bot.clock.wait(30)
    assert "none is taken until" in (await bot.run(*command, typed=phone.code())).err
    assert approving.current(bot.engine).decisions == ()


async def test_somebody_elses_code(bot: Bot) -> None:
    """One's own code proves nobody else."""
    phone = await bot.enroll("david-park")
    await bot.enroll("jennifer-liu")
    digest = approving.digest(bot.engine)
    told = await bot.run(
        *("approve", "1", "--as", "jennifer-liu", "--digest", digest, "--code", "-"),
        typed=phone.code(),
    )
    assert told.code == ExitCode.PROBLEM
    assert approving.current(bot.engine).decisions == ()


@pytest.mark.parametrize("person", ["jenifer-liu", "../aivo/jennifer-liu", "x" * 60])
async def test_an_unknown_person(bot: Bot, person: str) -> None:
    """Who is not in people.yaml is nobody, whatever the name looks like."""
    await bot.enroll("jennifer-liu")
    digest = approving.digest(bot.engine)
    told = await bot.run(
        *("approve", "1", "--as", person, "--digest", digest, "--code", "-"), typed="123456"
    )
    assert told.code == ExitCode.PROBLEM
    assert "there is no person" in told.err


async def test_without_the_role_it_is_the_sentence_of_slack(bot: Bot) -> None:
    """The same rules refuse in the same words, without Slack's marks."""
    digest = approving.digest(bot.engine)
    told = await bot.order("approve", "--digest", digest, who="david-park")
    assert told.code == ExitCode.PROBLEM
    listed = next(p for p in approving.bundles()["aivo"].people.people if p.id == "david-park")
    david = Person(id=listed.id, name=listed.name, roles=listed.roles, team=listed.team)
    in_slack = Deciding(bot.engine, approving.bundles()).decide(
        approving.current(bot.engine),
        Verb.APPROVE,
        Requester(person=david, event="e", via="slack"),
        scope=PLAN_SCOPE,
        digest=digest,
    )
    assert in_slack is not None
    assert told.err.strip() == flat(in_slack.text)
    assert "it needs SRE On-Call" in told.err


async def test_a_role_by_a_user_group(bot: Bot) -> None:
    """While Slack says who is in a group, that counts as it does there."""
    bot.roles = {"david-park": "eng_lead"}
    digest = approving.digest(bot.engine)
    told = await bot.order("approve", "--digest", digest, who="david-park")
    assert told.code == ExitCode.OK, told.err


async def test_groups_are_not_waited_for(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Slack says nothing, the roles count that people.yaml lists, and no others."""
    monkeypatch.setattr(performing, "SLACK_SAYS_WITHIN", 0.01)
    bot.roles = None
    digest = approving.digest(bot.engine)
    refused = await bot.order("approve", "--digest", digest, who="david-park")
    assert "it needs" in refused.err
    told = await bot.order("approve", "--digest", digest)
    assert told.code == ExitCode.OK, told.err


async def test_who_declared_is_not_the_only_one(bot: Bot) -> None:
    """The rule about one's own incident holds here, too."""
    digest = approving.digest(bot.engine)
    told = await bot.order("approve", "--digest", digest, who="marcus-rodriguez")
    assert "somebody else must agree" in told.err


async def test_whom_slack_shut_out(bot: Bot) -> None:
    """Somebody who was deactivated before Slack went away does not decide by another door."""
    bot.doubts["jennifer-liu"] = Unidentified.DEACTIVATED
    digest = approving.digest(bot.engine)
    told = await bot.order("approve", "--digest", digest)
    assert told.code == ExitCode.PROBLEM
    assert "deactivated" in told.err
    assert approving.current(bot.engine).decisions == ()


async def test_denying_steering_and_acknowledging(bot: Bot) -> None:
    """Everything that is decided in Slack can be decided here."""
    assert (await bot.order("ack")).code == ExitCode.OK
    acknowledged = bot.events[-1]
    assert isinstance(acknowledged, events.PageAcknowledged)
    assert acknowledged.via == "command line"
    digest = approving.digest(bot.engine)
    assert (await bot.order("approve", "--digest", digest)).code == ExitCode.OK
    held = await bot.order("hold", "--reason", "smoke", who="david-park")
    assert held.code == ExitCode.OK, held.err
    assert (await bot.order("resume", who="marcus-rodriguez")).code == ExitCode.OK
    unknown = await bot.order("skip", "rolout", "--reason", "why", who="marcus-rodriguez")
    assert unknown.code == ExitCode.PROBLEM
    assert "Did you mean rollout" in unknown.err
    retried = await bot.order("retry", "--step", "rollback", who="marcus-rodriguez")
    assert "it is not on hold" in retried.err
    undone = await bot.order("undo", who="marcus-rodriguez")
    assert "nothing was changed yet" in undone.err
    assert (await bot.order("abort", "--reason", "false alarm", who="emily-watson")).code == 0
    assert approving.current(bot.engine).state == "cancelled"


async def test_an_emergency(bot: Bot) -> None:
    """At night, without Slack, one person begins what loses nothing, and owes the review."""
    shown = await bot.run("emergency", "1", "--as", "emily-watson", "--reason", "nobody is up")
    assert shown.code == ExitCode.USAGE
    digest = approving.digest(bot.engine)[:8]
    assert f"backout emergency INC-1 --digest {digest} --as emily-watson" in shown.err
    given = ("--digest", digest, "--reason", "nobody is up")
    told = await bot.order("emergency", *given, who="emily-watson")
    assert told.code == ExitCode.OK, told.err
    run = approving.current(bot.engine)
    assert run.begun_early
    assert run.debt is not None


async def test_the_review_of_an_emergency_that_is_over(bot: Bot) -> None:
    """What is owed can be paid here, too, by somebody else than who broke the glass."""
    digest = approving.digest(bot.engine)[:8]
    given = ("--digest", digest, "--reason", "nobody is up")
    assert (await bot.order("emergency", *given, who="emily-watson")).code == ExitCode.OK
    told = await bot.order("abort", "--reason", "it was the network", who="emily-watson")
    assert told.code == ExitCode.OK, told.err
    assert approving.current(bot.engine).ended
    refused = await bot.order("approve", "--digest", digest, who="emily-watson")
    assert refused.code == ExitCode.PROBLEM
    told = await bot.order("approve", "--digest", digest)
    assert told.code == ExitCode.OK, told.err
    assert bot.engine.unreviewed("aivo") == ()


async def test_a_denial_needs_no_digest_but_a_reason(bot: Bot) -> None:
    """Stopping is easy, and the others learn why."""
    assert (await bot.order("deny", "--reason", " ")).code == ExitCode.PROBLEM
    told = await bot.order("deny", "--reason", "41 is bad too")
    assert told.code == ExitCode.OK, told.err
    denied = [event for event in bot.events if isinstance(event, events.Decided)]
    assert [(each.verb, each.reason) for each in denied] == [(Verb.DENY, "41 is bad too")]


async def test_no_such_incident(bot: Bot) -> None:
    """A number that is not open is named, with those that are."""
    told = await bot.run("hold", "7", "--as", "jennifer-liu", "--code", "-", typed="123456")
    assert told.code == ExitCode.USAGE
    assert "INC-1" in told.err


def test_without_a_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no bot runs, that is said at once: its journal is written by nobody else."""
    monkeypatch.setenv("BACKOUT_DATA", str(tmp_path))
    result = CliRunner().invoke(app, ["hold", "1", "--as", "jennifer-liu"])
    assert result.exit_code == ExitCode.UNREACHABLE
    assert "backout serve" in result.stderr


async def test_enrolling_somebody_unknown(bot: Bot) -> None:
    """A name that people.yaml does not have is answered with the near one."""
    told = await bot.run("totp", "enroll", "jenifer-liu")
    assert told.code == ExitCode.USAGE
    assert "did you mean jennifer-liu" in told.err


async def test_enrolling_twice(bot: Bot) -> None:
    """Nobody's second factor is replaced by accident; removing it shuts them out."""
    phone = await bot.enroll("jennifer-liu")
    again = await bot.run("totp", "enroll", "jennifer-liu")
    assert again.code == ExitCode.PROBLEM
    assert "--replace" in again.err
    assert phone.secret not in again.out + again.err
    assert (await bot.run("totp", "remove", "jennifer-liu")).code == ExitCode.OK
    told = await bot.run("ack", "1", "--as", "jennifer-liu", "--code", "-", typed=phone.code())
    assert "has no second factor" in told.err


# --- the door itself -----------------------------------------------------------------------------


async def ask(data: Path, word: str, content: bytes) -> tuple[int, str]:
    """Send something through the door, as a program of one's own would."""
    connector = aiohttp.UnixConnector(path=str(data / SOCKET))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"http://backout/{word}", data=content) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"incident": "INC-1"}', 400),
        (b'{"incident": "INC-1", "person": "p", "code": "123456", "roles": ["oncall"]}', 400),
        (b'{"incident": "INC-1", "person": "p", "code": "654321", "request": "x"}', 400),
        (b'{"reason": "' + b"x" * LARGEST + b'"}', 413),
    ],
    ids=["nothing", "list", "half", "more", "request", "large"],
)
@pytest.mark.parametrize("word", Word)
async def test_what_is_no_order(bot: Bot, word: Word, content: bytes, status: int) -> None:
    """What can't be read is refused with a sentence that repeats nothing of it."""
    found, said = await ask(bot.data, word, content)
    assert found == status
    assert "Nothing was done" in said
    assert "654321" not in said


async def test_an_order_that_comes_twice_counts_once(bot: Bot) -> None:
    """A program that sends an order again has not decided twice."""
    phone = await bot.enroll("emily-watson")
    order = '{"request": "%s", "incident": "INC-1", "person": "emily-watson", "code": "%s"}'
    request = "a" * 32
    assert (
        '"done":true' in (await ask(bot.data, "ack", (order % (request, phone.code())).encode()))[1]
    )
    seq = approving.current(bot.engine).seq
    bot.clock.wait(30)
    await ask(bot.data, "ack", (order % (request, phone.code())).encode())
    assert approving.current(bot.engine).seq == seq


async def test_an_unknown_path(bot: Bot) -> None:
    """The door knows its words and no others."""
    assert (await ask(bot.data, "declare", b"{}"))[0] == 404


async def test_only_this_user_comes_in(bot: Bot) -> None:
    """The socket's mode lets nobody else in, and whoever is another user is refused."""
    mode = (bot.data / SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.fixture
def entered_by_all() -> Iterator[Path]:
    """A folder that every user of the machine may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_can_not_connect(bot: Bot, entered_by_all: Path) -> None:
    """In a folder that everybody may enter, another user still can't open the socket."""
    path = entered_by_all / SOCKET
    async with door.opened(_no_orders(bot.data), path):
        tried = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-I", "-S", "-c", INTRUDER, str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert tried.returncode != 0
    assert "PermissionError" in tried.stderr


async def test_another_user_who_comes_in_is_refused(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root opens every socket; it is not the bot's user all the same."""
    monkeypatch.setattr(door, "peer_of", lambda _: os.getuid() + 1)
    status, said = await ask(bot.data, "hold", b"{}")
    assert status == 403
    assert "as the user that the bot runs as" in said


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    """After a crash the next start opens its own door."""
    path = tmp_path / SOCKET
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    async with door.opened(_no_orders(tmp_path), path) as is_open:
        assert is_open


async def test_a_path_that_is_too_long_stops_no_bot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a door the bot does everything else, and the log says so."""
    path = tmp_path / ("x" * 110) / SOCKET
    async with door.opened(_no_orders(tmp_path), path) as is_open:
        assert not is_open
    assert "the command line can't reach this bot" in caplog.text


async def _no_roles(_: Bundle) -> RolesOf:
    """Know of no user groups."""
    return only_listed


def _no_orders(folder: Path) -> Orders:
    """Return orders that nobody gives."""
    unused = Deciding.__new__(Deciding)
    known = Acquaintance(
        slack_of=lambda _: None,
        doubt_of=lambda _: None,
        name_of=lambda _: None,
        roles_now=_no_roles,
    )
    return Orders(unused, Factors(FolderFiles(folder / KIND), KeyVault([])), known)


def test_slacks_marks_are_taken_off() -> None:
    """A terminal shows names, plain words and times that anybody can read."""
    text = "*Nope* 2*3*4: ask <@U1> at <!date^0^{time}|00:00 UTC>, or `!incident skip &lt;step&gt;`"
    assert flat(text, {"U1": "Ann"}.get) == (
        "Nope 2*3*4: ask @Ann at 00:00 UTC, or !incident skip <step>"
    )


def test_story_people_are_those_of_the_configuration() -> None:
    """The tests' people have the roles that people.yaml gives them."""
    roles = {p.id: p.roles for p in approving.bundles()["aivo"].people.people}
    assert all(set(person.roles) <= set(roles[person.id]) for person in story.PEOPLE)


async def test_a_note_is_kept_with_its_writer(bot: Bot) -> None:
    """It stands on the timeline as it does when it is typed in Slack."""
    told = await bot.order("note", "the database team was called by phone")
    assert (told.code, told.err) == (ExitCode.OK, "")
    (note,) = approving.current(bot.engine).notes
    assert (note.by, note.text) == ("Jennifer Liu", "the database team was called by phone")


async def test_somebody_is_called_and_a_vendors_number_is_said(bot: Bot) -> None:
    """A level is called; whom nobody knows is answered with the names that there are."""
    told = await bot.order("page", "level 3")
    assert told.code == ExitCode.OK, told.err
    assert approving.current(bot.engine).pages[-1].subject == "level:3"
    unknown = await bot.order("page", "nobody of this name")
    assert unknown.code == ExitCode.PROBLEM
    assert "level 1, level 2, level 3" in unknown.err


async def test_withdrawing_is_judged_by_the_same_rules(bot: Bot) -> None:
    """Who has approved nothing has nothing to take back."""
    told = await bot.order("withdraw")
    assert told.code == ExitCode.PROBLEM
    assert "nothing to withdraw" in told.err


async def test_an_answer_after_the_plan_stands_is_refused_in_words(bot: Bot) -> None:
    """Questions are answered while assessing; a word that is neither yes nor no is no answer."""
    known = approving.current(bot.engine).questions[0].id
    told = await bot.order("answer", known, "yes")
    assert told.code == ExitCode.PROBLEM
    assert approving.current(bot.engine).answers[known] is False
    assert (await bot.order("answer", known, "maybe")).code == ExitCode.USAGE
