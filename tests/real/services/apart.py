"""Run a program in a network and a mount table of its own, and forward ports to it.

Started by tests.real.services.docker as a script, as root. Whatever the program does to interfaces,
firewall rules and mounts vanishes with its last process: the machine's own are never touched. The
listed ports of 127.0.0.1 are listened on outside, and each connection is passed to the same port of
127.0.0.1 inside.

    apart.py PORT[,PORT…] CGROUP command …      CGROUP is the parent of the program's cgroups
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
CHUNK = 65536
LIBC = ctypes.CDLL(None, use_errno=True)


def main(ports: list[int], cgroup: str, command: list[str]) -> int:
    """Listen outside, move inside, run the command; return its exit code."""
    listening = [socket.create_server(("127.0.0.1", port)) for port in ports]
    call(LIBC.unshare(CLONE_NEWNS | CLONE_NEWNET))
    call(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    try:
        return asyncio.run(run(listening, command))
    finally:
        remove_cgroups(cgroup)


def call(result: int) -> None:
    """Raise what a call of the C library reports as failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


async def run(listening: list[socket.socket], command: list[str]) -> int:
    """Forward connections until the command ends; SIGTERM is handed on to it."""
    servers = [await forward(each) for each in listening]
    program = await asyncio.create_subprocess_exec(*command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, program.terminate)
    code = await program.wait()
    for each in servers:
        each.close()
    return code


async def forward(outside: socket.socket) -> asyncio.Server:
    """Serve one port."""
    port = outside.getsockname()[1]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()  # the nearest there is to "connection refused"
            return
        try:
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    return await asyncio.start_server(serve, sock=outside)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends, then end the other."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.transport.abort()


def remove_cgroups(name: str) -> None:
    """Remove the groups that containers leave behind, innermost first."""
    for root in Path("/sys/fs/cgroup").glob(f"**/{name}"):
        for folder, _, _ in os.walk(root, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


if __name__ == "__main__":
    sys.exit(main([int(port) for port in sys.argv[1].split(",")], sys.argv[2], sys.argv[3:]))
