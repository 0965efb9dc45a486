"""Whoever sends anything to the web server: no fault of the server, and nothing counts unproven."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

from bot.web import bodies
from bot.web.health import Health
from bot.web.site import EVENTS_PATH, MOST_BYTES, Site, serve
from tests.fuzz.mutations import NASTY
from tests.fuzz.profiles import bounded
from tests.fuzz.shops import SECRET, Complaints, Stand, form, said, silent_slack

__all__ = ["silent_slack"]
pytestmark = pytest.mark.usefixtures("silent_slack")
WITHIN = 60.0
FORM = "application/x-www-form-urlencoded"
TIMES = ("", "abc", "-1", "1e9", "９" * 10, "1" * 400, "1700000000", "inf", " 5")
SIGNATURES = ("", "v0=", "v0=é", "v1=" + "0" * 64, "v0=" + "0" * 64, "\x7f")
TYPES = (FORM, "application/json", "text/plain; charset=nonsense", "multipart/form-data", "a/b;;=")


class Server:
    """The web server with Slack's path, talked to in bytes."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self.complaints = Complaints()
        self._runner.run(self._open(folder))

    async def _open(self, folder: Path) -> None:
        self.stand = Stand(folder)
        await self.stand.open()
        site = Site(Health({}))
        site.take_events(self.stand.surface.entrance)
        self._served: web.AppRunner = await serve(site.app, host="127.0.0.1", port=0)
        self._port = self._served.addresses[0][1]

    def send(self, raw: bytes, *, wait: bool = True) -> bytes:
        """Send bytes, and return the first line that is answered."""
        return self._runner.run(self._send(raw, wait=wait))

    async def _send(self, raw: bytes, *, wait: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            with suppress(ConnectionError):
                writer.write(raw)
                await writer.drain()
                if not wait:
                    writer.write_eof()
            async with asyncio.timeout(WITHIN):
                with suppress(ConnectionError):
                    return await reader.readline()
            return b""
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def close(self) -> None:
        """Stop."""
        self._runner.run(self._served.cleanup())
        self._runner.run(self.stand.close())
        self._runner.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Yield a server whose incident waits for approval."""
    import logging

    opened = Server(tmp_path)
    logging.getLogger().addHandler(opened.complaints)
    yield opened
    logging.getLogger().removeHandler(opened.complaints)
    opened.close()


def request(body: bytes, headers: dict[str, str], path: str = EVENTS_PATH) -> bytes:
    """Return a POST request."""
    lines = [f"POST {path} HTTP/1.1", "Host: bot", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


def signed(body: bytes) -> dict[str, str]:
    """Return headers with which Slack would have sent it."""
    at = str(int(time.time()))
    with suppress(UnicodeDecodeError):
        signature = SignatureVerifier(SECRET).generate_signature(timestamp=at, body=body)
        return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": str(signature)}
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0="}


def status(answer: bytes) -> int:
    """Return the status of an answer; 0 where the connection was just closed."""
    parts = answer.split()
    return int(parts[1]) if len(parts) > 1 else 0


@bounded(60)
@given(body=st.binary(max_size=500), at=st.sampled_from(TIMES), by=st.sampled_from(SIGNATURES))
@example(body=b"payload={}", at="abc", by="v0=\u00e9")
def test_what_nobody_signed_is_refused(server: Server, body: bytes, at: str, by: str) -> None:
    """Whatever stands in the headers: 401 (or 400 for what is no HTTP), and nothing is recorded."""
    before = len(server.stand.recorded())
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": by, "Content-Type": FORM}
    assert status(server.send(request(body, headers))) in (400, 401)
    assert len(server.stand.recorded()) == before
    assert server.complaints.said == []


@bounded(80)
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.sampled_from(NASTY).map(lambda each: json.dumps(each).encode()),
        st.sampled_from(NASTY).map(lambda each: form(each).encode()),
        st.sampled_from((b"payload=", b"payload=%ff", b"payload=null&payload=1", b"[", b"\xff")),
    ),
    kind=st.sampled_from(TYPES),
)
def test_what_slack_signed_is_acknowledged_whatever_it_is(
    server: Server, body: bytes, kind: str
) -> None:
    """Text that is none, types that do not fit, JSON of another shape: never a fault."""
    before = len(server.stand.recorded())
    answer = server.send(request(body, {**signed(body), "Content-Type": kind}))
    assert status(answer) in (200, 400, 401)
    assert len(server.stand.recorded()) == before
    assert server.complaints.said == []


@bounded(60)
@given(raw=st.binary(max_size=400), path=st.sampled_from(("/", EVENTS_PATH, "/healthz", "/%00")))
def test_what_is_no_http_ends_the_connection(server: Server, raw: bytes, path: str) -> None:
    """Bytes where a request belongs are answered as a bad request, or not at all."""
    assert status(server.send(raw, wait=False)) < 500
    assert status(server.send(b"GET " + path.encode() + b" HTTP/1.1\r\n" + raw, wait=False)) < 500


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    """Said in its length or sent in pieces, it is not kept."""
    head = f"POST {EVENTS_PATH} HTTP/1.1\r\nHost: bot\r\n"
    told = f"{head}Content-Length: {MOST_BYTES + 1}\r\n\r\n".encode()
    assert status(server.send(told + b"x" * (MOST_BYTES + 1))) == 413
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    pieces = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * 17
    assert status(server.send(pieces)) == 413


def test_a_body_that_comes_too_slowly_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever promises a body and sends none gets 408."""
    monkeypatch.setattr(bodies, "READ_WITHIN", 0.05)
    head = f"POST {EVENTS_PATH} HTTP/1.1\r\nHost: bot\r\nContent-Length: 10\r\n\r\nx"
    assert status(server.send(head.encode())) == 408


def test_the_genuine_one_counts(server: Server) -> None:
    """What these tests send would count, had it been a word of somebody."""
    body = json.dumps(said("U0JENNIFER", "!incident note seen", ts="77.1")).encode()
    headers = {**signed(body), "Content-Type": "application/json"}
    assert status(server.send(request(body, headers))) == 200
    assert [note.text for note in server.stand.waits().notes] == ["seen"]
