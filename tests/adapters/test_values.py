"""Shared connections, keys, wording, redaction, and texts that go out."""

import asyncio
from collections.abc import Callable

import pytest

from adapters import texts, values
from adapters.clients import ClientPool
from flows.actions import PermanentError
from tests.adapters.fakes import FakeContext


async def test_connection_is_made_once_for_all_who_wait() -> None:
    """Ten at once get the same connection; close ends it, newest first."""
    pool, closed = ClientPool(), list[str]()

    async def make() -> object:
        await asyncio.sleep(0)
        return object()

    async def close_one(_: object) -> None:
        closed.append("one")

    async def close_two(_: object) -> None:
        closed.append("two")
        raise OSError("gone already")

    first = await asyncio.gather(*(pool.get("one", make, close_one) for _ in range(10)))
    await pool.get("two", make, close_two)
    assert len({id(each) for each in first}) == 1
    await pool.close()
    assert closed == ["two", "one"]


async def test_connection_that_fails_is_tried_again() -> None:
    """A failure is told to who asked, and the next one tries anew."""
    pool, tries = ClientPool(), [1]

    async def make() -> str:
        if tries.pop():
            tries.append(0)
            raise PermanentError("no")
        return "made"

    async def close(_: str) -> None:
        """Do nothing."""

    with pytest.raises(PermanentError):
        await pool.get("key", make, close)
    assert await pool.get("key", make, close) == "made"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("OAuth 12345 refused", "OAuth *** refused"),
        ("https://user:pa55@host/x", "https://user:***@host/x"),
        ("password=hunter2&x=1", "password=***&x=1"),
        ("token: abc", "token: ***"),
        ("xoxb-1-2-abc leaked", "*** leaked"),
        ("jwt eyJhbGciOi.eyJzdWIi.c2ln!", "jwt ***!"),
        ("two\n lines\tand  spaces", "two lines and spaces"),
        ("the token is missing", "the token is missing"),
    ],
)
def test_redaction(said: str, told: str) -> None:
    """Credentials are masked, and the text stays readable."""
    assert values.redact(said) == told


def test_wording() -> None:
    """Counts and lists read as people write them."""
    assert [values.count(n, "pod") for n in (0, 1, 2)] == ["0 pods", "1 pod", "2 pods"]
    assert values.listed("abc") == "a, b, c"
    assert values.listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert values.step_key("INC-7/rollback/3") == "INC-7/rollback"


def test_lookup() -> None:
    """A dotted path goes through objects and lists, and null is there."""
    body = {"services": [{"name": "a"}], "status": None}
    assert values.lookup(body, "services.0.name") == (True, "a")
    assert values.lookup(body, "status") == (True, None)
    assert values.lookup(body, "services.1.name") == (False, None)
    assert values.lookup("text", "status") == (False, None)


def test_template_that_does_not_fill(scripted: Callable[..., FakeContext]) -> None:
    """A template whose value is missing is refused when it goes out, and foreseen as later."""
    context = scripted(values={})
    assert texts.foreseen(context, message="customers.md", text=None) == texts.LATER
    with pytest.raises(PermanentError, match=r"customers\.md can't be filled"):
        texts.rendered(context, message="customers.md", text=None)


def test_customers_read_plain_text(scripted: Callable[..., FakeContext]) -> None:
    """What is not Slack's mrkdwn is not escaped."""
    context = scripted(values={"incident": {"reason": "R&D"}})
    assert texts.rendered(context, message="customers.md", text=None).startswith("R&D is")
