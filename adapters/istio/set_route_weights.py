"""`istio.set_route_weights`: split the traffic of a VirtualService anew."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from adapters.istio import routes, virtual_services, weights
from adapters.istio.routes import Rule
from adapters.istio.weights import Split
from adapters.kubernetes import access, reconcilers
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.json_patches import Operation
from adapters.kubernetes.resources import VIRTUAL_SERVICES, Resource
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

NAME = r"^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$"
DESTINATION = r"^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?(?:/[A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?)?$"
STEERING = {"rollouts-controller": "Argo Rollouts", "flagger": "Flagger"}
"""Field managers that set weights themselves."""
Object = Mapping[str, Any]
Destination = Annotated[str, StringConstraints(pattern=DESTINATION, max_length=320)]
Weight = Annotated[int, Field(ge=0, le=weights.ALL)]


class SetRouteWeightsInputs(Model):
    """Which destinations get how much of the traffic."""

    virtual_service: str = Field(pattern=NAME, description="Name of the VirtualService.")
    weights: dict[Destination, Weight] = Field(
        min_length=2,
        description=(
            "Destination, as `host` or `host/subset`, to its weight in percent; 100 together. A "
            "host without a dot is a Service of the namespace."
        ),
    )
    lone: Literal["refuse", "keep"] = Field(
        default="refuse",
        description=(
            "What to do about a rule that routes only to destinations which are to get 0: refuse "
            "before anything changed, or keep that rule as it is."
        ),
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (total := sum(self.weights.values())) != weights.ALL:
            raise ValueError(f"the weights are {total} together, and must be {weights.ALL}")
        return self


class SetRouteWeightsOutput(Model):
    """The weights as they are now."""

    weights: dict[str, int] = Field(description="Destination to its weight in percent.")
    rules: int = Field(description="Rules that have these weights.")
    kept: tuple[str, ...] = Field(description="Rules that were kept as they are.")


class SetRouteWeights(Action):
    """Set the weights of named destinations in every rule of a VirtualService that routes to them.

    Destinations are found by host and subset, whatever their order, in http, tcp and tls rules.
    Nothing but weights changes, in one request and under tests of the rules as they were looked
    at.  It is refused before anything changed where the weights of a rule would not be 100
    together, because destinations that are not named must not lose their traffic, and where a rule
    has no other destination than those that are to get 0: Istio sends everything to a lone
    destination, whatever its weight.  It holds once the VirtualService is read with these weights;
    the share of the traffic that follows is for a `prometheus.query` step right after it to say.

    Effect: changes.  Units: percent.  Errors: permanent without Istio, for a VirtualService or a
    destination that is not there, for a rule that can't have the weights, for one that somebody
    else changed, and without the right to patch; transient when the cluster is busy.
    """

    uses: ClassVar[str] = "istio.set_route_weights"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = SetRouteWeightsInputs
    Output: ClassVar[type[Model]] = SetRouteWeightsOutput
    example: ClassVar[JsonObject] = {
        "virtual_service": "vision-to-code",
        "weights": {"vision-to-code/stable": 100, "vision-to-code/canary": 0},
    }

    def permissions(self, inputs: SetRouteWeightsInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the VirtualService."""
        namespace, name = namespace_of(system), inputs.virtual_service
        return tuple(
            access.right(verb, VIRTUAL_SERVICES, namespace, name=name) for verb in ("get", "patch")
        )

    async def preview(self, inputs: SetRouteWeightsInputs, context: Context) -> Preview:
        """Show each rule's weights now and then; the patch is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        resource = await virtual_services.served(cluster)
        found = await cluster.read(resource, inputs.virtual_service)
        every, split = _split(cluster, inputs, found)
        _refuse(inputs, split)
        recorded = [weights.record(rule, after) for rule, after in split.changes]
        body = weights.onwards(every, recorded)
        await _patch(cluster, resource, inputs, body, dry_run=True)
        return Preview(
            summary=f"Split {inputs.virtual_service}: {_told(inputs.weights)}",
            fingerprint=fingerprint_of(_relied_on(cluster, inputs, every)),
            changes=tuple(weights.change(rule, after) for rule, after in split.changes),
            in_place=not body,
            touches=1,
            warnings=(
                *doubts,
                *_pinned(split.pinned),
                *_apart(split.apart),
                *_mirrored(cluster, inputs, found),
                *_steered(found),
                *reconcilers.warnings({inputs.virtual_service: found}),
            ),
        )

    async def capture(self, inputs: SetRouteWeightsInputs, context: Context) -> JsonObject:
        """Record the routes, without the values of headers, and what changes of their weights."""
        cluster = await connect(context)
        resource = await virtual_services.served(cluster)
        found = await cluster.read(resource, inputs.virtual_service)
        _, split = _split(cluster, inputs, found)
        _refuse(inputs, split)
        spec = found.get("spec") or {}
        return {
            "changes": [weights.record(rule, after) for rule, after in split.changes],
            "spec": {name: routes.veiled(spec[name]) for name in routes.SECTIONS if name in spec},
        }

    async def apply(
        self, inputs: SetRouteWeightsInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set the weights that are not set yet, all in one request."""
        cluster = await connect(context)
        resource = await virtual_services.served(cluster)
        found = await cluster.read(resource, inputs.virtual_service)
        every = routes.rules(found, cluster.namespace)
        await _patch(cluster, resource, inputs, weights.onwards(every, _changes(captured)))

    async def verify(
        self, inputs: SetRouteWeightsInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read the VirtualService again: every rule, also one that came later, is looked at."""
        cluster = await connect(context)
        resource = await virtual_services.served(cluster)
        found = await cluster.find(resource, inputs.virtual_service)
        if found is None:
            return Refuted(why=f"there is no VirtualService {inputs.virtual_service} any more")
        _, split = _split(cluster, inputs, found)
        wrong = [f"{rule.title} has {rule.told(rule.shares)}" for rule, _ in split.changes]
        wrong += split.problems
        if inputs.lone == "refuse":
            wrong += [f"{rule.title} has only {listed(rule.shown)}" for rule in split.pinned]
        if wrong:
            return Refuted(why=f"{inputs.virtual_service}: {listed(wrong)}")
        kept = [rule.title for rule in (*split.pinned, *split.apart)]
        output = {"weights": dict(inputs.weights), "rules": len(split.right), "kept": kept}
        told = f"{_told(inputs.weights)} in {count(len(split.right), 'rule')}"
        also = f"; kept as they are: {listed(kept)}" if kept else ""
        return Holds(summary=f"{inputs.virtual_service} splits {told}{also}", output=output)

    async def undo(
        self, inputs: SetRouteWeightsInputs, captured: JsonObject, context: Context
    ) -> str:
        """Set the weights of before again, unless somebody changed the rules since."""
        cluster = await connect(context)
        resource = await virtual_services.served(cluster)
        found = await cluster.read(resource, inputs.virtual_service)
        body = weights.back(routes.rules(found, cluster.namespace), _changes(captured))
        await _patch(cluster, resource, inputs, body)
        found = await cluster.read(resource, inputs.virtual_service)
        there = {(r.section, r.identity, r.nth): r for r in routes.rules(found, cluster.namespace)}
        rules = (there.get((e["section"], e["identity"], e["nth"])) for e in _changes(captured))
        told = listed(f"{rule.title} has {rule.told(rule.shares)}" for rule in rules if rule)
        return f"{inputs.virtual_service}: {told or 'no weight was changed'}"


def _wanted(cluster: Cluster, inputs: SetRouteWeightsInputs) -> dict[str, int]:
    """Return the weights by full names; raise `PermanentError` where two names mean one."""
    wanted = {routes.full_name(n, cluster.namespace): w for n, w in inputs.weights.items()}
    if len(wanted) < len(inputs.weights):
        raise PermanentError(
            f"Two of {listed(inputs.weights)} are the same destination: name each one once."
        )
    return wanted


def _split(
    cluster: Cluster, inputs: SetRouteWeightsInputs, found: Object
) -> tuple[tuple[Rule, ...], Split]:
    every = routes.rules(found, cluster.namespace)
    return every, weights.split(every, _wanted(cluster, inputs))


def _refuse(inputs: SetRouteWeightsInputs, split: Split) -> None:
    """Raise `PermanentError` where a rule can't have the weights."""
    if split.problems:
        raise PermanentError(
            f"{inputs.virtual_service} can't be split so: {listed(split.problems, 2)}. Name in "
            "weights every destination of these rules."
        )
    if split.pinned and inputs.lone == "refuse":
        told = listed(f"{rule.title} (to {listed(rule.shown)})" for rule in split.pinned)
        raise PermanentError(
            f"A lone destination gets all traffic whatever its weight, and {told} has no other. "
            "Take that rule away by hand, or leave it as it is with `lone: keep`."
        )


def _relied_on(cluster: Cluster, inputs: SetRouteWeightsInputs, every: Iterable[Rule]) -> Any:
    wanted = _wanted(cluster, inputs)
    meant = (rule for rule in every if wanted.keys() & set(rule.names))
    return {"rules": [[r.section, r.identity, r.shares] for r in meant], "wanted": wanted}


def _pinned(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(
        f"{rule.title} stays as it is and sends all its traffic to {listed(rule.shown)}: stop "
        "these pods only once nobody needs that rule."
        for rule in rules
    )


def _apart(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(
        f"{rule.title} stays as it is: {rule.shown[0]} is its only destination and gets everything."
        for rule in rules
    )


def _mirrored(cluster: Cluster, inputs: SetRouteWeightsInputs, found: Object) -> tuple[str, ...]:
    ending = {name for name, weight in _wanted(cluster, inputs).items() if not weight}
    return tuple(
        f"{title} still sends copies of its traffic to {shown} (mirror)."
        for title, shown, name in routes.mirrors(found, cluster.namespace)
        if name in ending
    )


def _steered(found: Object) -> tuple[str, ...]:
    managers = (each.get("manager") for each in found["metadata"].get("managedFields") or ())
    names = dict.fromkeys(STEERING[manager] for manager in managers if manager in STEERING)
    return tuple(f"{name} sets these weights itself: pause or abort it first." for name in names)


def _changes(captured: JsonObject) -> tuple[Object, ...]:
    return tuple(captured.get("changes") or ())


async def _patch(
    cluster: Cluster,
    resource: Resource,
    inputs: SetRouteWeightsInputs,
    body: list[Operation],
    *,
    dry_run: bool = False,
) -> None:
    if body:
        name = inputs.virtual_service
        await cluster.patch(resource, name, body, kind=Patch.JSON, dry_run=dry_run)


def _told(split: Mapping[str, int]) -> str:
    """Write `checkout/stable 100, checkout/canary 0`."""
    return ", ".join(f"{name} {weight}" for name, weight in split.items())
