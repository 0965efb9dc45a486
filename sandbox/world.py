"""The whole sandbox in one process: Slack's workspace, PagerDuty and the estate.

`python -m sandbox` runs it for `make demo`, and the scenario tests start `World` in process. It
is a process of its own so that it lives on when the bot dies.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from sandbox.estate import Estate
from sandbox.pagerduty import PagerDuty
from sandbox.pagerduty.accounts import REST_TOKEN, ROUTING_KEY, WEBHOOK_SECRET
from sandbox.parts import Part
from sandbox.phones import Phones
from sandbox.workspace import Workspace
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET


class _Server(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class World:
    """A workspace, a PagerDuty and an estate that know each other, with one clock on the wall."""

    def __init__(
        self,
        *,
        data: Path,
        port: int = 0,
        estate_port: int = 0,
        speed: float = 1.0,
        seed: int = 7,
        webhook: str = "",
    ) -> None:
        self.estate = Estate(data=data, seed=seed, speed=speed, port=estate_port)
        self.workspace = Workspace(port, wall=self.estate.wall.now)
        self.pagerduty = PagerDuty(data=data / "pagerduty", wall=self.estate.wall, webhook=webhook)
        self.phones = Phones(self.pagerduty, self.workspace.context.store.feed)
        self.estate.add_routes(self.workspace.app)
        self.phones.add_routes(self.workspace.app)

    def add(self, part: Part) -> None:
        """Give the estate one more part, before the start."""
        self.estate.parts.all.append(part)

    async def start(self) -> None:
        """Start all servers, or none."""
        async with AsyncExitStack() as started:
            for server in self._servers():
                await server.start()
                started.push_async_callback(server.stop)
            started.pop_all()

    async def stop(self) -> None:
        """Stop all servers."""
        for server in reversed(self._servers()):
            await server.stop()

    def _servers(self) -> tuple[_Server, ...]:
        return (self.estate, self.estate.parts, self.pagerduty, self.workspace)

    def addresses(self) -> dict[str, str]:
        """Return where everything is, and what opens it."""
        found: dict[str, str] = {
            "slack_api_url": self.workspace.api_url,
            "workspace_page": self.workspace.url,
            "bot_token": BOT_TOKEN,
            "app_token": APP_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "estate_url": self.estate.url,
            "kubeconfig": str(self.estate.kubeconfig.resolve()),
            "helm_dir": str(self.estate.helm_dir.resolve()),
            "prometheus_url": self.estate.prometheus_url,
            "health_url": self.estate.health_url,
            "statuspage_url": self.estate.statuspage_url,
            "statuspage_token": self.estate.statuspage_token,
            "statuspage_page": self.estate.statuspage_page,
            "status_page": f"{self.workspace.url}status",
            "pagerduty_url": self.pagerduty.url,
            "pagerduty_authority": str(self.pagerduty.authority.resolve()),
            "pagerduty_routing_key": ROUTING_KEY,
            "pagerduty_token": REST_TOKEN,
            "pagerduty_webhook_secret": WEBHOOK_SECRET,
        }
        for part in self.estate.parts.all:
            found |= part.addresses()
        return found


def write_addresses(world: World, path: Path) -> None:
    """Write the addresses as JSON, whole or not at all: their reader polls for the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(world.addresses(), indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def remove_addresses(path: Path) -> None:
    """Take the file away, so that nobody starts against a sandbox that is gone."""
    path.unlink(missing_ok=True)


async def serve(world: World, *, addresses: Path | None) -> None:
    """Run until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await world.start()
    try:
        if addresses is not None:
            write_addresses(world, addresses)
        sys.stdout.write(
            "The sandbox is a simulation; nothing real is touched.\n"
            f"Open {world.workspace.url}\nStop it with Ctrl-C.\n"
        )
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await world.stop()
        if addresses is not None:
            remove_addresses(addresses)
