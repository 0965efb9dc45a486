"""What the tests of actions lend to them: a context, a messenger, a system."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.clients import ClientPool
from adapters.evidence import EvidenceStore
from adapters.vault import KeyVault, make_key
from config.models.systems import System
from flows.actions import InterruptedByHoldError, JsonObject, Stored, Surroundings
from flows.files import FolderFiles

Json = Any
KEY = make_key()


class OpenVault:
    """Seals without a key, so that what a golden case records is the same each time."""

    def seal(self, value: Json) -> str:
        """Write the value as base64."""
        return f"sealed:{base64.b64encode(_bytes(value)).decode()}"

    def unseal(self, sealed: str) -> Json:
        """Read it back."""
        return json.loads(base64.b64decode(sealed.removeprefix("sealed:")))

    def mark(self, value: Json) -> str:
        """Return a plain hash."""
        return hashlib.sha256(_bytes(value)).hexdigest()[:32]


def _bytes(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


class FakeMessenger:
    """Keeps messages by key, as Slack's metadata does."""

    def __init__(self) -> None:
        self.posted: list[dict[str, str]] = []

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Keep the message."""
        self.posted.append({"channel": channel, "text": text, "key": key})
        return f"1700000000.{len(self.posted):06}"

    async def find(self, *, channel: str, key: str) -> str | None:
        """Look it up."""
        for number, each in enumerate(self.posted, start=1):
            if (each["channel"], each["key"]) == (channel, key):
                return f"1700000000.{number:06}"
        return None


class Forgetful:
    """A store of evidence that keeps nothing, so that each look begins anew."""

    async def put(self, name: str, content: bytes) -> Stored:
        """Keep nothing."""
        return Stored(name=name, sha256="", size=len(content))

    async def find(self, name: str) -> Stored | None:
        """Find nothing."""
        return None

    async def read(self, name: str) -> bytes:
        """There is nothing to read."""
        raise AssertionError(name)


@dataclass(slots=True, kw_only=True)
class FakeContext:
    """A context whose pauses are counted; `holds_after` interrupts the so many-th of them."""

    system: System
    surroundings: Surroundings
    clients: ClientPool
    messenger: FakeMessenger = field(default_factory=FakeMessenger)
    incident: str = "INC-7"
    key: str = "INC-7/step/1"
    plan: str = "plan"
    values: JsonObject = field(default_factory=dict)
    captures: Mapping[str, JsonObject] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    holds_after: int | None = None
    waits: bool = False

    @property
    def mark(self) -> str:
        """What attempts of a step in one plan have in common."""
        return f"{self.key.rsplit('/', 1)[0]}/{self.plan}"

    def captured(self, step: str) -> JsonObject | None:
        """Return an earlier step's capture."""
        return self.captures.get(step)

    async def progress(self, text: str) -> None:
        """Keep the text."""
        self.told.append(text)

    async def pause(self, seconds: float) -> None:
        """Count the pause; really wait, a little, only where `waits` says so."""
        import asyncio

        self.pauses.append(seconds)
        if self.holds_after is not None and len(self.pauses) >= self.holds_after:
            raise InterruptedByHoldError("held")
        await asyncio.sleep(min(seconds, 0.05) if self.waits else 0)


def system_for(**connections: Json) -> System:
    """Return AIVO with these connections."""
    return System.model_validate(
        {
            "system": "aivo",
            "title": "AIVO",
            "channels": {"incidents": "incident-response"},
            "connections": connections,
        }
    )


def surroundings_for(
    tmp_path: Path, *, kubeconfig: Path | None = None, helm: str = "helm", **secrets: str
) -> Surroundings:
    """Return surroundings in a temporary folder."""

    def secret(reference: str) -> str:
        return secrets[reference.removeprefix("env:")]

    return Surroundings(
        kubeconfig=kubeconfig,
        helm=helm,
        work=tmp_path / "work",
        evidence=EvidenceStore(FolderFiles(tmp_path / "evidence")),
        vault=KeyVault([KEY]),
        secret=secret,
        messages={"customers.md": "{{ incident.reason }} is being looked at.\n"},
    )
