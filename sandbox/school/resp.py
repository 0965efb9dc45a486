"""Redis' protocol, as far as the sandbox speaks it: a client for `cache` in a page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

Reply = str | int | None | list["Reply"]
_SECONDS = 10.0


class RefusedError(Exception):
    """Redis refused a command; the message is its own."""


class Client:
    """One connection; replies come in the order of the commands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connected(cls, port: int, password: str) -> Client:
        """Connect to 127.0.0.1, and say the password; raise OSError or RefusedError."""
        async with asyncio.timeout(_SECONDS):
            client = cls(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await client.call("AUTH", password)
        except BaseException:
            await client.close()
            raise
        return client

    async def call(self, *words: str) -> Reply:
        """Send one command, and return its answer."""
        (reply,) = await self.calls([words])
        return reply

    async def calls(self, commands: Sequence[Sequence[str]]) -> list[Reply]:
        """Send several commands at once, and return their answers."""
        async with asyncio.timeout(_SECONDS):
            self._writer.write(b"".join(_written(words) for words in commands))
            await self._writer.drain()
            return [await self._read() for _ in commands]

    async def close(self) -> None:
        """Disconnect; safe to call twice."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return

    async def _read(self) -> Reply:
        line = (await self._reader.readuntil(b"\r\n"))[:-2].decode()
        kind, rest = line[0], line[1:]
        if kind == "-":
            raise RefusedError(rest)
        if kind == ":":
            return int(rest)
        if kind == "+":
            return rest
        if int(rest) < 0:
            return None
        if kind == "*":
            return [await self._read() for _ in range(int(rest))]
        return (await self._reader.readexactly(int(rest) + 2))[:-2].decode()


def _written(words: Sequence[str]) -> bytes:
    parts = [each.encode() for each in words]
    head = b"*%d\r\n" % len(parts)
    return head + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in parts)
