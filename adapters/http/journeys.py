"""A journey of several requests: what each sends, keeps for the next ones, and must answer.

Values that a journey uses stand as `${name}`, which the templates of procedures leave alone.  They
come from secrets, from answers before, and from `${unique}`, another text in each run.  None of
them is ever told: what is shown goes through `Wallet.hide`.  Called by `synthetic`.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from adapters.http.exchanges import Answer, Request
from adapters.values import lookup, redact
from config.models.base import Model

PLACE = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
UNIQUE = "unique"
HIDDEN = "***"
SHORTEST_HIDDEN = 4
LONGEST_SHOWN = 120
WRITES = ("POST", "PUT", "PATCH", "DELETE")
LOCAL = ("localhost", "127.0.0.1", "::1")

Scalar = str | int | float | bool
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Path = Annotated[str, Field(min_length=1, max_length=200)]


def _fixed_host(url: str) -> str:
    if PLACE.search(urlsplit(url).netloc):
        raise ValueError("the host of an address is no place for a ${value}")
    return url


Address = Annotated[
    str, Field(pattern=r"^https?://\S+$", max_length=2000), AfterValidator(_fixed_host)
]


class JourneyStep(Model):
    """One request, and what its answer must be."""

    name: str = Field(min_length=1, max_length=60, description="What a person would do here.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Address
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = Field(default=None, description="Sent as JSON.")
    form: dict[str, str] | None = Field(default=None, description="Sent as a form.")
    status: int = Field(default=200, ge=100, le=599, description="The status that counts as well.")
    expect: dict[Path, Scalar] = Field(
        default_factory=dict, description="Dotted path into the JSON answer to what must be there."
    )
    keep: dict[Name, Path] = Field(
        default_factory=dict,
        description="Name to the dotted path of what later requests use as `${name}`.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.body is not None and self.form is not None:
            raise ValueError("give `body` or `form`, not both")
        if self.method == "GET" and (self.body is not None or self.form is not None):
            raise ValueError("a GET carries no body")
        if UNIQUE in self.keep:
            raise ValueError("`unique` is the name of what is another text in each run")
        return self

    @property
    def writes(self) -> bool:
        """Say whether the service may keep something of it."""
        return self.method in WRITES

    def names(self) -> set[str]:
        """Return the values that it uses."""
        parts = [self.url, self.headers, self.body, self.form]
        return set(PLACE.findall(json.dumps(parts)))

    @property
    def protected(self) -> bool:
        """Say whether nobody on the way can read it."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or parts.hostname in LOCAL


@dataclass(slots=True)
class Wallet:
    """The values of one run of a journey."""

    values: dict[str, str] = field(default_factory=dict)
    _longest_first: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, known: Mapping[str, str]) -> "Wallet":
        """Begin a run with these secrets."""
        found = cls()
        found.add(UNIQUE, secrets.token_hex(6))
        for name, value in known.items():
            found.add(name, value)
        return found

    def add(self, name: str, value: str) -> None:
        """Keep a value for the requests to come."""
        self.values[name] = value
        shown = {json.dumps(each)[1:-1] for each in self.values.values()} | {*self.values.values()}
        hidden = (each for each in shown if len(each) >= SHORTEST_HIDDEN)
        self._longest_first = sorted(hidden, key=len, reverse=True)

    def fill(self, value: Any) -> Any:
        """Put the values into their places; an unknown one stays as it is."""
        if isinstance(value, str):
            return PLACE.sub(lambda found: self.values.get(found[1], found[0]), value)
        if isinstance(value, Mapping):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.fill(each) for each in value]
        return value

    def hide(self, text: str) -> str:
        """Return a text without any of the values."""
        for each in self._longest_first:
            text = text.replace(each, HIDDEN)
        return redact(text)


def request_of(step: JourneyStep, wallet: Wallet, seconds: float) -> Request:
    """Return the request with all values in place."""
    return Request(
        method=step.method,
        url=wallet.fill(step.url),
        headers=wallet.fill(step.headers),
        form=wallet.fill(step.form),
        body=wallet.fill(step.body),
        seconds=seconds,
    )


def judge(step: JourneyStep, answer: Answer, wallet: Wallet) -> str | None:
    """Keep what later requests need; return what is not as it should be, or None."""
    if answer.status != step.status:
        return f"answered {answer.status}, expected {step.status}"
    body = answer.json() if step.expect or step.keep else None
    for path, name in ((path, name) for name, path in step.keep.items()):
        there, value = lookup(body, path)
        if not there or isinstance(value, dict | list) or value is None:
            return f"{path} is not there"
        wallet.add(name, value if isinstance(value, str) else json.dumps(value))
    for path, wanted in step.expect.items():
        there, value = lookup(body, path)
        if not there:
            return f"{path} is not there, expected {_shown(wanted, wallet)}"
        if value != wallet.fill(wanted):
            return f"{path} is {_shown(value, wallet)}, expected {_shown(wanted, wallet)}"
    return None


def _shown(value: Any, wallet: Wallet) -> str:
    return wallet.hide(json.dumps(value, ensure_ascii=False))[:LONGEST_SHOWN]
