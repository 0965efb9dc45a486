"""What both play on: real servers on the loopback, each started once for all flows.

A flow asks for what it needs (`await estate.cluster()` …), and gets it as new: a namespace, an
account in which nothing was ever made, databases with the damage in them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.vault import make_key
from sandbox.estate.statuspage import TOKEN as STATUSPAGE_TOKEN
from sandbox.flags import launchdarkly
from sandbox.flags.launchdarkly import LaunchDarkly
from tests.real.bench import assets, control_plane, definitions
from tests.real.bench.clusters import Bench, Cluster, administered
from tests.real.flows.campus import answer_on_loopback
from tests.real.flows.conftest import ACCOUNT, FIGURES
from tests.real.flows.school import DAMAGE, TABLES, Databases, fill
from tests.real.processes import scratch
from tests.real.services.aws.server import REGION, Aws
from tests.real.services.aws.server import opened as aws_opened
from tests.real.services.listening import Listener
from tests.real.services.monitoring import Monitoring
from tests.real.services.postgres import PostgresServer, account, database

KEPT = ("BACKOUT_ASSETS", "KUBEBUILDER_ASSETS")
SENDER = "alerts@aivo.edu"
Json = Any


class Estate:
    """The servers.  `folder` is for whatever a round writes; `tools` has helm, kubectl and aws."""

    def __init__(self, folder: Path, stack: ExitStack, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        self.tools = folder / "tools"
        self.monitoring: Monitoring
        self.slack = Listener(post=len)
        self._stack = stack
        self._bench: Bench | None = None
        self._aws: Aws | None = None
        self._postgres: PostgresServer | None = None

    @contextmanager
    def cluster(self) -> Iterator[Cluster]:
        """Make a namespace of a real control plane."""
        if self._bench is None:
            place = self._made("bench")
            plane = self._stack.enter_context(control_plane.started(place))
            bench = self._stack.enter_context(administered(plane.kubeconfig, folder=place))
            definitions.install(bench.api)
            self._bench = bench
        place = Path(self._made(f"cluster-{secrets.token_hex(4)}"))
        with self._bench.cluster(place) as found:
            self.patch.setenv("KUBECONFIG", str(found.kubeconfig))
            yield found

    def aws(self) -> Aws:
        """Return an empty account, in which operations take no time."""
        if self._aws is None:
            self._aws = self._stack.enter_context(aws_opened())
        self._aws.reset()
        self.found_by(self._aws.environment())
        return self._aws

    def account(self) -> Json:
        """Return how the system reaches it."""
        assert self._aws is not None
        return {"account": ACCOUNT, "region": REGION, "endpoint": self._aws.url}

    def mail(self) -> Json:
        """Let Amazon SES take the mail of one sender; return how the system reaches it."""
        assert self._aws is not None
        self._aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        self._aws.client("ses").verify_email_identity(EmailAddress=SENDER)
        return {"sender": SENDER, "ses": True}

    def postgres(self) -> PostgresServer:
        """Return a running PostgreSQL."""
        if self._postgres is None:
            home = self._stack.enter_context(scratch("postgres", owner=account()))
            self._postgres = PostgresServer(home, log=self.folder / "postgres.log")
            self._postgres.create()
            self._stack.enter_context(self._postgres.up())
        return self._postgres

    @contextmanager
    def databases(self) -> Iterator[Databases]:
        """Make the school's two databases, of which the live one is damaged."""
        with ExitStack() as stack:
            primary, recovered = (
                stack.enter_context(database(self.postgres(), f"{name}_{secrets.token_hex(4)}"))
                for name in ("primary", "recovered")
            )
            for each in (primary, recovered):
                fill(each, TABLES)
            fill(primary, DAMAGE)
            self.found_by(
                {
                    "AIVO_PRIMARY_DSN": primary.owner_dsn,
                    "AIVO_RECOVERED_DSN": recovered.reader_dsn,
                }
            )
            yield Databases(primary=primary, recovered=recovered)

    def found_by(self, variables: Mapping[str, str]) -> None:
        """Set variables of the environment until the end."""
        for name, value in variables.items():
            self.patch.setenv(name, value)

    @asynccontextmanager
    async def flags(self) -> AsyncIterator[LaunchDarkly]:
        """Serve LaunchDarkly with AIVO's flag on."""
        found = LaunchDarkly()
        await found.start()
        try:
            yield found
        finally:
            await found.stop()

    def environment(self) -> dict[str, str]:
        """Return what every script finds in its environment."""
        kept = ("KUBECONFIG", "AIVO_PRIMARY_DSN", "AIVO_RECOVERED_DSN")
        more = {name: os.environ[name] for name in kept if name in os.environ}
        cloud = self._aws.environment() if self._aws else {}
        return {
            **more,
            **cloud,
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "NO_PROXY": "*",
            "PROMETHEUS": self.monitoring.url,
            "SLACK_EMERGENCY_WEBHOOK": self.slack.url,
        }

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path


@asynccontextmanager
async def opened() -> AsyncIterator[Estate]:
    """Open an estate whose figures are fine; what a person's environment says is forgotten."""
    async with AsyncExitStack() as outer:
        stack = outer.enter_context(ExitStack())
        folder = stack.enter_context(scratch("document"))
        estate = Estate(folder, stack, stack.enter_context(_environment(folder)))
        _link(estate.tools)
        stack.enter_context(estate.slack.up())
        prometheus, alertmanager = (
            _needed(name) for name in ("prometheus", "prometheus-alertmanager")
        )
        home = folder / "monitoring"
        home.mkdir()
        estate.monitoring = Monitoring(prometheus, alertmanager, home)
        stack.enter_context(estate.monitoring.up())
        await _fine(estate.monitoring)
        yield estate


async def _fine(monitoring: Monitoring) -> None:
    for name, value in {**FIGURES, "aivo:availability": 0.999}.items():
        monitoring.target.set(name, value)
    for name in FIGURES:
        await monitoring.settled(name, lambda value: value >= 0)


@contextmanager
def _environment(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Set the variables by which Backout finds everything; put back those of before."""
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(os.environ):
            ours = name.startswith(("AWS_", "BACKOUT_", "KUBE")) and name not in KEPT
            if ours or name.lower().endswith("_proxy"):
                patch.delenv(name)
        for name, value in _variables(folder).items():
            patch.setenv(name, value)
        answer_on_loopback(patch)
        yield patch


def _variables(folder: Path) -> Mapping[str, str]:
    return {
        "NO_PROXY": "*",
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "BACKOUT_CAPTURE_KEY": make_key(),
        "BACKOUT_HELM": str(assets.program("helm")),
        "AIVO_STATUSPAGE_TOKEN": STATUSPAGE_TOKEN,
        "AIVO_LAUNCHDARKLY_TOKEN": launchdarkly.TOKEN,
    }


def _link(tools: Path) -> None:
    """Put the commands of the scripts in one folder, themselves and no wrapper of them."""
    tools.mkdir()
    for name in ("helm", "kubectl"):
        (tools / name).symlink_to(assets.program(name))
    (tools / "aws").symlink_to(aws_command())


def aws_command() -> Path:
    """Return AWS' command line; behind the wrapper where pyenv has put one before it."""
    found = _needed("aws")
    if "shims" in Path(found).parts:
        said = subprocess.run(["pyenv", "which", "aws"], capture_output=True, text=True, check=True)
        found = said.stdout.strip()
    return Path(found)


def _needed(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"this benchmark needs {name}, which is not on the PATH: install it")
    return found
