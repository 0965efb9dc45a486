"""What every AWS action must stand: missing rights, too many requests, lost answers, no answer.

A check takes a maker of the use, because each attempt needs a world in which it is not done yet.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows.actions import Holds, PermanentError, Refuted, TransientError, UnknownOutcomeError
from tests.adapters.uses import Use
from tests.real.services.aws.server import Aws, User

Make = Callable[[User], Use]


def rights_of(use: Use) -> list[str]:
    """Return the IAM actions that a use says it needs."""
    permissions = use.action.permissions(use.inputs, use.context.system)
    assert all(each.kind == "iam" and each.scope == "123456789012" for each in permissions)
    return sorted({each.verb for each in permissions})


async def with_the_least_rights(aws: Aws, make: Make, *, undo: bool = True) -> None:
    """Go through all verbs with just the rights that the action names, all of them needed."""
    verbs = rights_of(make(aws.user()))
    use = make(aws.user(*verbs))
    await use.preview()
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    if undo and use.action.undoable:
        await use.undo()
    asked = {each.right for each in aws.calls if each.key_id.startswith("AKIABENCHUSER")}
    assert {each for each in asked if each != "sts:GetCallerIdentity"} <= set(verbs)


async def without(aws: Aws, make: Make, verb: str) -> None:
    """Without one right the error names it, and nothing was changed by half."""
    verbs = rights_of(make(aws.user()))
    assert verb in verbs
    use = make(aws.user(*(each for each in verbs if each != verb)))

    async def go_through() -> None:
        await use.preview()
        await use.apply()
        await use.verify()

    with pytest.raises(PermanentError, match=f"{verb} "):
        await go_through()


async def when_answers_fail(aws: Aws, use: Use, write: str) -> None:
    """Go through refusals of a first write: too fast, failed inside, lost.

    `write` is a pattern of calls, `rds:CreateDBSnapshot`.  In the end it is done, by the call
    whose answer was lost, and a repeat sends nothing.
    """
    await use.preview()
    use.captured = await use.action.capture(use.inputs, use.context)
    use.context.key = f"INC-7/{use.step}/1"
    apply = use.action.apply
    aws.throttle(write)
    with pytest.raises(TransientError, match="too fast"):
        await apply(use.inputs, use.captured, use.context)
    assert isinstance(await use.verify(), Refuted)
    aws.fail(write)
    with pytest.raises(UnknownOutcomeError):
        await apply(use.inputs, use.captured, use.context)
    assert isinstance(await use.verify(), Refuted)
    aws.lose_answer(write)
    with pytest.raises(UnknownOutcomeError):
        await apply(use.inputs, use.captured, use.context)
    assert isinstance(await use.outcome(), Holds)
    aws.calls.clear()
    await apply(use.inputs, use.captured, use.context)
    assert aws.asked(write) == []
