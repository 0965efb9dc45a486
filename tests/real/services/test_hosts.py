"""The bench's hosts: true systemd exit codes over SSH, a web server, rights that end somewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncssh
import httpx
import pytest

from tests.real.services.hosts import SystemdHost

pytestmark = pytest.mark.real


async def asked(host: SystemdHost, command: str) -> tuple[int | None, str]:
    """Run a command over SSH; return its exit code and what it printed."""
    async with host.address.connect() as connection:
        done = await connection.run(command)
    return done.exit_status, str(done.stdout) + str(done.stderr)


async def test_systemctl_tells_states_by_exit_codes(host: SystemdHost) -> None:
    """0 is active, 3 is inactive or failed, 4 is a unit that nobody knows."""
    host.unit("shop-gateway")
    assert await asked(host, "systemctl is-active shop-gateway") == (0, "active\n")
    host.run("systemctl", "stop", "shop-gateway")
    assert await asked(host, "systemctl is-active shop-gateway") == (3, "inactive\n")
    code, said = await asked(host, "systemctl status shop-nowhere")
    assert code == 4
    assert "could not be found" in said


async def test_the_account_may_do_what_sudo_allows_and_no_more(host: SystemdHost) -> None:
    """It restarts services by sudo; without sudo, or with another program, it is refused."""
    host.unit("shop-gateway")
    before = host.run("systemctl", "show", "-P", "MainPID", "shop-gateway")
    assert await asked(host, "sudo -n systemctl restart shop-gateway") == (0, "")
    assert host.run("systemctl", "show", "-P", "MainPID", "shop-gateway") != before
    code, said = await asked(host, "systemctl restart shop-gateway")
    assert code != 0
    assert "authentication" in said.lower() or "denied" in said.lower()
    code, said = await asked(host, "sudo -n cat /etc/shadow")
    assert code == 1
    assert "password is required" in said


async def test_a_unit_that_crashes_is_failed(host: SystemdHost) -> None:
    """systemd counts its restarts, then gives up; the journal holds what it said."""
    # A process that ends at once may be gone before the journal knows which unit it was of.
    host.write("/opt/shop/crash", "#!/bin/sh\necho no database\nsleep 1\nexit 7\n", mode=0o755)
    host.unit("shop-rag", "/opt/shop/crash")
    while (await asked(host, "systemctl is-failed shop-rag"))[0] != 0:
        await asyncio.sleep(0.1)
    properties = await asked(host, "systemctl show -P ExecMainStatus,ActiveState shop-rag")
    assert properties == (0, "7\nfailed\n")
    assert "no database" in (await asked(host, "sudo -n journalctl -u shop-rag -o cat"))[1]


async def test_a_file_arrives_by_sftp(host: SystemdHost) -> None:
    """What the account writes into its home is there, and elsewhere it may not write."""
    async with host.address.connect() as connection, connection.start_sftp_client() as sftp:
        async with sftp.open("notice", "w") as file:
            await file.write("soon")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.open("/etc/motd", "w")
    assert host.read("/home/deploy/notice") == "soon"


def test_its_web_server_is_reached(host: SystemdHost) -> None:
    """nginx of the host answers on loopback until it is stopped."""
    host.write("/var/www/html/index.html", "Shop")
    assert httpx.get(host.url).text == "Shop"
    assert host.run("systemctl", "stop", "nginx")[0] == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(host.url)


async def test_hosts_are_apart(host: SystemdHost, new_host: Callable[[], SystemdHost]) -> None:
    """Another host has other keys, and nothing of the first."""
    other = new_host()
    host.unit("shop-gateway")
    assert (await asked(other, "systemctl is-active shop-gateway"))[0] == 3
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with host.address.connect(known_hosts=str(other.address.known_hosts)):
            pass
