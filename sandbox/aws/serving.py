"""Moto as a server on 127.0.0.1, in a thread of this process, so that every client reaches it.

Called by `part`, and by the bench's fixture.  Everything here blocks.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock, Thread
from typing import Any

from sandbox.aws import cloudfront, elbv2, logs, rds, route53, secretsmanager
from sandbox.aws.front import Front
from sandbox.aws.patches import Patches
from sandbox.aws.progress import Progress

Tighten = Callable[[Patches, Progress], None]
STRICT: tuple[Tighten, ...] = tuple(
    each.tighten for each in (cloudfront, elbv2, logs, rds, route53, secretsmanager)
)
_LOOKED = 0.05  # seconds between looks whether to stop
_open: list[Server] = []
_opening = Lock()


def is_installed() -> bool:
    """Say whether what it takes is there: moto with its server, and AWS's SDK."""
    return all(importlib.util.find_spec(name) for name in ("moto", "boto3", "werkzeug", "flask"))


@contextmanager
def same_names(seed: int) -> Iterator[None]:
    """Let moto choose the same names and numbers each time, while the block runs."""
    internals: Any = importlib.import_module("moto.moto_api._internal")
    internals.mock_random.seed(seed)
    try:
        yield
    finally:
        internals.mock_random.seed()


class Server:
    """The server at `url`.

    `progress` says how long operations take, and `more` changes moto further.  What moto knows is
    one for the whole process: where several servers are open, the last one opened counts.
    """

    def __init__(self, progress: Progress, more: tuple[Tighten, ...] = ()) -> None:
        self.progress = progress
        self._tighten = (*STRICT, *more)
        self._patched = ExitStack()
        self._server: Any = None
        self._thread: Thread | None = None
        apps: Any = importlib.import_module("moto.moto_server.werkzeug_app")
        self._handler = apps.MotoRequestHandler
        self.front = Front(apps.DomainDispatcherApplication(apps.create_backend_app))
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)  # it would print every request

    @property
    def url(self) -> str:
        """Return the address; known once open."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self) -> None:
        """Make moto strict, and serve."""
        with _opening:
            if _open:
                _open[-1]._loosen()
            self._make_strict()
            _open.append(self)
        theirs: Any = importlib.import_module("moto.moto_server.threaded_moto_server")
        self._server = theirs.make_server(
            "127.0.0.1", 0, self.front, threaded=True, request_handler=self._handler
        )
        self._thread = Thread(target=self._server.serve_forever, args=(_LOOKED,), name="aws")
        self._thread.start()

    def close(self) -> None:
        """Stop serving, and leave moto as it was; safe to call twice."""
        self.front.clear()
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._thread = None
        with _opening:
            if self in _open:
                _open[-1]._loosen()
                _open.remove(self)
                if _open:
                    _open[-1]._make_strict()

    def reset(self) -> None:
        """Forget everything: an account in which nothing was ever made."""
        self.front.clear()
        with self.front.lock:
            self.progress.clear()
            backends: Any = importlib.import_module("moto.moto_api._internal.models")
            backends.moto_api_backend.reset()

    def _make_strict(self) -> None:
        for tighten in self._tighten:
            tighten(Patches(self._patched), self.progress)

    def _loosen(self) -> None:
        self._patched.close()
        self._patched = ExitStack()
