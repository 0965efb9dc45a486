"""One HTTP/1.0 exchange over a socket, because `http.client` alone takes longer to import than
the whole command takes to run.
"""

from __future__ import annotations

import json
import socket

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CALL_TIMEOUT = 30.0


class NoAnswerError(Exception):
    """The server closed the connection without an answer."""


def quote(text: str) -> str:
    """Return text as it may stand in a path or a query."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())


def exchange(
    address: tuple[str, int], head: str, headers: dict[str, str], body: object
) -> tuple[int, bytes]:
    """Send a request (`head` is method and path) and return the status and body."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{head} HTTP/1.0", f"Host: {address[0]}:{address[1]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(data)}", "", ""]
    with socket.create_connection(address, timeout=_CALL_TIMEOUT) as connection:
        connection.sendall("\r\n".join(lines).encode() + data)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    top, separator, text = answer.partition(b"\r\n\r\n")
    if not separator:
        raise NoAnswerError
    return int(top.split(None, 2)[1]), text
