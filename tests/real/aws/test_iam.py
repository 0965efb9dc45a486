"""Access keys, on moto's AWS."""

from __future__ import annotations

import pytest

from flows.actions import Holds, PermanentError, Refuted
from tests.adapters.uses import Use
from tests.real.aws import checks
from tests.real.aws.conftest import At
from tests.real.services.aws.server import Aws, User

USES = "aws.iam.deactivate_access_key"


@pytest.fixture
def key(aws: Aws) -> str:
    """The id of a user's access key."""
    iam = aws.client("iam")
    iam.create_user(UserName="deploy", Path="/ci/")
    return str(iam.create_access_key(UserName="deploy")["AccessKey"]["AccessKeyId"])


def status(aws: Aws) -> str:
    """Return the key's status."""
    found = aws.client("iam").list_access_keys(UserName="deploy")["AccessKeyMetadata"]
    return str(found[0]["Status"])


@pytest.mark.covers("AIVO-I4", "AIVO-FIX8")
async def test_a_key_is_deactivated_and_brought_back(aws: Aws, at: At, key: str) -> None:
    """Its last four characters name it, its whole id is told nowhere, and undo is repeatable."""
    use = at(USES, user="ci/deploy", key=key[-4:])
    preview = await use.preview()
    assert key not in repr(preview)
    await use.apply()
    assert key not in repr(use.captured)
    assert isinstance(await use.outcome(), Holds)
    assert status(aws) == "Inactive"
    assert (await use.preview()).in_place
    for _ in range(2):
        await use.undo()
        assert status(aws) == "Active"
    assert isinstance(await use.verify(), Refuted)


async def test_backouts_own_key_is_refused(aws: Aws, at: At, key: str) -> None:
    """Backout does not lock itself out, neither in the preview nor later."""
    use = at(USES, credentials=User(key_id=key), user="ci/deploy", key=key[-4:])
    with pytest.raises(PermanentError, match="lock itself out"):
        await use.preview()
    with pytest.raises(PermanentError, match="lock itself out"):
        await use.action.apply(use.inputs, {}, use.context)
    assert status(aws) == "Active"


async def test_rights_are_the_least(aws: Aws, at: At, key: str) -> None:
    """The rights that are named are enough, and a missing one is named."""

    def make(user: User) -> Use:
        return at(USES, credentials=user, user="ci/deploy", key=key)

    await checks.with_the_least_rights(aws, make)
    await checks.without(aws, make, "iam:UpdateAccessKey")
    await checks.without(aws, make, "iam:GetAccessKeyLastUsed")


async def test_answers_that_fail(aws: Aws, at: At, key: str) -> None:
    """Too fast, failed inside and lost: each is what it is, and a look tells the truth."""
    await checks.when_answers_fail(aws, at(USES, user="deploy", key=key), "iam:UpdateAccessKey")
