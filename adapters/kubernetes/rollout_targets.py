"""Which earlier template a workload is to return to: as people name it, and how that is found.

Never "the previous one": done twice, that brings the bad one back.  Called by
`kubernetes.rollout_undo`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator

from adapters.kubernetes import templates, workloads
from adapters.kubernetes.templates import DEPLOYMENT, History, Template
from adapters.kubernetes.workloads import Workload
from adapters.values import Names, listed
from config.models.base import Model
from flows.actions import PermanentError

KIND = "Deployment"
"""What a name without a kind is."""
TEMPLATE = r"^[a-z0-9]{1,63}$"


class To(Model):
    """One earlier template: exactly one of the four."""

    template: Annotated[str, Field(pattern=TEMPLATE)] | None = Field(
        default=None, description="Its hash: the label pod-template-hash of the ReplicaSet."
    )
    images: Names = Field(
        default=(), description="The images of all its containers, as its manifest has them."
    )
    revision: int | None = Field(default=None, ge=1, description="Its number in the history.")
    ran_at: AwareDatetime | None = Field(
        default=None, description="What a Deployment ran at this time, e.g. before a bad release."
    )

    @model_validator(mode="after")
    def _names_one(self) -> "To":
        given = (self.template, self.images or None, self.revision, self.ran_at)
        if sum(each is not None for each in given) != 1:
            raise ValueError("name one of template, images, revision or ran_at")
        return self

    def __str__(self) -> str:
        """Write it the way it was asked for."""
        if self.template is not None:
            return f"the hash {self.template}"
        if self.revision is not None:
            return f"the revision {self.revision}"
        if self.ran_at is not None:
            return f"what ran at {_at(self.ran_at)}"
        return f"the images {listed(self.images)}"


def _to(value: Any) -> Any:
    return {"template": value} if isinstance(value, str) else value


class Target(Model):
    """A workload and its template; a bare text is the template's hash."""

    name: str = Field(pattern=workloads.NAME, max_length=80)
    to: Annotated[To, BeforeValidator(_to)]


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping) and "to" not in value:
        return [{"name": name, "to": to} for name, to in value.items()]
    return value


def _distinct(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    named = [str(workload_of(each)) for each in targets]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ValueError(f"{listed(twice)} is named more than once")
    return targets


def workload_of(target: Target) -> Workload:
    """Return the workload that a target names."""
    return workloads.named((target.name,), KIND)[0]


Targets = Annotated[
    tuple[Target, ...], BeforeValidator(_listed), AfterValidator(_distinct), Field(min_length=1)
]
"""Several targets, also as a mapping: `{checkout: 7c8bc5cdbc}`."""


def find(history: History, to: To) -> Template:
    """Return the template that is meant.

    Raises `PermanentError`, with what is kept, where there is none or where it is ambiguous.
    """
    if to.ran_at is not None:
        return _ran_at(history, to.ran_at)
    found = next((each for each in history.kept if _meets(each, to)), None)
    if found is None:
        raise PermanentError(
            f"{history.workload} keeps no template with {to}. Kept: {history.told()}."
        )
    return found


def _meets(template: Template, to: To) -> bool:
    if to.template is not None:
        return template.hash == to.template
    if to.revision is not None:
        return to.revision in (template.revision, *template.earlier)
    return _has(template, set(to.images))


def _has(template: Template, wanted: set[str]) -> bool:
    """Say whether a template's images are just these; init containers may be left out."""
    every = templates.images(template.body)
    initial = {each["name"] for each in template.body["spec"].get("initContainers") or ()}
    main = {image for name, image in every.items() if name not in initial}
    return wanted in (main, set(every.values()))


def _ran_at(history: History, time: datetime) -> Template:
    """Return what the newest rollout that began until then brought.

    A ReplicaSet tells when it was made, not when it was used again: where another one may have
    come back in between, the answer is not known.
    """
    if history.workload.kind != DEPLOYMENT:
        raise PermanentError(
            f"A {history.workload.kind} does not keep when its templates were used: name the "
            f"template of {history.workload}. Kept: {history.told()}."
        )
    line = sorted(_line(history), key=lambda each: each[0])
    began = [i for i, (_, known, _) in enumerate(line) if known is not None and known <= time]
    if not began:
        raise PermanentError(
            f"What {history.workload} ran at {_at(time)} is no longer kept. Kept: {history.told()}."
        )
    number, _, found = line[began[-1]]
    candidates = {found.hash}
    for after, known, other in line[began[-1] + 1 :]:
        if after > number + 1:
            candidates.add("one that is no longer kept")
        if known is not None:
            break
        candidates.add(other.hash)
        number = after
    if len(candidates) > 1:
        raise PermanentError(
            f"{history.workload} went between {listed(sorted(candidates))} around {_at(time)}, "
            f"and the cluster does not keep when: name the template. Kept: {history.told()}."
        )
    return found


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S %Z}"


def _line(history: History) -> Iterator[tuple[int, datetime | None, Template]]:
    """Yield every rollout by its number: when it began, as far as known, and what it brought."""
    for each in history.kept:
        first, *later = sorted((each.revision, *each.earlier))
        yield first, each.made, each
        yield from ((number, None, each) for number in later)
