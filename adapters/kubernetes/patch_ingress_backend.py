"""`kubernetes.patch_ingress_backend`: send paths of an Ingress to another Service."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from adapters.kubernetes import access, backends, endpoints, reconcilers, reroutes
from adapters.kubernetes.backends import Identity, Target
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.endpoints import Endpoint
from adapters.kubernetes.json_patches import Operation
from adapters.kubernetes.reroutes import Way
from adapters.kubernetes.resources import ENDPOINT_SLICES, INGRESSES, SERVICES
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
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
    Refuted,
    TransientError,
    Verdict,
)

NAME = r"^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$"
PORT_NAME = r"^[a-z0-9](?:[-a-z0-9]{0,13}[a-z0-9])?$"
Object = Mapping[str, Any]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


Port = Annotated[
    Annotated[int, Field(ge=1, le=65535)] | Annotated[str, Field(pattern=PORT_NAME)],
    BeforeValidator(_number),
]


class Route(Model):
    """One path of an Ingress."""

    host: str = Field(default="", description="Host as it stands there; empty for any host.")
    path: str = Field(default="/", pattern="^/", description="Path as it stands there.")


class PatchIngressBackendInputs(Model):
    """Which paths, and where they are to go."""

    ingress: str = Field(pattern=NAME, description="Name of the Ingress.")
    to: str = Field(pattern=NAME, description="Name of the Service that gets the traffic.")
    port: Port | None = Field(
        default=None,
        description="Number or name of its port; by default each path keeps the one that it has.",
    )
    paths: tuple[Route, ...] = Field(
        default=(), description="Which paths, as `{host, path}`.", examples=[[{"path": "/api"}]]
    )
    all: bool = Field(
        default=False,
        description="Instead of paths: every path that goes to `current`, and the default backend.",
    )
    current: str = Field(
        default="",
        pattern=rf"{NAME}|^$",
        description="The Service that has the traffic now. Where it has not, nothing is changed.",
    )
    at_least: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description=(
            "Ready endpoints that `to` needs; by default as many as are ready behind the Service "
            "that has the traffic now, and one at least."
        ),
    )
    mixed: bool = Field(
        default=False, description="Change the paths though they don't all go to one Service now."
    )

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if bool(self.paths) == self.all:
            raise ValueError("give either paths or all: true, so that it is clear what is meant")
        if self.all and not self.current:
            raise ValueError("all: true needs current, the Service whose paths are meant")
        if self.current == self.to:
            raise ValueError("to and current are the same Service, so nothing would change")
        return self


class PatchIngressBackendOutput(Model):
    """Where the paths go now."""

    backends: dict[str, str] = Field(description="`host/path` to `service:port`.")
    ready: int = Field(description="Ready endpoints behind the Service.")


class PatchIngressBackend(Action):
    """Send paths of an Ingress to another Service, for instance to that of the other colour.

    Paths are found by host and path, whatever their order.  It is refused before anything changed
    where they don't all go to one Service now, and where the other Service lacks the port or ready
    endpoints on it.  All paths change in one request, under a test of their rules as they were
    looked at.  It holds once the Ingress is read with these backends and their endpoints are
    ready; that the public address answers with the expected version is for an `http.check` step
    right after it to say, because an ingress controller takes a moment to follow.

    Effect: changes.  Units: endpoints.  Errors: permanent for an Ingress, a path, a Service or a
    port that is not there, for paths that disagree, for too few ready endpoints, for a path that
    somebody else changed, and without the right to patch; transient when the cluster is busy;
    `undo` is transient while nothing of the Service before is ready.
    """

    uses: ClassVar[str] = "kubernetes.patch_ingress_backend"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = PatchIngressBackendInputs
    Output: ClassVar[type[Model]] = PatchIngressBackendOutput
    example: ClassVar[JsonObject] = {
        "ingress": "shop",
        "all": True,
        "current": "checkout-green",
        "to": "checkout-blue",
    }

    def permissions(
        self, inputs: PatchIngressBackendInputs, system: System
    ) -> tuple[Permission, ...]:
        """Read and patch the Ingress; read the Service; list endpoints."""
        namespace = namespace_of(system)
        return (
            access.right("get", INGRESSES, namespace, name=inputs.ingress),
            access.right("patch", INGRESSES, namespace, name=inputs.ingress),
            access.right("get", SERVICES, namespace, name=inputs.to),
            access.right("list", ENDPOINT_SLICES, namespace),
        )

    async def preview(self, inputs: PatchIngressBackendInputs, context: Context) -> Preview:
        """Show where each path goes now and then; the patch is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        found = await _look(cluster, inputs)
        body = reroutes.onwards(found.ways, found.ingress)
        if body:
            found.require_ready()
            await _patch(cluster, inputs, body, dry_run=True)
        return Preview(
            summary=f"Send {reroutes.told(found.ways)} of {inputs.ingress} to {inputs.to}",
            fingerprint=fingerprint_of(found.relied_on()),
            changes=found.changes(),
            in_place=not body,
            touches=1,
            warnings=(
                *doubts,
                *reroutes.warnings(found.ingress, found.ways),
                *reconcilers.warnings({inputs.ingress: found.ingress}),
            ),
        )

    async def capture(self, inputs: PatchIngressBackendInputs, context: Context) -> JsonObject:
        """Record where each path goes."""
        found = await _look(await connect(context), inputs)
        return {
            "paths": [way.plain() for way in found.ways],
            "ready": found.live,
            "needed": found.needed,
        }

    async def apply(
        self, inputs: PatchIngressBackendInputs, captured: JsonObject, context: Context
    ) -> None:
        """Change all paths in one request, unless they go there already."""
        cluster = await connect(context)
        ingress = await cluster.read(INGRESSES, inputs.ingress)
        await _patch(cluster, inputs, reroutes.onwards(_recorded(inputs, captured), ingress))

    async def verify(
        self, inputs: PatchIngressBackendInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read the Ingress again, and count the ready endpoints behind its Service."""
        cluster = await connect(context)
        ingress, service = await asyncio.gather(
            cluster.find(INGRESSES, inputs.ingress), cluster.find(SERVICES, inputs.to)
        )
        if ingress is None or service is None:
            gone = f"Service {inputs.to}" if ingress else f"Ingress {inputs.ingress}"
            return Refuted(why=f"there is no {gone} any more")
        there = backends.backends(ingress)
        ways = _recorded(inputs, captured) or _meant(inputs, ingress)
        now = {each.identity: each.target for each in there}
        wrong = [f"{way} to {now.get(way.identity)}" for way in ways if not _arrived(way, now)]
        if inputs.all:
            wrong += [f"{e} to {e.target}" for e in reroutes.going_to(there, [inputs.current])]
        if wrong:
            told = listed(dict.fromkeys(wrong))
            return Refuted(why=f"{inputs.ingress} sends {told}, not to {inputs.to}")
        ready = _ready(await endpoints.behind(cluster, [inputs.to]), service, ways)
        needed = int(captured.get("needed") or inputs.at_least or 1)
        output = {"backends": {str(way): str(way.after) for way in ways}, "ready": ready}
        if ready < needed:
            return NotYet(progress=f"{inputs.to}: ready {ready}/{needed}", after=1.0, output=output)
        told = f"{inputs.ingress} sends {reroutes.told(ways)} to {inputs.to}"
        return Holds(summary=f"{told} ({count(ready, 'ready endpoint')})", output=output)

    async def undo(
        self, inputs: PatchIngressBackendInputs, captured: JsonObject, context: Context
    ) -> str:
        """Send each path where it went before, unless somebody changed it since."""
        cluster = await connect(context)
        ways = _recorded(inputs, captured)
        body = reroutes.back(ways, await cluster.read(INGRESSES, inputs.ingress))
        found = await endpoints.behind(cluster, (way.before.service for way in ways))
        empty = [name for name, each in found.items() if not endpoints.ready(each)]
        if body and empty and captured.get("ready"):
            raise TransientError(
                f"Nothing is ready behind {listed(empty)}, so no path was sent back yet: "
                "scale its pods up.",
                delay=endpoints.RISING_DELAY,
            )
        await _patch(cluster, inputs, body)
        ingress = await cluster.read(INGRESSES, inputs.ingress)
        now = {each.identity: each.target for each in backends.backends(ingress)}
        told = listed(f"{way} to {now.get(way.identity)}" for way in ways)
        return f"{inputs.ingress} sends {told}" + ("" if body else ", as it did already")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is there: `live` endpoints are ready where the traffic is, `ready` where it is to go."""

    ingress: Object
    service: Object
    ways: tuple[Way, ...]
    live: int
    ready: int
    needed: int

    def require_ready(self) -> None:
        """Raise `PermanentError` where too few endpoints would take the traffic."""
        if self.ready < self.needed:
            raise PermanentError(
                f"{self.service['metadata']['name']} has {count(self.ready, 'ready endpoint')} on "
                f"that port, and needs {self.needed}: scale its pods up first, or say with "
                "at_least how many are enough."
            )

    def relied_on(self) -> Any:
        """Return what a change of would be drift: the paths, and which pods the Service means."""
        spec = self.service.get("spec") or {}
        paths = [(*way.identity, str(way.before), str(way.after)) for way in self.ways]
        ports = [[p.get("name"), p.get("port"), p.get("targetPort")] for p in spec.get("ports", ())]
        return {"paths": paths, "selector": spec.get("selector"), "ports": ports}

    def changes(self) -> tuple[Change, ...]:
        """Write where each path goes now and then."""
        return tuple(
            Change(
                subject=str(way),
                before=f"{way.before} ({count(self.live, 'ready endpoint')})",
                after=f"{way.after} ({count(self.ready, 'ready endpoint')})",
            )
            for way in self.ways
            if way.before != way.after
        )


async def _look(cluster: Cluster, inputs: PatchIngressBackendInputs) -> _Found:
    ingress, service = await asyncio.gather(
        cluster.read(INGRESSES, inputs.ingress), cluster.read(SERVICES, inputs.to)
    )
    ways = _meant(inputs, ingress)
    reroutes.agree(ways, inputs.current, mixed=inputs.mixed)
    leaving = {way.before.service for way in ways} - {inputs.to}
    found = await endpoints.behind(cluster, (inputs.to, *sorted(leaving)))
    live = max((endpoints.ready(found[name]) for name in leaving), default=0)
    return _Found(
        ingress=ingress,
        service=service,
        ways=ways,
        live=live,
        ready=_ready(found, service, ways),
        needed=inputs.at_least or max(live, 1),
    )


def _meant(inputs: PatchIngressBackendInputs, ingress: Object) -> tuple[Way, ...]:
    every = backends.backends(ingress)
    if inputs.all:
        meant = reroutes.going_to(every, (inputs.current, inputs.to))
        if not meant:
            raise PermanentError(
                f"No path of {inputs.ingress} goes to {inputs.current} or {inputs.to}: it has "
                f"{listed(f'{each} to {each.target}' for each in every)}."
            )
    else:
        meant = backends.named(every, ((route.host, route.path) for route in inputs.paths))
    return reroutes.ways(meant, inputs.to, inputs.port)


def _recorded(inputs: PatchIngressBackendInputs, captured: JsonObject) -> tuple[Way, ...]:
    return reroutes.recorded(captured.get("paths") or (), inputs.to)


def _arrived(way: Way, now: Mapping[Identity, Target | None]) -> bool:
    return now.get(way.identity) == way.after


def _ready(found: Mapping[str, tuple[Endpoint, ...]], service: Object, ways: Iterable[Way]) -> int:
    """Count the endpoints that are ready on every port that is asked for."""
    name = service["metadata"]["name"]
    counts = []
    for port in dict.fromkeys(way.after.port for way in ways):
        known = backends.port_name(service, port)
        if known is None:
            raise PermanentError(
                f"The Service {name} has no port {port}: name one that it has with `port`."
            )
        counts.append(endpoints.ready(found[name], known))
    return min(counts)


async def _patch(
    cluster: Cluster,
    inputs: PatchIngressBackendInputs,
    body: list[Operation],
    *,
    dry_run: bool = False,
) -> None:
    if body:
        await cluster.patch(INGRESSES, inputs.ingress, body, kind=Patch.JSON, dry_run=dry_run)
