"""A tiny estate in memory, actions on it, and a system that uses them.

Shared by the tests of the engine and the performer.  Faults are asked for by name: an action
fails, hangs, or loses its answer exactly once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from adapters.evidence import EvidenceStore
from adapters.vault import KeyVault
from config.models.base import Model
from config.models.bundles import Bundle
from config.models.people import People
from config.models.policies import Policy
from config.models.procedures import Procedure
from config.models.systems import System
from flows.actions import (
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Reading,
    Refuted,
    Surroundings,
    TransientError,
    UnknownOutcomeError,
    Verdict,
)
from flows.files import FolderFiles


class SimulatedCrash(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


@dataclass
class Estate:
    """What there is, what was done to it, and what is to go wrong."""

    values: dict[str, str] = field(default_factory=lambda: {"release": "bad", "status": "none"})
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    slow: asyncio.Event | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def fault(self, place: str) -> str | None:
        """Return the next fault of a place, using it up."""
        waiting = self.faults.get(place)
        return waiting.pop(0) if waiting else None


class SetInputs(Model):
    """What to set, and to what."""

    name: str
    to: str


class Nothing(Model):
    """No output."""


class Set(Action):
    """Set a value; absolute, so running it again does no harm."""

    uses = "fake.set"
    effect = Effect.CHANGES
    undoable = True
    Inputs = SetInputs
    Output = Nothing
    example: ClassVar[JsonObject] = {"name": "release", "to": "good"}

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def permissions(self, inputs: SetInputs, system: System) -> tuple[Permission, ...]:
        """Need nothing."""
        return ()

    async def preview(self, inputs: SetInputs, context: Context) -> Preview:
        """Say what would change."""
        if self.estate.fault(f"preview:{inputs.name}"):
            raise PermanentError("it can't be seen")
        now = self.estate.values[inputs.name]
        return Preview(
            summary=f"{inputs.name} {now} → {inputs.to}",
            fingerprint=now,
            changes=(Change(subject=inputs.name, before=now, after=inputs.to),),
            in_place=now == inputs.to,
            touches=1,
        )

    async def capture(self, inputs: SetInputs, context: Context) -> JsonObject:
        """Remember what is there."""
        return {"was": self.estate.values[inputs.name]}

    async def apply(self, inputs: SetInputs, captured: JsonObject, context: Context) -> None:
        """Set it, or go wrong as asked."""
        self.estate.calls.append(f"set {inputs.name}={inputs.to}")
        self.estate.called.set()
        match self.estate.fault(f"{self.uses}:{inputs.name}"):
            case "crash before":
                raise SimulatedCrash
            case "crash after":
                self.estate.values[inputs.name] = inputs.to
                raise SimulatedCrash
            case "transient":
                raise TransientError("busy", delay=0.01)
            case "permanent":
                raise PermanentError("forbidden: you need the right to set")
            case "lost":
                self.estate.values[inputs.name] = inputs.to
                raise UnknownOutcomeError("no answer")
            case "lost before":
                raise UnknownOutcomeError("no answer")
            case "bug":
                raise ZeroDivisionError
            case _:
                pass
        if self.estate.slow is not None:
            await self.estate.slow.wait()
        self.estate.values[inputs.name] = inputs.to

    async def verify(self, inputs: SetInputs, captured: JsonObject, context: Context) -> Verdict:
        """Look."""
        now = self.estate.values[inputs.name]
        if now == inputs.to:
            return Holds(summary=f"{inputs.name} is {now}", output={"value": now})
        return Refuted(why=f"{inputs.name} is {now}")

    async def undo(self, inputs: SetInputs, captured: JsonObject, context: Context) -> str:
        """Put it back."""
        if self.estate.fault(f"undo:{inputs.name}"):
            raise PermanentError("can't put it back")
        self.estate.calls.append(f"undo {inputs.name}={captured['was']}")
        self.estate.values[inputs.name] = captured["was"]
        return f"{inputs.name} is {captured['was']} again"


class Toggle(Set):
    """The same, but running it twice would do harm."""

    uses = "fake.toggle"
    idempotent = False


class LookInputs(Model):
    """What to look at, and what is expected."""

    name: str
    equals: str | None = None


class Look(Reading[LookInputs]):
    """Look at a value."""

    uses = "fake.look"
    Inputs = LookInputs
    Output = Nothing
    example: ClassVar[JsonObject] = {"name": "release"}

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    def permissions(self, inputs: LookInputs, system: System) -> tuple[Permission, ...]:
        """Need nothing."""
        return ()

    def describe(self, inputs: LookInputs) -> str:
        """Say what is looked at."""
        return f"look at {inputs.name}"

    async def look(self, inputs: LookInputs, context: Context) -> Verdict:
        """Look."""
        self.estate.calls.append(f"look {inputs.name}")
        match self.estate.fault(f"{self.uses}:{inputs.name}"):
            case "transient":
                raise TransientError("not there", delay=0.01)
            case "crash":
                raise SimulatedCrash
            case _:
                pass
        now = self.estate.values[inputs.name]
        if inputs.equals in (None, now):
            return Holds(summary=f"{inputs.name} is {now}", output={"value": now})
        return NotYet(progress=f"{inputs.name} is {now}", after=0.02, output={"value": now})


@dataclass
class Registry:
    """Names to the actions above."""

    actions: Mapping[str, Action]

    def find(self, uses: str) -> Action:
        """Return the action."""
        return self.actions[uses]


def registry(estate: Estate) -> Registry:
    """Return the actions on an estate."""
    return Registry({a.uses: a for a in (Set(estate), Toggle(estate), Look(estate))})


def step(name: str, uses: str, **more: Any) -> dict[str, Any]:
    """Write a step as YAML would give it."""
    return {"id": name, "title": name.capitalize(), "uses": uses, "budget": "1s", **more}


def bundle(
    *,
    restore: tuple[Any, ...] | None = None,
    isolate: tuple[Any, ...] = (),
    validate: tuple[Any, ...] | None = None,
    communicate: tuple[Any, ...] = (),
    needs: tuple[Any, ...] = ({"any_of": ["oncall", "lead"]}, {"any_of": ["lead"]}),
    rto: str = "10m",
) -> Bundle:
    """Return a system with one procedure, `back`, that two people must approve."""
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    look = step("check", "fake.look", **{"with": {"name": "release", "equals": "good"}})
    procedure = Procedure.model_validate(
        {
            "procedure": "back",
            "title": "Go back",
            "class": "application",
            "target": "availability",
            "assess": [step("find", "fake.look", **{"with": {"name": "release"}})],
            "isolate": isolate,
            "restore": (rollback,) if restore is None else restore,
            "validate": (look,) if validate is None else validate,
            "communicate": communicate,
        }
    )
    policy = Policy.model_validate(
        {
            "facts": [
                {
                    "id": "release",
                    "title": "Release",
                    "uses": "fake.look",
                    "with": {"name": "release"},
                    "value": "output.value",
                    "limit": "value == 'good'",
                }
            ],
            "questions": [{"id": "security", "text": "Is this a security incident?"}],
            "matrix": [
                {
                    "procedure": None,
                    "title": "Security",
                    "when": "facts.security",
                    "because": "somebody said so",
                    "severity": "critical",
                },
                {
                    "procedure": "back",
                    "title": "Bad release",
                    "when": "facts.release == 'bad'",
                    "because": "the release is {{ facts.release }}",
                    "severity": "critical",
                },
            ],
            "authorization": {
                "classes": [
                    {"id": "application", "title": "Application", "needs": needs, "limit": "5m"},
                    {
                        "id": "data",
                        "title": "Data",
                        "needs": [{"any_of": ["lead"]}],
                        "limit": "5m",
                    },
                ],
                "control": ["oncall", "lead"],
            },
            "targets": [
                {"id": "availability", "title": "Availability", "rto": rto, "rto_limit": "20m"}
            ],
            "plan_valid_for": "30m",
        }
    )
    people = People.model_validate(
        {
            "roles": {"oncall": {"title": "On-call"}, "lead": {"title": "Lead"}},
            "people": [
                {"id": "marcus", "name": "Marcus Rodriguez", "roles": ["oncall"]},
                {"id": "emily", "name": "Emily Watson", "roles": ["oncall"]},
                {"id": "jennifer", "name": "Jennifer Liu", "roles": ["lead"]},
                {"id": "alex", "name": "Alex Thompson", "roles": ["lead"]},
            ],
        }
    )
    system = System.model_validate(
        {"system": "shop", "title": "Shop", "channels": {"incidents": "incidents"}}
    )
    return Bundle(
        system=system,
        people=people,
        policy=policy,
        procedures={"back": procedure},
        messages={},
    )


class NoMessenger:
    """Speaks to nobody."""

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Refuse: no test action posts."""
        raise PermanentError("nobody is there")

    async def find(self, *, channel: str, key: str) -> str | None:
        """Find nothing."""
        return None


def surroundings(folder: Path) -> Surroundings:
    """Return a machine that offers nothing."""
    return Surroundings(
        kubeconfig=None,
        helm="helm",
        work=folder / "work",
        evidence=EvidenceStore(FolderFiles(folder / "evidence")),
        vault=KeyVault(()),
        secret=lambda _: "",
        messages={},
    )
