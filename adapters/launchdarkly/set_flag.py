"""`launchdarkly.set_flag`: switch a feature off (or on), or let everyone have one variation."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.launchdarkly import flags
from adapters.launchdarkly.flags import Flag
from adapters.values import fingerprint_of, listed
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
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)


class LaunchdarklySetFlagInputs(Model):
    """Which flag of the connection's project, and what it is to do in its environment."""

    flag: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=256, description="Key.")
    on: bool | None = Field(default=None, description="Whether the flag is on; left out: as it is.")
    variation: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Za-z-]+$",
        max_length=64,
        description="Id of the variation that everyone gets, while the flag is on, whom no rule "
        "gives another one; left out: as it is.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.on is None and self.variation is None:
            raise ValueError("say what to set: `on`, `variation`, or both")
        return self


class LaunchdarklySetFlagOutput(Model):
    """What the flag does afterwards."""

    on: bool
    serves: str = Field(description='In words, e.g. `off, serving "classic"`.')
    version: int = Field(description="LaunchDarkly's count of changes in this environment.")


class LaunchdarklySetFlag(Action):
    """Switch a flag on or off in one environment, or set what it serves by default.

    A semantic patch names absolute states and variation ids, and its comment names the incident.
    What is there is read right before and compared with what was captured: a flag that somebody
    else has changed meanwhile is left alone.  (LaunchDarkly offers no precondition, so that a
    change within the same instant is only noticed by its own 409.)

    Effect: changes; what people see of the feature changes within seconds.  Undo puts back the
    captured state, unless somebody has changed the flag since.  Units: weights of a rollout are
    thousandths of a percent.  Errors: permanent for an unknown or archived flag, an unknown
    environment or variation, a running experiment, a refused token and an approval that
    LaunchDarkly itself wants; transient for 409 and 429; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "launchdarkly.set_flag"
    effect: ClassVar[Effect] = Effect.CHANGES
    undoable: ClassVar[bool] = True
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = LaunchdarklySetFlagInputs
    Output: ClassVar[type[Model]] = LaunchdarklySetFlagOutput
    example: ClassVar[JsonObject] = {"flag": "aivo-new-features", "on": False}

    def permissions(
        self, inputs: LaunchdarklySetFlagInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: the role of the token is kept in LaunchDarkly."""
        return ()

    async def preview(self, inputs: LaunchdarklySetFlagInputs, context: Context) -> Preview:
        """Say what people get now and would get then, and which flags depend on it."""
        flag = await flags.read(context, inputs.flag)
        now, wanted = flag.state(), _wanted(inputs, flag)
        in_place = wanted == now
        where = flags.connection(context).environment
        change = Change(
            subject=f"flag {flag.key} in {where}", before=flag.told(now), after=flag.told(wanted)
        )
        return Preview(
            summary=f"Set {flag.key} in {where}: {flag.told(wanted)}",
            fingerprint=_fingerprint(inputs, flag),
            changes=() if in_place else (change,),
            in_place=in_place,
            touches=0 if in_place else 1,
            warnings=() if in_place else await _warnings(inputs, flag, context),
        )

    async def capture(self, inputs: LaunchdarklySetFlagInputs, context: Context) -> JsonObject:
        """Record what the flag does, and the version of that."""
        flag = await flags.read(context, inputs.flag)
        return {**flag.state(), "version": flag.version}

    async def apply(
        self, inputs: LaunchdarklySetFlagInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set it, unless it is so already, or is no longer what was captured."""
        flag = await flags.read(context, inputs.flag)
        now, wanted = flag.state(), _wanted(inputs, flag)
        if wanted == now:
            return
        if now != _state(captured):
            raise PermanentError(_moved_on(flag, captured))
        await flags.patch(
            context,
            flag.key,
            flags.instructions_to(wanted, now),
            f"Backout: {context.incident} (step {context.key.split('/')[1]})",
        )

    async def verify(
        self, inputs: LaunchdarklySetFlagInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read it again."""
        flag = await flags.read(context, inputs.flag)
        now = flag.state()
        told = flag.told(now)
        if now != _wanted(inputs, flag):
            return Refuted(why=f"the flag {flag.key} is {told} (version {flag.version})")
        output = {"on": flag.on, "serves": told, "version": flag.version}
        return Holds(summary=f"{flag.key} is {told}", output=output)

    async def undo(
        self, inputs: LaunchdarklySetFlagInputs, captured: JsonObject, context: Context
    ) -> str:
        """Put the captured state back, where what is there is still ours; look afterwards."""
        flag = await flags.read(context, inputs.flag)
        now, before = flag.state(), _state(captured)
        if now == before:
            return f"{flag.key} is as it was: {flag.told(now)}"
        if now != _set(inputs, before):
            raise PermanentError(_moved_on(flag, captured))
        await flags.patch(
            context,
            flag.key,
            flags.instructions_to(before, now),
            f"Backout: {context.incident}, put back (step {context.key.split('/')[1]})",
        )
        seen = await flags.read(context, inputs.flag)
        if seen.state() != before:
            raise PermanentError(_moved_on(seen, captured))
        return f"{seen.key} is {seen.told(before)} again (version {seen.version})"


def _state(captured: Mapping[str, Any]) -> dict[str, Any]:
    return {part: captured[part] for part in ("on", "default", "off")}


def _set(inputs: LaunchdarklySetFlagInputs, state: Mapping[str, Any]) -> dict[str, Any]:
    on = state["on"] if inputs.on is None else inputs.on
    default = state["default"] if inputs.variation is None else {"variation": inputs.variation}
    return {**state, "on": on, "default": default}


def _wanted(inputs: LaunchdarklySetFlagInputs, flag: Flag) -> dict[str, Any]:
    """Return the state that is wanted; raise `PermanentError` where it can't be."""
    if inputs.variation is not None and inputs.variation not in flag.labels:
        there = listed(f"{label} is {each}" for each, label in flag.labels.items())
        raise PermanentError(
            f"The flag {flag.key} has no variation {inputs.variation}; it has: {there}."
        )
    if inputs.variation is not None and "experiment" in flag.default:
        raise PermanentError(
            f"An experiment decides what {flag.key} serves by default, and could not be put back: "
            "stop the experiment in LaunchDarkly first, or turn the flag off."
        )
    return _set(inputs, flag.state())


def _fingerprint(inputs: LaunchdarklySetFlagInputs, flag: Flag) -> str:
    """Cover what decides about what people get before and after; not the version.

    While a flag is off and stays so, its rules decide nothing.
    """
    rules = flag.targeting if inputs.on else None
    labels = sorted(flag.labels) if inputs.variation else None
    return fingerprint_of([flag.state(), rules, labels])


async def _warnings(
    inputs: LaunchdarklySetFlagInputs, flag: Flag, context: Context
) -> tuple[str, ...]:
    found = []
    if inputs.on and flag.needs():
        found.append(f"it stays off for people for whom {listed(flag.needs())} serve other things")
    if inputs.on is False and flag.off is None:
        found.append("it has no off variation: each application falls back on its own code")
    if inputs.on is False:
        counting = await flags.dependents(context, flag.key)
        if counting is None:
            found.append("LaunchDarkly does not tell which other flags count on this one")
        elif counting:
            found.append(f"other flags count on this one: {listed(counting)}")
    if inputs.variation is not None and flag.targeting["rules"]:
        found.append("its rules come first: people whom they name keep what the rules give them")
    return tuple(found)


def _moved_on(flag: Flag, captured: Mapping[str, Any]) -> str:
    return (
        f"Somebody else has changed {flag.key} since version {captured['version']}: it is "
        f"{flag.told(flag.state())} (version {flag.version}), and Backout does not overwrite that. "
        "Ask who did (its history is in LaunchDarkly), then plan again or set it there."
    )
