"""`aws.iam.deactivate_access_key`: let a key that leaked open nothing any more."""

from typing import ClassVar

from pydantic import Field

from adapters.aws.accounts import Account, connect
from adapters.aws.iam import keys
from adapters.aws.iam.keys import ACTIVE, INACTIVE, Key
from adapters.aws.inputs import moment
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
    UnknownOutcomeError,
    Verdict,
)

SESSIONS = "Sessions that were begun with it stay valid until they end, up to 36 hours."
LOOKS, BETWEEN = 8, 1.0
"""IAM tells a change everywhere within seconds only, so it is looked for a few times."""


class DeactivateAccessKeyInputs(Model):
    """Whose key, and which."""

    user: str = Field(
        pattern=r"^/?([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$",
        description="IAM user, with its path where it has one: `deploy`, `ci/deploy`.",
    )
    key: str = Field(
        pattern=r"^(AKIA[A-Z0-9]{12,124}|[A-Z0-9]{4})$",
        description="The last four characters of its id (or all of it, which plans then show).",
    )


class DeactivateAccessKeyOutput(Model):
    """The key as it is now."""

    user: str
    key: str = Field(description="The last four characters of its id.")
    status: str


class DeactivateAccessKey(Action):
    """Set an access key of an IAM user to Inactive.

    From then on AWS refuses what is signed with it.  Sessions that were begun with it (STS) stay
    valid until they end, up to 36 hours: a policy that denies what is older
    (`aws:TokenIssueTime`) ends them.  A key that Backout itself asks with is refused, since it
    would lock itself out.

    Idempotent: the status is absolute.

    Effect: interrupts (whoever still uses the key is refused).  Undo sets it Active again, where
    it was: only once security has cleared it.  Errors: permanent for an unknown user or key, for
    Backout's own key and without a right; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "aws.iam.deactivate_access_key"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = DeactivateAccessKeyInputs
    Output: ClassVar[type[Model]] = DeactivateAccessKeyOutput
    example: ClassVar[JsonObject] = {"user": "deploy", "key": "MPLE"}

    def permissions(
        self, inputs: DeactivateAccessKeyInputs, system: System
    ) -> tuple[Permission, ...]:
        """List the user's keys, see when one was used, and change its status."""
        verbs = (keys.LIST, keys.USED, keys.UPDATE)
        return tuple(keys.user_right(system, verb, inputs.user) for verb in verbs)

    async def preview(self, inputs: DeactivateAccessKeyInputs, context: Context) -> Preview:
        """Show the key, and when, where and for what it was used last."""
        account = await connect(context)
        key, others = await _find(account, inputs)
        used = await keys.last_used(account, inputs.user, key)
        in_place = key.status == INACTIVE
        change = Change(subject=f"{key} ({used})", before=key.status, after=INACTIVE)
        return Preview(
            summary=f"Deactivate {key}, {used}",
            fingerprint=fingerprint_of([key.last, moment(key.created), key.status]),
            changes=() if in_place else (change,),
            in_place=in_place,
            touches=0 if in_place else 1,
            losses="" if in_place else f"access of whatever still signs with …{key.last}",
            warnings=() if in_place else (SESSIONS, *_others(others)),
        )

    async def capture(self, inputs: DeactivateAccessKeyInputs, context: Context) -> JsonObject:
        """Record the status of before."""
        key, _ = await _find(await connect(context), inputs)
        return {"user": key.user, "key": key.last, "status": key.status}

    async def apply(
        self, inputs: DeactivateAccessKeyInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set it to Inactive, and wait until that is seen."""
        await _set(await connect(context), inputs, INACTIVE, context)

    async def verify(
        self, inputs: DeactivateAccessKeyInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at the status."""
        key, _ = await keys.find(await connect(context), inputs.user, inputs.key)
        if key.status != INACTIVE:
            return Refuted(why=f"{key} is {key.status}")
        output = {"user": key.user, "key": key.last, "status": key.status}
        return Holds(summary=f"{key} is {key.status}", output=output)

    async def undo(
        self, inputs: DeactivateAccessKeyInputs, captured: JsonObject, context: Context
    ) -> str:
        """Set it Active where it was, and look."""
        account = await connect(context)
        if captured["status"] != ACTIVE:
            return f"access key …{captured['key']} was {captured['status']} before: left as it is"
        return f"{await _set(account, inputs, ACTIVE, context)} again"


async def _find(account: Account, inputs: DeactivateAccessKeyInputs) -> tuple[Key, tuple[Key, ...]]:
    key, others = await keys.find(account, inputs.user, inputs.key)
    if key.id in await account.own_keys():
        raise PermanentError(
            f"{key} is the one that Backout itself asks with, so it would lock itself out: give "
            "Backout other credentials first, or deactivate it by hand."
        )
    return key, others


def _others(others: tuple[Key, ...]) -> list[str]:
    if active := [f"…{each.last}" for each in others if each.status == ACTIVE]:
        return [f"{others[0].user} goes on with {listed(active)}, which is still active."]
    return ["It is the user's only active key: make another one for what must go on."]


async def _set(
    account: Account, inputs: DeactivateAccessKeyInputs, status: str, context: Context
) -> str:
    key, _ = await _find(account, inputs)
    if key.status != status:
        asked = keys.user_right(account.system, keys.UPDATE, inputs.user)
        named = {"UserName": key.user, "AccessKeyId": key.id}
        await account.write(asked, "update_access_key", Status=status, **named)
    for _ in range(LOOKS):
        key, _ = await keys.find(account, inputs.user, inputs.key)
        if key.status == status:
            return f"{key} is {key.status}"
        await context.pause(BETWEEN)
    raise UnknownOutcomeError(f"IAM was told, but still says that {key} is {key.status}")
