"""What the command line and the running bot say to each other.  Read by both ends.

An order comes from another process, so it is validated like anything else that enters.
"""

import uuid
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot import limits

SOCKET = "control.sock"
RUNS = "runs"
LARGEST = 16 * 1024
"""Bytes of an order at most."""


class Word(StrEnum):
    """What can be ordered; each is a path of the door."""

    APPROVE = "approve"
    DENY = "deny"
    HOLD = "hold"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"
    UNDO = "undo"
    ABORT = "abort"
    ACK = "ack"
    EMERGENCY = "emergency"
    WITHDRAW = "withdraw"
    ANSWER = "answer"
    NOTE = "note"
    PAGE = "page"


def new_request() -> str:
    """Return what makes an order one of its kind."""
    return uuid.uuid4().hex


class Order(BaseModel):
    """One request of one person, proven by `code`.

    `step` is empty where the plan is meant; `text` is a note, whom to call, or the question that
    `answer` answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    request: str = Field(default_factory=new_request, pattern=r"^[0-9a-f]{32}$")
    incident: str = Field(min_length=1, max_length=60)
    person: str = Field(min_length=1, max_length=60)
    code: SecretStr = Field(min_length=1, max_length=20)
    step: str = Field(default="", max_length=100)
    digest: str = Field(default="", max_length=64, pattern=r"^[0-9a-f]*$")
    reason: str = Field(default="", max_length=limits.TEXT)
    text: str = Field(default="", max_length=limits.TEXT)
    answer: bool | None = None

    def dump(self) -> dict[str, Any]:
        """Return what goes through the door: here, and only here, with the code in the clear."""
        return {**self.model_dump(exclude={"code"}), "code": self.code.get_secret_value()}


class Answer(BaseModel):
    """A sentence, and whether what was ordered was done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    done: bool = False


class Asked(BaseModel):
    """A gate that is asked about: `scope` is `plan` or a step's id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: str
    digest: str


class OpenRun(BaseModel):
    """An open incident, as far as deciding about it needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    incident: str
    system: str
    title: str
    state: str
    gates: tuple[Asked, ...] = ()
    waiting: str = Field(description="The scope that a word without a step is about.")

    def digest_of(self, step: str) -> str:
        """Return the digest that a gate asks about, or nothing where it does not."""
        scope = step or self.waiting
        return next((gate.digest for gate in self.gates if gate.scope == scope), "")


class OpenRuns(BaseModel):
    """The open incidents, oldest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: tuple[OpenRun, ...]
