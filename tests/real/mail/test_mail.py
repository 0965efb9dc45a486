"""`mail.send` on a real SMTP server: taken, refused at each stage, broken off, never sent twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from flows.actions import Holds, PermanentError, Refuted, TransientError, UnknownOutcomeError
from flows.files import FolderFiles
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.bench.certificates import Authority
from tests.real.mail import post_office
from tests.real.mail.post_office import PASSWORD, USER, PostOffice

CEO = "ceo@aivo.edu"
URGENT = {
    "to": [CEO, "cto@aivo.edu"],
    "subject": "Rückkehr zur vorigen Version",
    "body": "We return to the previous version.\n.\n.hidden file\nIt takes 15 minutes – at most.",
}
Make = Callable[..., Use]


@pytest.fixture(scope="session")
def certified(authority: Authority) -> ssl.SSLContext:
    """TLS of a server that the authority vouches for."""
    pair = authority.issue("mail.test")
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(pair.certificate, pair.key)
    return found


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A server without TLS, as on a network that is trusted."""
    async with post_office.opened() as found:
        yield found


@pytest.fixture
async def safe(certified: ssl.SSLContext) -> AsyncIterator[PostOffice]:
    """A server that wants STARTTLS and a password."""
    async with post_office.opened(tls=certified, auth=True) as found:
        yield found


@pytest.fixture
def use(registry: ActionRegistry, pool: ClientPool, tmp_path: Path) -> Make:
    """Make uses of the action: `use(office, tls=False, to=…)`."""

    def make(office: PostOffice, server: dict[str, Any] | None = None, **inputs: Any) -> Use:
        smtp = {"host": "127.0.0.1", "port": office.port, "tls": False} | (server or {})
        context = FakeContext(
            system=system_for(mail={"sender": "alerts@aivo.edu", "smtp": smtp}),
            surroundings=surroundings_for(
                tmp_path, USER=USER, PASSWORD=PASSWORD, WRONG="wrong-one"
            ),
            clients=pool,
        )
        given = URGENT | inputs
        return Use(registry, context, "mail.send", "urgent", **given)

    return make


def attempt(use: Use, number: int) -> FakeContext:
    """Return the context of another attempt of the same step."""
    use.context.key = f"INC-7/urgent/{number}"
    return use.context


@pytest.mark.covers("AIVO-C2", "AIVO-FIX38")
async def test_mail_is_taken_once(use: Make, office: PostOffice) -> None:
    """It arrives as it was written; a repeat and a later attempt find that and send nothing."""
    mail = use(office)
    assert not (await mail.preview()).in_place
    await mail.apply()
    done = await mail.verify()
    assert isinstance(done, Holds)
    assert done.output["answer"] == "2.0.0 Ok: queued as Q1"
    (message,) = office.messages()
    assert (message["From"], message["To"]) == ("alerts@aivo.edu", f"{CEO}, cto@aivo.edu")
    assert message["Subject"] == URGENT["subject"]
    assert message["Message-ID"] == done.output["message_id"] == mail.captured["message_id"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == URGENT["body"]
    assert office.taken[0].rcpt_tos == URGENT["to"]
    await mail.action.apply(mail.inputs, mail.captured, mail.context)
    await mail.action.apply(mail.inputs, mail.captured, attempt(mail, 2))
    assert (await mail.preview()).in_place
    assert len(office.taken) == 1


async def test_starttls_and_login(use: Make, safe: PostOffice, authority: Authority) -> None:
    """The password travels after STARTTLS only, to a server that the authority vouches for."""
    server = {
        "tls": True,
        "authority": str(authority.certificate),
        "user": "env:USER",
        "password": "env:PASSWORD",
    }
    mail = use(safe, server)
    assert (await mail.preview()).warnings == ()
    await mail.apply()
    assert isinstance(await mail.verify(), Holds)
    assert safe.seen.count("AUTH") == 2
    assert "AUTH in the clear" not in safe.seen


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"password": "env:WRONG"}, "does not accept Backout's user and password"),
        ({"authority": None}, "a certificate that is not trusted"),
        ({"authority": "/nowhere/ca.pem"}, "can't be read from /nowhere/ca.pem"),
        ({"tls": False}, "would get the password unprotected"),
        ({"tls": False, "user": None, "password": None}, r"refused mail from .*\(530\)"),
    ],
)
async def test_a_wrong_way_in_is_said_before_anything_is_sent(
    use: Make, safe: PostOffice, authority: Authority, server: dict[str, Any], words: str
) -> None:
    """Password, certificate and missing protection are named, and the password is not."""
    right = {
        "tls": True,
        "authority": str(authority.certificate),
        "user": "env:USER",
        "password": "env:PASSWORD",
    }
    with pytest.raises(PermanentError, match=words) as found:
        await use(safe, right | server).apply()
    assert "wrong-one" not in str(found.value)
    assert PASSWORD not in str(found.value)
    assert safe.taken == []


async def test_no_starttls_is_refused(use: Make, office: PostOffice) -> None:
    """A server that offers no protection gets nothing, and the preview says so."""
    mail = use(office, {"tls": True})
    with pytest.raises(PermanentError, match="offers no STARTTLS"):
        await mail.preview()
    with pytest.raises(PermanentError, match="offers no STARTTLS"):
        await mail.apply()
    assert office.seen == []


async def test_tls_from_the_start(
    use: Make, certified: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the port that is kept for it, the very first byte is protected."""
    async with post_office.opened(tls=certified, at_once=True) as office:
        monkeypatch.setattr("adapters.mail.smtp.TLS_FROM_THE_START", office.port)
        mail = use(office, {"tls": True, "authority": str(authority.certificate)})
        await mail.apply()
        assert isinstance(await mail.verify(), Holds)
        stranger = use(office, {"tls": True})
        stranger.context.plan = "second"
        with pytest.raises(PermanentError, match="not trusted"):
            await stranger.preview()


@pytest.mark.parametrize("stage", ["MAIL", f"RCPT:{CEO}", "RCPT:cto@aivo.edu", "DATA"])
@pytest.mark.parametrize(
    ("said", "error"),
    [("451 4.7.1 try later", TransientError), ("550 5.1.1 no such mailbox", PermanentError)],
)
async def test_a_refusal_at_each_stage(
    use: Make, office: PostOffice, stage: str, said: str, error: type[Exception]
) -> None:
    """4xx is tried again, 5xx is for people; nobody got it, and the next attempt sends it."""
    office.answers[stage] = said
    mail = use(office)
    captured = await mail.action.capture(mail.inputs, mail.context)
    with pytest.raises(error, match=said[4:]):
        await mail.action.apply(mail.inputs, captured, attempt(mail, 1))
    assert isinstance(await mail.action.verify(mail.inputs, captured, mail.context), Refuted)
    office.answers.clear()
    await mail.action.apply(mail.inputs, captured, attempt(mail, 2))
    assert isinstance(await mail.action.verify(mail.inputs, captured, mail.context), Holds)
    assert len(office.taken) == 1


@pytest.mark.parametrize("stage", ["MAIL", f"RCPT:{CEO}"])
async def test_broken_off_before_the_message(use: Make, office: PostOffice, stage: str) -> None:
    """A connection that ends before the message is known to have sent nothing."""
    office.cut = stage
    mail = use(office)
    with pytest.raises(TransientError, match="Nothing was sent"):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 1))
    assert isinstance(await mail.action.verify(mail.inputs, {}, mail.context), Refuted)


async def test_broken_off_after_the_message(use: Make, office: PostOffice) -> None:
    """The server has it and its answer is lost: people are asked, and nothing is sent again."""
    office.cut = "DATA"
    mail = use(office)
    with pytest.raises(UnknownOutcomeError, match="did not answer"):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 1))
    with pytest.raises(PermanentError, match=r"can't be known.*@aivo\.edu> in the server's log"):
        await mail.action.verify(mail.inputs, {}, mail.context)
    assert len(office.taken) == 1


async def test_people_may_send_it_again(use: Make, office: PostOffice) -> None:
    """What a person asks for has the same Message-ID, and the first attempt can't return."""
    office.cut = "DATA"
    mail = use(office)
    with pytest.raises(UnknownOutcomeError):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 1))
    office.cut = ""
    office.answers["DATA"] = "451 later"
    with pytest.raises(TransientError):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 2))
    with pytest.raises(PermanentError, match="A later attempt"):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 1))
    office.answers.clear()
    await mail.action.apply(mail.inputs, {}, attempt(mail, 3))
    first, second = office.messages()
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_hold_while_the_server_thinks(
    use: Make, office: PostOffice, tmp_path: Path
) -> None:
    """Ended in the middle of the message, it is in doubt, and the connection is let go of."""
    office.slow = asyncio.Event()
    mail = use(office)
    sending = asyncio.ensure_future(mail.action.apply(mail.inputs, {}, attempt(mail, 1)))
    while f"RCPT:{URGENT['to'][1]}" not in office.seen:
        await asyncio.sleep(0.02)
    evidence = FolderFiles(tmp_path / "evidence")
    while not any(name.endswith("1-begun.json") for name in evidence.names()):
        await asyncio.sleep(0.02)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    office.slow.set()
    with pytest.raises(PermanentError, match="can't be known"):
        await mail.action.verify(mail.inputs, {}, mail.context)


async def test_a_server_that_is_away(use: Make, office: PostOffice) -> None:
    """The preview warns of it, and the step waits."""
    mail = use(office, {"port": 1})
    (warning,) = (await mail.preview()).warnings
    assert "127.0.0.1:1 can't be reached" in warning
    with pytest.raises(TransientError, match="Nothing was sent"):
        await mail.action.apply(mail.inputs, {}, attempt(mail, 1))


async def test_a_new_plan_is_another_mail(use: Make, office: PostOffice) -> None:
    """What a replaced plan sent does not stand for what the new one is to send."""
    mail = use(office)
    await mail.apply()
    mail.context.plan = "second"
    assert not (await mail.preview()).in_place
    await mail.apply()
    first, second = office.messages()
    assert first["Message-ID"] != second["Message-ID"]
