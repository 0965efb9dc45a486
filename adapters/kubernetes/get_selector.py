"""`kubernetes.get_selector`: which colour (or version) the traffic of Services goes to."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, endpoints, labels, selectors
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.endpoints import Pods
from adapters.kubernetes.resources import PODS, SERVICES
from adapters.values import Names, count, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Reading,
    Refuted,
    Verdict,
)

Value = Annotated[str, Field(min_length=1, pattern=rf"^{labels.VALUE}$")]
Selectors = Mapping[str, Mapping[str, str]]


class GetSelectorInputs(Model):
    """Which Services, and which key of their selectors."""

    services: Names = Field(default=(), description="Names of Services.")
    selector: labels.Selector = Field(
        default="",
        description="Instead of names: labels of Services. Those without the key are left out.",
        examples=["app.kubernetes.io/part-of=shop"],
    )
    key: str = Field(
        pattern=rf"^{labels.KEY}$", description="Key of the selector, e.g. `deployment-color`."
    )
    values: tuple[Value, ...] = Field(
        default=(),
        max_length=2,
        description="The two values that there are, e.g. `[blue, green]`: then the other one is "
        "told as well, and a third one refutes it.",
    )
    unanimous: bool = Field(
        default=True, description="Whether Services that don't all have one value refute it."
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.services) == bool(self.selector):
            raise ValueError("give either services or selector, so that it is clear what is meant")
        if self.values and len(set(self.values)) != 2:
            raise ValueError("values are two different ones, e.g. [blue, green], or none")
        return self


class GetSelectorOutput(Model):
    """What the Services select now, and what else there is to select."""

    values: dict[str, str] = Field(description="Service to the key's value.")
    value: str = Field(description="The value that all of them have; empty where they differ.")
    other: str = Field(description="The one of the two `values` that none of them has, or empty.")
    unanimous: bool
    ready: dict[str, dict[str, int]] = Field(
        description="Value to Service to the ready pods that it has, or would have."
    )


class GetSelector(Reading[GetSelectorInputs]):
    """Tell the value that a key has in the selectors of Services: the colour that is live.

    It is read from each Service, never assumed; all of them must agree.  The pods that are ready
    are counted for each value, those that no Service selects as well.

    Effect: reads.  Units: pods.  Refuted where the Services don't agree, with who has what, and
    where one has a third value.  Errors: permanent for a Service that is not there or does not
    select by the key, and without the right to look; transient when the cluster does not answer.
    """

    uses: ClassVar[str] = "kubernetes.get_selector"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = GetSelectorInputs
    Output: ClassVar[type[Model]] = GetSelectorOutput
    example: ClassVar[JsonObject] = {
        "services": ["business-service", "core-service"],
        "key": "deployment-color",
        "values": ["blue", "green"],
    }

    def permissions(self, inputs: GetSelectorInputs, system: System) -> tuple[Permission, ...]:
        """Read the Services, or list them for a selector; list pods."""
        namespace = namespace_of(system)
        return (
            *(access.right("get", SERVICES, namespace, name=name) for name in inputs.services),
            *([access.right("list", SERVICES, namespace)] if inputs.selector else ()),
            access.right("list", PODS, namespace),
        )

    def describe(self, inputs: GetSelectorInputs) -> str:
        """Say what is looked at."""
        which = listed(inputs.services) or f"the Services with {inputs.selector}"
        return f"Look which {inputs.key} {which} select"

    async def look(self, inputs: GetSelectorInputs, context: Context) -> Verdict:
        """Look once."""
        cluster = await connect(context)
        services, left_out = await selectors.find(
            cluster, names=inputs.services, labels=inputs.selector, key=inputs.key
        )
        found = {name: selectors.selector_of(each) for name, each in services.items()}
        values = _values(found, inputs.key)
        if why := _third(values, inputs) or _apart(values, inputs):
            return Refuted(why=why)
        pods = await cluster.items(PODS, labels=inputs.key)
        ready = _counted(found, inputs, pods)
        value = next(iter(values.values())) if len(set(values.values())) == 1 else ""
        output = GetSelectorOutput(
            values=values,
            value=value,
            other=next((each for each in inputs.values if value and each != value), ""),
            unanimous=bool(value),
            ready={v: {name: each.ready for name, each in by.items()} for v, by in ready.items()},
        )
        told = f"{_told(values)}; {_readiness(ready)}"
        if left_out:
            told += f"; {listed(left_out)} without {inputs.key} left out"
        return Holds(summary=told, output=output.model_dump(mode="json"))


def _values(found: Selectors, key: str) -> dict[str, str]:
    """Return each Service's value; raise `PermanentError` for those without the key."""
    if without := [f"{n} ({selectors.written(s)})" for n, s in found.items() if key not in s]:
        raise PermanentError(
            f"{listed(without)} does not select pods by {key}, so it has no value: correct the "
            "names, or the key."
        )
    return {name: each[key] for name, each in found.items()}


def _third(values: Mapping[str, str], inputs: GetSelectorInputs) -> str:
    """Say which Services have none of the two values, or nothing."""
    other = [f"{n} has {v}" for n, v in values.items() if inputs.values and v not in inputs.values]
    return f"{listed(other)}, not {' or '.join(inputs.values)}" if other else ""


def _apart(values: Mapping[str, str], inputs: GetSelectorInputs) -> str:
    """Say who has what where they don't agree and must, or nothing."""
    if not inputs.unanimous or len(set(values.values())) == 1:
        return ""
    return f"the Services don't agree on {inputs.key}: {_told(values)}"


def _told(values: Mapping[str, str]) -> str:
    """Write `green: business-service, core-service; blue: api`."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return "; ".join(f"{value}: {listed(each)}" for value, each in names.items())


def _counted(
    found: Selectors, inputs: GetSelectorInputs, pods: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, Pods]]:
    """Count the pods of each value, for each Service: those of now first."""
    every = list(pods)
    values = [each[inputs.key] for each in found.values()]
    values += inputs.values or sorted(_there(found, inputs.key, every))
    return {
        value: {
            name: endpoints.counted(endpoints.selected({**each, inputs.key: value}, every))
            for name, each in found.items()
        }
        for value in dict.fromkeys(values)
    }


def _there(found: Selectors, key: str, pods: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the values of pods that a Service would select by another value."""
    rests = [{k: v for k, v in each.items() if k != key}.items() for each in found.values()]
    every = [pod["metadata"].get("labels") or {} for pod in pods if endpoints.is_there(pod)]
    return {each[key] for each in every if any(rest <= each.items() for rest in rests)}


def _readiness(ready: Mapping[str, Mapping[str, Pods]]) -> str:
    """Write `ready: green 5 of 5 pods, blue 2 of 2 pods (none for core-service)`."""
    return f"ready: {listed(_of_value(value, by) for value, by in ready.items())}"


def _of_value(value: str, by: Mapping[str, Pods]) -> str:
    total = count(sum(each.total for each in by.values()), "pod")
    none = [name for name, each in by.items() if not each.ready]
    lacking = f" (none for {listed(none)})" if none else ""
    return f"{value} {sum(each.ready for each in by.values())} of {total}{lacking}"
