"""The contract of actions: four honest verbs, and the values that they exchange.

`adapters` implements it, `flows.planning` calls `preview`, `flows.performing` calls the rest.

An action is asked, in this order: `preview` (read-only: what would change), `capture` (what is
there now; committed before anything changes), `apply` (change it, idempotently under
`context.key`), `verify` (look whether it took effect), and perhaps `undo` (put the captured
state back).  After a crash nobody guesses: `verify` looks.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from config.models.base import Model
from config.models.systems import System

Json = Any
JsonObject = Mapping[str, Json]
MESSAGE_LIMIT = 600
ONE_REQUEST = 20.0
"""Seconds after which nothing of a single request of a dead process can still take effect."""


class Effect(StrEnum):
    """What an action does to the people who use the estate."""

    READS = "reads"
    CHANGES = "changes"
    INTERRUPTS = "interrupts"
    DESTROYS = "destroys"


class ActionError(Exception):
    """Something that an action could not do.  The message says what to do next.

    Vendor errors are wrapped once, cut to `MESSAGE_LIMIT` characters, without secrets.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message if len(message) <= MESSAGE_LIMIT else message[:597] + "…")


class PermanentError(ActionError):
    """Trying again will not help: a person or a different plan is needed."""


class TransientError(ActionError):
    """Nothing was changed, and the same call may work after `delay` seconds."""

    def __init__(self, message: str, *, delay: float = 1.0) -> None:
        super().__init__(message)
        self.delay = delay


class UnknownOutcomeError(ActionError):
    """The request left and its answer did not arrive: verify before anything else."""


class InterruptedByHoldError(ActionError):
    """A hold, an abort or a shutdown ended the waiting.  Nothing was decided by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that would change.  `None` stands for "is not there"; secrets are masked."""

    subject: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What `apply` would do, and a fingerprint of what was looked at to know it.

    `fingerprint` covers only what this action relies on and would overwrite, so that an earlier
    step of the same plan does not look like drift.  `touches` counts objects (blast radius).
    """

    summary: str
    fingerprint: str
    changes: tuple[Change, ...] = ()
    in_place: bool = False
    touches: int = 0
    losses: str = ""
    warnings: tuple[str, ...] = ()


ANY = "*"
"""Stands for an input that is not known yet, where `Action.permissions` is asked about it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """A right that an action needs: `kind` is kubernetes, iam or azure.

    `scope` is a namespace, an account or a subscription; an empty one is the whole cluster.
    `name` is the one object it is needed on; an empty one means every object of the resource.
    """

    kind: str
    verb: str
    resource: str
    scope: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """It took effect.  `summary` says what was seen, never more."""

    summary: str
    output: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """It is on its way; look again after so many seconds.

    `output` is what was seen so far, in the shape of the action's output, so that a fact has a
    value though its check is not met.  Empty where nothing could be seen: the fact is unknown.
    """

    progress: str
    after: float = 2.0
    output: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuted:
    """It did not take effect, or a check is not met.

    `final` where the look also proves that nothing of the attempt can still come.
    """

    why: str
    final: bool = False


Verdict = Holds | NotYet | Refuted
C = TypeVar("C")


class Clients(Protocol):
    """Shared connections, made on first use and closed at shutdown."""

    async def get(
        self, key: str, make: Callable[[], Awaitable[C]], close: Callable[[C], Awaitable[None]]
    ) -> C:
        """Return the connection of this key, making it once."""
        ...


class Messenger(Protocol):
    """How an action speaks to people; `bot` implements it over Slack."""

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Post `text` (mrkdwn) once under `key`; return the message's timestamp.

        Raises `TransientError` or `PermanentError`.
        """
        ...

    async def find(self, *, channel: str, key: str) -> str | None:
        """Return the timestamp of the message posted under `key`, or None."""
        ...


class Vault(Protocol):
    """Keeps what holds secrets, so that captures of them can stand in the journal.

    Every method raises `PermanentError` where no key is set.
    """

    def seal(self, value: Json) -> str:
        """Encrypt a JSON value; the text may be kept anywhere."""
        ...

    def unseal(self, sealed: str) -> Json:
        """Return what was sealed; raise `PermanentError` where the key is another one."""
        ...

    def mark(self, value: Json) -> str:
        """Return a keyed hash: equal values have equal marks, and a mark tells no value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A piece of evidence: `name` in the store, `sha256` in hex, `size` in bytes."""

    name: str
    sha256: str
    size: int


class Evidence(Protocol):
    """What is kept about an incident besides the journal: logs, manifests, dumps.

    Names are paths such as `INC-7/logs/checkout.log`.  What is stored once never changes.
    """

    async def put(self, name: str, content: bytes) -> Stored:
        """Keep it; again with the same content changes nothing.

        Raises `PermanentError` where something else is kept under this name.
        """
        ...

    async def find(self, name: str) -> Stored | None:
        """Return what is kept under a name, or None."""
        ...

    async def read(self, name: str) -> bytes:
        """Return its content; raise `PermanentError` where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the machine offers to actions: commands, files and keys, from the settings.

    `work` is a folder for files that only a running step needs.
    """

    kubeconfig: Path | None
    helm: str
    work: Path
    evidence: Evidence
    vault: Vault
    secret: Callable[[str], str]
    messages: Mapping[str, str]


class Context(Protocol):
    """What an action may use besides its inputs."""

    @property
    def system(self) -> System:
        """The system that is rolled back."""
        ...

    @property
    def incident(self) -> str:
        """The incident's id, e.g. `INC-7`."""
        ...

    @property
    def key(self) -> str:
        """`incident/step/attempt`: the idempotency key of this attempt."""
        ...

    @property
    def mark(self) -> str:
        """`incident/step/plan`: the same for each attempt of a step, another one in a new plan.

        For what a repeat must find again.  Before there is a plan it is found on nothing.
        """
        ...

    @property
    def values(self) -> JsonObject:
        """The namespace of templates: inputs, facts, steps, system, incident."""
        ...

    @property
    def surroundings(self) -> Surroundings: ...

    @property
    def clients(self) -> Clients: ...

    @property
    def messenger(self) -> Messenger: ...

    def captured(self, step: str) -> JsonObject | None:
        """Return what an earlier step of this run, or attempt of this one, captured, or None."""
        ...

    async def progress(self, text: str) -> None:
        """Show people how far it is."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait.  Raises `InterruptedByHoldError` when waiting should end."""
        ...


class Action(ABC):
    """One way to look at or change the world.  Stateless; made once.

    `idempotent` says whether running `apply` again under the same inputs can do no harm even if
    the first one still works (an absolute value, a deterministic name, a client token).
    `settle` is for how many seconds after its process died a call can still take effect; None
    stands for the step's whole budget.
    """

    uses: ClassVar[str]
    settle: ClassVar[float | None] = None
    effect: ClassVar[Effect]
    idempotent: ClassVar[bool] = True
    undoable: ClassVar[bool] = False
    Inputs: ClassVar[type[Model]]
    Output: ClassVar[type[Model]]
    example: ClassVar[JsonObject]

    @abstractmethod
    def permissions(self, inputs: Any, system: System) -> tuple[Permission, ...]:
        """Return the rights that these inputs need.

        An input that depends on an earlier step's output is `ANY` here: name no object then.
        """

    @abstractmethod
    async def preview(self, inputs: Any, context: Context) -> Preview:
        """Look, and say what `apply` would change.  Changes nothing."""

    @abstractmethod
    async def capture(self, inputs: Any, context: Context) -> JsonObject:
        """Return what `undo` and `verify` need to know of the state before."""

    @abstractmethod
    async def apply(self, inputs: Any, captured: JsonObject, context: Context) -> None:
        """Make the change.  Idempotent under `context.key`."""

    @abstractmethod
    async def verify(self, inputs: Any, captured: JsonObject, context: Context) -> Verdict:
        """Look afresh whether the change took effect."""

    async def undo(self, inputs: Any, captured: JsonObject, context: Context) -> str:
        """Put the captured state back, look, and return what was seen.  Repeatable."""
        raise PermanentError(f"{self.uses} can't be undone: do it by hand, then skip the step.")


I_ = TypeVar("I_", bound=Model)


class Reading(Action, Generic[I_]):
    """An action that only looks: its verbs follow from one, `look`."""

    effect = Effect.READS

    @abstractmethod
    async def look(self, inputs: I_, context: Context) -> Verdict:
        """Look once.  `NotYet` where a check is not met but may be later."""

    @abstractmethod
    def describe(self, inputs: I_) -> str:
        """Say in a line what is looked at."""

    async def preview(self, inputs: I_, context: Context) -> Preview:
        """Say what will be looked at; nothing can drift."""
        return Preview(summary=self.describe(inputs), fingerprint="", in_place=False)

    async def capture(self, inputs: I_, context: Context) -> JsonObject:
        """Return nothing: a look changes nothing."""
        return {}

    async def apply(self, inputs: I_, captured: JsonObject, context: Context) -> None:
        """Do nothing: the look is `verify`."""

    async def verify(self, inputs: I_, captured: JsonObject, context: Context) -> Verdict:
        """Look."""
        return await self.look(inputs, context)

    async def undo(self, inputs: I_, captured: JsonObject, context: Context) -> str:
        """Do nothing: there is nothing to put back."""
        return "nothing was changed"


class Registry(Protocol):
    """Names of actions to actions."""

    def find(self, uses: str) -> Action:
        """Return the action; raise `UnknownActionError` that lists near names."""
        ...


class UnknownActionError(Exception):
    """No action has this name.  The message lists the near ones."""
