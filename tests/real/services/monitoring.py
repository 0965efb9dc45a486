"""Prometheus and Alertmanager of the session: a target that it controls, rules, a webhook.

Everything happens within seconds: scrapes and rules every second, notifications without waiting for
others of their group.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from tests.real.presence import missing
from tests.real.processes import free_port, running, wait_until
from tests.real.services.listening import Listener
from tests.real.services.servers import Server

PATIENCE = 90.0  # seconds until a test stops waiting for a value or a notification
LOOK = 0.1

OWN_SERIES = '{job="shop",__name__!~"up|scrape_.*"}'

JsonObject = dict[str, Any]
Found = TypeVar("Found")


class Target:
    """What Prometheus scrapes every second: whatever the test sets."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self.listener = Listener(get=lambda: "".join(f"{k} {v}\n" for k, v in self._values.items()))

    def set(self, name: str, value: float, **labels: str) -> None:
        """Show this value from the next scrape on."""
        self._values[_series(name, labels)] = value

    def clear(self) -> bool:
        """Show nothing; say whether there was something."""
        had = bool(self._values)
        self._values.clear()
        return had

    def remove(self, name: str, **labels: str) -> None:
        """Show the series no more: it is stale from the next scrape on."""
        del self._values[_series(name, labels)]


class Monitoring:
    """Prometheus at `url`, Alertmanager at `alerts_url`, and what Alertmanager sent."""

    def __init__(self, prometheus: str, alertmanager: str, folder: Path) -> None:
        port, alerts_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.alerts_url = f"http://127.0.0.1:{alerts_port}"
        self.target = Target()
        self.received: list[JsonObject] = []
        self._webhook = Listener(post=lambda body: self.received.append(json.loads(body)))
        self._folder = folder
        self._http = httpx.Client(timeout=30)
        self.prometheus = Server(
            lambda: running(
                [
                    prometheus,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'series'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--web.enable-lifecycle",
                    "--rules.alert.resend-delay=1s",  # Alertmanager was just down: say it again
                ],
                log=folder / "prometheus.log",
                ready=lambda: self._answers(f"{self.url}/-/ready"),
            )
        )
        self.alertmanager = Server(
            lambda: running(
                [
                    alertmanager,
                    f"--config.file={folder / 'alertmanager.yml'}",
                    f"--storage.path={folder / 'alerts'}",
                    f"--web.listen-address=127.0.0.1:{alerts_port}",
                    "--cluster.listen-address=",
                ],
                log=folder / "alertmanager.log",
                ready=lambda: self._answers(f"{self.alerts_url}/-/ready"),
            )
        )

    def up(self) -> ExitStack:
        """Start everything; closing what this returns stops it."""
        with ExitStack() as block:
            block.enter_context(self._http)
            block.enter_context(self._webhook.up())
            block.enter_context(self.target.listener.up())
            self._write()
            self.notify(self._webhook.url)
            block.enter_context(self.alertmanager.up())
            block.enter_context(self.prometheus.up())
            return block.pop_all()

    def clear(self) -> None:
        """Forget values, rules, alerts and notifications; return once Prometheus has."""
        self.prometheus.revive()
        self.target.listener.status = 200
        if self.target.clear():
            wait_until(self.prometheus.program, lambda: not self.query(OWN_SERIES))
        self.rules()
        with self.alertmanager.down():
            shutil.rmtree(self._folder / "alerts")
            self.notify(self._webhook.url)
        self.received.clear()

    def rules(self, *rules: JsonObject) -> None:
        """Let Prometheus evaluate these every second instead of those before.

        As in Prometheus' own files: `{"alert": "Errors", "expr": "errors > 1", "for": "1s"}`.
        """
        group = {"name": "bench", "interval": "1s", "rules": list(rules)}
        self._dump("rules.yml", {"groups": [group]})
        self._http.post(f"{self.url}/-/reload").raise_for_status()

    def notify(self, url: str, **http_config: Any) -> None:
        """Send notifications there; `authorization={"credentials": …}` adds a bearer token."""
        webhook: JsonObject = {"url": url, "send_resolved": True}
        if http_config:
            webhook["http_config"] = http_config
        route = {"receiver": "bench", "group_by": ["alertname"], "repeat_interval": "1h"}
        route |= {"group_wait": "0s", "group_interval": "1s"}
        receivers = [{"name": "bench", "webhook_configs": [webhook]}]
        self._dump("alertmanager.yml", {"route": route, "receivers": receivers})
        if self.alertmanager.runs:
            self._http.post(f"{self.alerts_url}/-/reload").raise_for_status()

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return what an expression yields now: labels and value of each series."""
        answer = self._http.get(f"{self.url}/api/v1/query", params={"query": expression})
        answer.raise_for_status()
        return [
            (each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]
        ]

    async def settled(self, expression: str, holds: Callable[[float], bool]) -> float:
        """Wait until the expression yields one series whose value holds; return the value."""

        def found() -> float | None:
            values = [value for _, value in self.query(expression)]
            return values[0] if len(values) == 1 and holds(values[0]) else None

        return await _patiently(found, lambda: f"{expression} yields {self.query(expression)}")

    async def notified(self, alert: str, status: str = "firing") -> JsonObject:
        """Wait until the webhook got this alert with this status; return what it got, whole."""

        def found() -> JsonObject | None:
            for each in self.received:
                names = {one["labels"]["alertname"] for one in each["alerts"]}
                if each["status"] == status and alert in names:
                    return each
            return None

        return await _patiently(found, lambda: f"{alert} is not {status}; got {self.received}")

    def _write(self) -> None:
        def at(url: str) -> list[JsonObject]:
            return [{"targets": [url.removeprefix("http://")]}]

        scrape = {"job_name": "shop", "static_configs": at(self.target.listener.url)}
        configuration: JsonObject = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
            },
            "rule_files": ["rules.yml"],
            "scrape_configs": [scrape],
            "alerting": {"alertmanagers": [{"static_configs": at(self.alerts_url)}]},
        }
        self._dump("prometheus.yml", configuration)

    def _dump(self, name: str, content: JsonObject) -> None:
        text = json.dumps(content)  # which is YAML as well
        (self._folder / name).write_text(text, encoding="utf-8")

    def _answers(self, url: str) -> bool:
        with suppress(httpx.TransportError):
            return self._http.get(url).is_success
        return False


def _series(name: str, labels: dict[str, str]) -> str:
    """Write a series as Prometheus reads it."""
    inner = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


async def _patiently(look: Callable[[], Found | None], problem: Callable[[], str]) -> Found:
    """Look until something is found."""
    deadline = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > deadline:
            pytest.fail(f"After {PATIENCE:.0f} s: {problem()}")
        await asyncio.sleep(LOOK)
    return found


@pytest.fixture(scope="session")
def monitoring_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    """Prometheus and Alertmanager, running; tests use `monitoring`."""
    prometheus = shutil.which("prometheus") or missing("prometheus", "Debian: prometheus")
    alertmanager = (
        shutil.which("prometheus-alertmanager")
        or shutil.which("alertmanager")
        or missing("alertmanager", "Debian: prometheus-alertmanager")
    )
    servers = Monitoring(prometheus, alertmanager, tmp_path_factory.mktemp("monitoring"))
    with servers.up():
        yield servers


@pytest.fixture
def monitoring(monitoring_servers: Monitoring) -> Monitoring:
    """The session's Prometheus and Alertmanager, without any value, rule or alert.

    The session's first scrape comes after five seconds: Prometheus takes its time to find targets.
    """
    monitoring_servers.clear()
    return monitoring_servers
