"""A small HTTP server in a thread: what others scrape, and where others post."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.real.processes import free_port


class Listener:
    """Answers every GET with what `get` returns, and gives every POST's body to `post`.

    `status` is what it answers with; a test may change it.
    """

    def __init__(
        self,
        *,
        get: Callable[[], str] = str,
        post: Callable[[bytes], object] = len,
    ) -> None:
        self.port = free_port()
        self.status = 200
        self._get = get
        self._post = post

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def up(self) -> Iterator[None]:
        """Listen while the block runs."""
        with ThreadingHTTPServer(("127.0.0.1", self.port), self._handler()) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()

    def _handler(listener) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # `self` is the handler
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(listener._get().encode())

            def do_POST(self) -> None:
                listener._post(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(listener.status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
