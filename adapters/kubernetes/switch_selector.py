"""`kubernetes.switch_selector`: send the traffic of Services to the pods of one named colour."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, endpoints, labels, reconcilers, selectors, sides
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.endpoints import Endpoint
from adapters.kubernetes.resources import ENDPOINT_SLICES, PODS, SERVICES
from adapters.kubernetes.selectors import Move
from adapters.values import Names, count, fingerprint_of, listed, step_key
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

DIGEST = r"^(?:[^\s@]+@)?sha256:[0-9a-f]{64}$"
Object = Mapping[str, Any]


class SwitchSelectorInputs(Model):
    """Which Services, and which pods they are to select."""

    services: Names = Field(
        default=(), description="Names of Services, in the order in which they are switched."
    )
    selector: labels.Selector = Field(
        default="",
        description="Instead of names: labels of Services. Those without the key are left out.",
        examples=["app.kubernetes.io/part-of=shop"],
    )
    key: str = Field(
        pattern=rf"^{labels.KEY}$", description="Key of the selector, e.g. `deployment-color`."
    )
    value: str = Field(
        min_length=1,
        pattern=rf"^{labels.VALUE}$",
        description="Its value afterwards, e.g. `blue`. Always named, never “the other one”.",
    )
    at_least: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description=(
            "Ready pods of this value that each Service needs; by default as many as are ready "
            "behind it now, and one at least."
        ),
    )
    images: dict[str, Annotated[str, Field(pattern=DIGEST)]] = Field(
        default={},
        description=(
            "Service to the digest (`sha256:…`, with or without the repository) that a container "
            "of each of its pods of this value must run."
        ),
    )
    mixed: bool = Field(
        default=False, description="Switch though the Services don't all have one value now."
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.services) == bool(self.selector):
            raise ValueError("give either services or selector, so that it is clear what is meant")
        return self


class SwitchSelectorOutput(Model):
    """What the Services select now, and what is ready there."""

    values: dict[str, str] = Field(description="Service to the key's value.")
    ready: dict[str, int] = Field(description="Service to its ready endpoints.")


class SwitchSelector(Action):
    """Make Services select the pods of one named colour (or version), and no others.

    This is the switch of a blue-green deployment.  The value is always named, so that a repeat
    changes nothing.  It is refused before anything changed where the Services don't agree on one
    value, where the pods that are to take over are too few or run another image than expected.
    Services are switched one after the other, each under a test of its selector of before; where
    one fails, those that were switched go back, and the error says where each of them is.  It
    holds once the EndpointSlices of all Services have ready pods of the value, and only those.

    Effect: changes.  Units: pods, endpoints.  Errors: permanent for a Service that is not there or
    does not select by the key, for Services that disagree, for too few ready pods, for another
    image, for a selector that somebody else changed, and without the right to patch; transient
    when the cluster is busy; `undo` is transient while nothing of the value before is ready.
    """

    uses: ClassVar[str] = "kubernetes.switch_selector"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = SwitchSelectorInputs
    Output: ClassVar[type[Model]] = SwitchSelectorOutput
    example: ClassVar[JsonObject] = {
        "services": ["business-service", "core-service"],
        "key": "deployment-color",
        "value": "blue",
    }

    def permissions(self, inputs: SwitchSelectorInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the Services; list pods and endpoints; list Services for a selector."""
        namespace = namespace_of(system)
        names = inputs.services or (ANY,)
        listed_too = (SERVICES, PODS) if inputs.selector else (PODS,)
        return (
            *(
                access.right(verb, SERVICES, namespace, name=name)
                for name in names
                for verb in ("get", "patch")
            ),
            *(access.right("list", kind, namespace) for kind in (*listed_too, ENDPOINT_SLICES)),
        )

    async def preview(self, inputs: SwitchSelectorInputs, context: Context) -> Preview:
        """Show endpoints of now and then; the patches are tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        services, left_out = await _services(cluster, inputs)
        ways = _ways(inputs, services, context)
        found = await sides.survey(cluster, ways, inputs.at_least)
        sides.enough(found)
        sides.as_expected(found, inputs.images)
        for way in ways:
            await selectors.move(cluster, way, dry_run=True)
        return Preview(
            summary=f"Switch {listed(services)} to {inputs.key}={inputs.value}",
            fingerprint=fingerprint_of([side.relied_on() for side in found]),
            changes=tuple(side.change() for side in found if not side.in_place),
            in_place=all(side.in_place for side in found),
            touches=len(found),
            warnings=(
                *doubts,
                *_unswitched(inputs, left_out),
                *sides.fewer(found),
                *reconcilers.warnings(services),
            ),
        )

    async def capture(self, inputs: SwitchSelectorInputs, context: Context) -> JsonObject:
        """Record each Service's selector, and how many endpoints were ready."""
        cluster = await connect(context)
        services, _ = await _services(cluster, inputs)
        ways = _ways(inputs, services, context)
        return {
            "services": [
                {
                    "name": side.move.service,
                    "selector": dict(side.move.before),
                    "ready": side.live,
                    "needed": side.needed,
                }
                for side in await sides.survey(cluster, ways, inputs.at_least)
            ]
        }

    async def apply(
        self, inputs: SwitchSelectorInputs, captured: JsonObject, context: Context
    ) -> None:
        """Switch the Services that are not switched yet: all of them, or none."""
        await selectors.move_all(await connect(context), _recorded(inputs, captured))

    async def verify(
        self, inputs: SwitchSelectorInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at the selectors, then whether ready pods of the value take all traffic."""
        cluster = await connect(context)
        needed = {str(e["name"]): int(e["needed"]) for e in captured.get("services") or ()}
        services = await _present(cluster, inputs, tuple(needed))
        if gone := [name for name, each in services.items() if each is None]:
            return Refuted(why=f"there is no Service {listed(gone)} any more")
        values = {n: selectors.selector_of(s or {}).get(inputs.key) for n, s in services.items()}
        if any(value != inputs.value for value in values.values()):
            told = listed((f"{n} on {v or 'nothing'}" for n, v in values.items()), limit=20)
            return Refuted(why=f"not all are on {inputs.key}={inputs.value}: {told}")
        found, pods = await asyncio.gather(
            endpoints.behind(cluster, services),
            cluster.items(PODS, labels=f"{inputs.key}={inputs.value}"),
        )
        ours = {pod["metadata"]["name"]: endpoints.is_ready(pod) for pod in pods}
        least = inputs.at_least or 1
        seen = {n: _Seen.of(each, ours, needed.get(n, least)) for n, each in found.items()}
        ready = {name: each.ready for name, each in seen.items()}
        output = {"values": values, "ready": ready}
        if lacking := [f"{n}: {each.lacks}" for n, each in seen.items() if each.lacks]:
            return NotYet(progress=listed(lacking), after=1.0, output=output)
        told = listed(f"{name} ({count(n, 'ready endpoint')})" for name, n in ready.items())
        return Holds(summary=f"{inputs.key}={inputs.value} serves {told}", output=output)

    async def undo(
        self, inputs: SwitchSelectorInputs, captured: JsonObject, context: Context
    ) -> str:
        """Give each Service its own value of before, unless somebody changed it since."""
        cluster = await connect(context)
        ways = _recorded(inputs, captured)
        services = await selectors.read(cluster, (way.service for way in ways))
        ours = selectors.ours(ways, services)
        were_ready = {each["name"] for each in captured.get("services") or () if each["ready"]}
        await sides.can_go_back(cluster, [way for way in ours if way.service in were_ready])
        for way in reversed(ours):
            await selectors.move_back(cluster, way)
        found = await endpoints.behind(cluster, (way.service for way in ways))
        told = listed(
            f"{way.service} on {way.origin} "
            f"({count(endpoints.ready(found[way.service]), 'endpoint')} ready so far)"
            for way in ways
        )
        return f"{told}; {len(ours)} of {count(len(ways), 'Service')} had to be switched back"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a look found behind one Service; `lacks` is empty where nothing is left to wait for."""

    ready: int
    lacks: str

    @classmethod
    def of(cls, behind: tuple[Endpoint, ...], ours: Mapping[str, bool], needed: int) -> Self:
        """Judge endpoints; `ours` says of each pod of the value whether it is ready."""
        foreign = sum(1 for each in behind if each.pod not in ours)
        ready = sum(1 for each in behind if each.ready and ours.get(each.pod))
        if foreign:
            return cls(ready=ready, lacks=f"{count(foreign, 'endpoint')} of other pods left")
        return cls(ready=ready, lacks="" if ready >= needed else f"ready {ready}/{needed}")


async def _services(
    cluster: Cluster, inputs: SwitchSelectorInputs
) -> tuple[dict[str, Object], tuple[str, ...]]:
    """Return the Services that are meant, and the names of those without the key."""
    return await selectors.find(
        cluster, names=inputs.services, labels=inputs.selector, key=inputs.key
    )


async def _present(
    cluster: Cluster, inputs: SwitchSelectorInputs, names: tuple[str, ...]
) -> dict[str, Object | None]:
    """Return the captured Services, or those that are meant where nothing was captured."""
    if not (names := names or inputs.services):
        return dict((await _services(cluster, inputs))[0])
    found = await asyncio.gather(*(cluster.find(SERVICES, name) for name in names))
    return dict(zip(names, found, strict=True))


def _ways(
    inputs: SwitchSelectorInputs, services: Mapping[str, Object], context: Context
) -> tuple[Move, ...]:
    """Return each Service's way; raise `PermanentError` where they don't agree."""
    ways = sides.moves(services, inputs.key, inputs.value)
    own = context.captured(step_key(context.key).rpartition("/")[2]) or {}
    before = {way.service: way.origin for way in _recorded(inputs, own)}
    sides.agree(ways, before, mixed=inputs.mixed)
    return ways


def _recorded(inputs: SwitchSelectorInputs, captured: JsonObject) -> tuple[Move, ...]:
    return tuple(
        Move(service=each["name"], before=each["selector"], key=inputs.key, to=inputs.value)
        for each in captured.get("services") or ()
        if inputs.key in each["selector"]
    )


def _unswitched(inputs: SwitchSelectorInputs, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{listed(names)} does not select pods by {inputs.key} and stays as it is.",)
