"""The demo: a local Slack and a simulated estate in one process, the real bot in another.

Called by `backout demo`.  The bot is supervised, so that a person can kill it in the middle of
a rollback and watch it come back; workspace and estate live on meanwhile.  The bot gets an
environment of its own, without anything of the caller's that could lead to a real system.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bot import demo_texts as texts
from bot.cli.failures import CommandError, ExitCode
from bot.cli.output import complain, say
from bot.demo_estate import Addresses, bot_environment, read_addresses, write_overlay
from bot.demo_marks import mark_phases

MARKER = ".backout-demo"
JOURNAL = "journal"
HOOK = "/webhooks/pagerduty"
RESTART_AFTER = 2.0
QUICK = 10.0
QUICK_DEATHS = 5
READY_WITHIN = 60.0
STOP_WITHIN = 15.0
LAST_LINES = 15
POLL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `backout demo` was asked for.  `data` None: a temporary folder, removed at the end."""

    port: int = 8400
    browser: bool = True
    speed: float = 1.0
    data: Path | None = None


@dataclass(slots=True)
class Child:
    """A process of the demo, with its log."""

    name: str
    arguments: list[str]
    log: Path
    environment: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    started: float = 0.0
    _file: IO[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Start it in a session of its own: Ctrl-C reaches only us, and we stop it in order."""
        self._file = self._file or self.log.open("ab")
        self.started = time.monotonic()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # a folder named `bot` where the person stands is not ours
            "-m",
            *self.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
            env=dict(self.environment),
            start_new_session=True,
        )

    async def ended(self) -> int:
        """Wait for its end and return the code (negative: the signal)."""
        assert self.process is not None
        return await self.process.wait()

    async def stop(self) -> None:
        """Ask it to end, and after a while make it."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), STOP_WITHIN)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        if self._file is not None:
            self._file.close()
            self._file = None

    def last_lines(self) -> str:
        """Return the end of its log."""
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])
        return ""

    def failure(self, what: str) -> CommandError:
        """Return an error that shows the end of its log."""
        return CommandError(f"{what}. The end of {self.log}:\n{self.last_lines()}")


async def run(options: Options) -> ExitCode:
    """Run the demo until Ctrl-C.  Raises `CommandError` where it can't go on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    data = _folder(options.data)
    demo = _Demo(options, data, stop)
    try:
        await demo.play()
    finally:
        await demo.stop()
    if options.data is None:
        shutil.rmtree(data, ignore_errors=True)
    say(texts.stopped(data if options.data else None))
    return ExitCode.OK


class _Demo:
    """The two processes and what happens to them."""

    def __init__(self, options: Options, data: Path, stop: asyncio.Event) -> None:
        self._options = options
        self._data = data
        self._stop = stop
        self._sandbox: Child | None = None
        self._bot: Child | None = None
        self._marks: asyncio.Task[None] | None = None
        self._door = 0  # where the bot listens for PagerDuty

    async def play(self) -> None:
        """Start both, tell the story, and keep the bot alive until told to stop."""
        addresses = await self._start_sandbox()
        await addresses.install()
        self._bot = self._make_bot(addresses)
        await self._bot.start()
        if not await self._until_ready(addresses):
            return
        marking = mark_phases(self._data / JOURNAL, addresses.workspace_page)
        self._marks = asyncio.create_task(marking)
        say(texts.welcome(addresses.workspace_page, self._bot.pid, self._data))
        if self._options.browser:
            await _open_browser(addresses.workspace_page)
        await self._supervise(addresses)

    async def stop(self) -> None:
        """Stop the bot first: it says good-bye to a workspace that is still there."""
        if self._marks is not None:
            self._marks.cancel()
            await asyncio.gather(self._marks, return_exceptions=True)
        for child in (self._bot, self._sandbox):
            if child is not None:
                await child.stop()

    async def _start_sandbox(self) -> Addresses:
        port, taken = free_port(self._options.port)
        estate_port, _ = free_port(port + 1)
        self._door, _ = free_port(port + 2)
        if taken:
            say(texts.port_taken(self._options.port, port))
        file = self._data / "addresses.json"
        arguments = ["sandbox", "--port", str(port), "--estate-port", str(estate_port)]
        arguments += ["--data", str(self._data / "estate"), "--addresses", str(file)]
        arguments += ["--speed", f"{self._options.speed:g}"]
        arguments += ["--webhook", f"http://127.0.0.1:{self._door}{HOOK}"]
        environment = bot_environment(os.environ)
        sandbox = Child("sandbox", arguments, self._data / "sandbox.log", environment)
        self._sandbox = sandbox
        await sandbox.start()
        for _ in range(int(READY_WITHIN / POLL)):
            if (addresses := read_addresses(file)) is not None:
                return addresses
            if sandbox.process is None or sandbox.process.returncode is not None:
                raise sandbox.failure("The workspace and the estate did not start")
            await self._pause(POLL)
            if self._stop.is_set():
                raise CommandError("stopped before it was ready")
        raise sandbox.failure(
            f"The workspace and the estate are not ready after {READY_WITHIN:g} s"
        )

    def _make_bot(self, addresses: Addresses) -> Child:
        overlay = write_overlay(self._data / "overlay.yaml", addresses)
        environment = bot_environment(
            os.environ,
            addresses=addresses,
            data=self._data / JOURNAL,
            overlay=overlay,
            port=self._door,
        )
        arguments = ["bot.demo_bot", addresses.workspace_page]
        return Child("bot", arguments, self._data / "bot.log", environment)

    async def _until_ready(self, addresses: Addresses) -> bool:
        """Wait until the bot is connected to the workspace; False where told to stop."""
        assert self._bot is not None
        assert self._bot.process is not None
        for _ in range(int(READY_WITHIN / POLL)):
            if await addresses.connected():
                return True
            if self._bot.process.returncode is not None:
                raise self._bot.failure("The bot did not start")
            await self._pause(POLL)
            if self._stop.is_set():
                return False
        raise self._bot.failure("The bot does not connect to the workspace")

    async def _supervise(self, addresses: Addresses) -> None:
        assert self._bot is not None
        assert self._sandbox is not None
        deaths = 0
        while (code := await self._first_end()) is not None:
            lived = time.monotonic() - self._bot.started
            deaths = deaths + 1 if lived < QUICK else 0
            if deaths >= QUICK_DEATHS:
                raise self._bot.failure(f"The bot ended {deaths} times within seconds")
            say(texts.bot_ended(self._bot.pid, code, RESTART_AFTER))
            await self._pause(RESTART_AFTER)
            if self._stop.is_set():
                return
            await self._bot.start()
            if not await self._until_back(addresses):
                continue
            say(texts.bot_back(self._bot.pid, time.monotonic() - self._bot.started))

    async def _until_back(self, addresses: Addresses) -> bool:
        """Wait until the bot is connected again; False where it died or we were told to stop."""
        assert self._bot is not None
        process = self._bot.process
        while not self._stop.is_set() and process is not None and process.returncode is None:
            if await addresses.connected():
                return True
            await self._pause(POLL)
        return False

    async def _first_end(self) -> int | None:
        """Wait for the bot's end and return its code; None where told to stop."""
        assert self._bot is not None
        assert self._sandbox is not None
        tasks = {
            name: asyncio.create_task(wait)
            for name, wait in (
                ("stop", self._stop.wait()),
                ("sandbox", self._sandbox.ended()),
                ("bot", self._bot.ended()),
            )
        }
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        done = {name for name, task in tasks.items() if task.done()}
        code = tasks["bot"].result() if "bot" in done else None
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        if "stop" in done:
            return None
        if "sandbox" in done:
            raise self._sandbox.failure("The workspace and the estate ended by themselves")
        assert code is not None
        return int(code)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


def free_port(wanted: int) -> tuple[int, bool]:
    """Return the wanted port of the loopback, or a free one and True where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError, OverflowError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1]), port != wanted
    raise CommandError("no port of this machine is free", ExitCode.BUSY)


def _folder(wanted: Path | None) -> Path:
    """Return an empty folder for this demo.  What an earlier demo left in it is removed."""
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="backout-demo-"))
    if wanted.exists() and not wanted.is_dir():
        raise CommandError(f"{wanted} is not a folder", ExitCode.USAGE)
    if wanted.is_dir() and any(wanted.iterdir()):
        if not (wanted / MARKER).exists():
            message = f"{wanted} is not empty and no demo's: name another folder with --data"
            raise CommandError(message, ExitCode.USAGE)
        shutil.rmtree(wanted)  # its incidents point at channels that are gone with the workspace
    wanted.mkdir(parents=True, exist_ok=True)
    (wanted / MARKER).touch()
    return wanted.absolute()


async def _open_browser(url: str) -> None:
    """Open the page where there is a desktop; a text browser would take the terminal over."""
    import webbrowser

    has_desktop = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_desktop and sys.stdout.isatty():
        opened = await asyncio.to_thread(webbrowser.open, url)
        if not opened:
            complain(texts.NO_BROWSER)
