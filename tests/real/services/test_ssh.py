"""The bench's sshd: true exit codes and files, pinned host keys, restricted keys."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from tests.real.services.ssh import SshServer, make_key

pytestmark = pytest.mark.real


async def test_a_command_answers_with_its_exit_code(sshd: SshServer) -> None:
    """What it prints on both channels and how it ends arrive apart."""
    async with sshd.address.connect() as connection:
        done = await connection.run("echo out; echo err >&2; exit 4")
    assert (done.exit_status, done.stdout, done.stderr) == (4, "out\n", "err\n")


async def test_a_file_is_written_and_read(sshd: SshServer, tmp_path: Path) -> None:
    """SFTP is there."""
    target = tmp_path / "notice"
    async with sshd.address.connect() as connection, connection.start_sftp_client() as sftp:
        async with sftp.open(str(target), "w") as file:
            await file.write("maintenance")
        assert await sftp.getsize(str(target)) == len("maintenance")
    assert target.read_text(encoding="utf-8") == "maintenance"


async def test_an_unknown_key_is_refused(sshd: SshServer, tmp_path: Path) -> None:
    """Nobody comes in with a key that is not authorized, or once it no longer is."""
    make_key(tmp_path / "other")
    with pytest.raises(asyncssh.PermissionDenied):
        async with sshd.address.connect(client_keys=[str(tmp_path / "other")]):
            pass
    sshd.authorized.write_text("", encoding="ascii")
    with pytest.raises(asyncssh.PermissionDenied):
        async with sshd.address.connect():
            pass


async def test_an_impostor_is_found_out(sshd: SshServer) -> None:
    """A host with another key than the pinned one is not trusted."""
    sshd.change_host_key()
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with sshd.address.connect():
            pass


async def test_a_restricted_key_runs_its_command_only(sshd: SshServer) -> None:
    """A forced command takes the place of whatever was asked for."""
    sshd.authorized.write_text(
        f'restrict,command="echo asked: $SSH_ORIGINAL_COMMAND" {sshd.public}\n', encoding="ascii"
    )
    async with sshd.address.connect() as connection:
        done = await connection.run("rm -rf /important")
    assert (done.exit_status, done.stdout) == (0, "asked: rm -rf /important\n")


async def test_a_cut_connection_leaves_the_outcome_open(sshd: SshServer) -> None:
    """When the host goes down under a command, there is no exit code."""
    async with sshd.address.connect() as connection:
        process = await connection.create_process("echo started; sleep 60")
        assert await process.stdout.readline() == "started\n"
        sshd.crash()
        done = await process.wait()
        assert done.exit_status is None
    sshd.start()
