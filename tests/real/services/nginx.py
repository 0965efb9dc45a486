"""An nginx of the session, whose configuration belongs to the test."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.real.presence import missing
from tests.real.processes import answers, free_port, running, wait_until
from tests.real.services.servers import Server

CONFIGURATION = """\
daemon off;
user root;  # its files lie where nobody else may look; only root needs the line
worker_processes 1;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    include {folder}/sites/*.conf;
}}
"""
DEFAULT = """\
server {{
    listen 127.0.0.1:{port} default_server;
    root {pages};
    include {folder}/server/*.conf;
}}
"""


class NginxServer(Server):
    """nginx on 127.0.0.1:`port`.

    `pages` is what it serves, `sites` holds whole `server` blocks (`*.conf`), `within` holds what
    stands inside the first one's. A test writes files there, then `check`s and `reload`s.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self._command = command
        self.port = free_port()
        self.configuration = folder / "nginx.conf"
        self.pages, self.sites, self.within = folder / "pages", folder / "sites", folder / "server"
        self.clear()
        self.configuration.write_text(CONFIGURATION.format(folder=folder), encoding="utf-8")
        super().__init__(
            lambda: running(
                self._arguments(),
                log=folder / "log",
                ready=lambda: answers(self.port),
            )
        )

    @property
    def url(self) -> str:
        """Return the address of the pages, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def clear(self) -> None:
        """Remove what a test wrote."""
        for folder in (self.pages, self.sites, self.within):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        parent = self.pages.parent
        text = DEFAULT.format(port=self.port, pages=self.pages, folder=parent)
        (self.sites / "default.conf").write_text(text, encoding="utf-8")

    def check(self) -> str:
        """Return what `nginx -t` has against the files: "" for nothing."""
        command = [*self._arguments(), "-t", "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr

    def reload(self) -> None:
        """Make it read its files again; return once new workers serve them.

        A ValueError says what is wrong with the files.
        """
        if wrong := self.check():
            raise ValueError(wrong)
        workers = self._workers()
        self.program.signal(signal.SIGHUP)
        wait_until(self.program, lambda: (now := self._workers()) and not workers & now)

    def _arguments(self) -> list[str]:
        folder = self.configuration.parent
        return [self._command, "-c", str(self.configuration), "-p", str(folder)]

    def _workers(self) -> set[int]:
        return {each.pid for each in psutil.Process(self.program.pid).children()}


@pytest.fixture(scope="session")
def nginx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NginxServer]:
    """A running nginx; tests use `nginx`."""
    command = shutil.which("nginx") or missing("nginx", "Debian: nginx-light")
    server = NginxServer(command, tmp_path_factory.mktemp("nginx"))
    with server.up():
        yield server


@pytest.fixture
def nginx(nginx_server: NginxServer) -> Iterator[NginxServer]:
    """The session's nginx, serving nothing but what this test writes."""
    nginx_server.revive()
    yield nginx_server
    nginx_server.clear()
    nginx_server.reload()
