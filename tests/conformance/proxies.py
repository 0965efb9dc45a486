"""A TCP proxy between one bot and its database, whose wire somebody cuts or lets go dead."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

PIECE = 2**16
LOOK = 0.05


class Proxy:
    """Listens on a port of its own while the block runs.

    `dead`: nothing comes through any more, and nobody is told.  `cut`: connections are reset, and
    no new one is taken.
    """

    def __init__(self, url: str) -> None:
        given = conninfo_to_dict(url)
        self._target = str(given["host"]), int(str(given["port"]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LOOK)
        self.url = make_conninfo(url, port=self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._ended = self.is_cut = False
        self._alive = threading.Event()
        self._alive.set()

    def __enter__(self) -> Proxy:
        """Begin to listen."""
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave nothing behind."""
        self._ended = True
        self._alive.set()
        self._reset()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def cut(self) -> None:
        """Reset every connection, and take no new one."""
        self.is_cut = True
        self._reset()

    def die(self) -> None:
        """Let nothing through, without a word."""
        self._alive.clear()

    def heal(self) -> None:
        """Let everything through again."""
        self.is_cut = False
        self._alive.set()

    def _reset(self) -> None:
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name="proxy")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.is_cut:
                client.close()
                continue
            client.settimeout(LOOK)
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(LOOK)
            self._open += [client, server]
            self._start(self._pump, client, server)
            self._start(self._pump, server, client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        while not self._ended:
            self._alive.wait(LOOK)
            if not self._alive.is_set():
                continue
            try:
                piece = source.recv(PIECE)
            except TimeoutError:
                continue
            except OSError:
                break
            if not piece or not self._passed(piece, sink):
                break
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()

    def _passed(self, piece: bytes, sink: socket.socket) -> bool:
        while not self._ended:
            self._alive.wait(LOOK)
            if not self._alive.is_set():
                continue
            try:
                sent = sink.send(piece)
            except TimeoutError:
                continue
            except OSError:
                return False
            piece = piece[sent:]
            if not piece:
                return True
        return False
