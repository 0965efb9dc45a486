"""The access keys of a user, told by their last four characters only.

Called by `deactivate_access_key`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.aws.accounts import Account
from adapters.aws.errors import NotFoundError
from adapters.aws.inputs import moment
from adapters.aws.rights import arn, right
from adapters.values import listed
from config.models.systems import System
from flows.actions import PermanentError, Permission

LIST, USED, UPDATE = "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey"
ACTIVE, INACTIVE = "Active", "Inactive"
TOLD = 4
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key.  Its id is asked with, and never told whole."""

    user: str
    id: str
    status: str
    created: datetime

    @property
    def last(self) -> str:
        """Return what may be told of the id."""
        return self.id[-TOLD:]

    def __str__(self) -> str:
        """Write `access key …MPLE of deploy`."""
        return f"access key …{self.last} of {self.user}"


def user_right(system: System, verb: str, user: str) -> Permission:
    """Return a right on one user; `user` has its path before it, where it has one."""
    return right(system, verb, arn(system, "iam", f"user/{user.strip('/')}", regional=False))


def name_of(user: str) -> str:
    """Return a user's name without its path."""
    return user.rsplit("/", 1)[-1]


async def find(account: Account, user: str, wanted: str) -> tuple[Key, tuple[Key, ...]]:
    """Return the key that is meant, by its id or the end of it, and the user's others.

    Raises `PermanentError` where there is none or more than one.
    """
    asked = user_right(account.system, LIST, user)
    name = name_of(user)
    try:
        found = await account.pages(asked, "list_access_keys", UserName=name)
    except NotFoundError as error:
        raise PermanentError(f"There is no IAM user {name} in this account.") from error
    keys = [
        Key(user=name, id=e["AccessKeyId"], status=e["Status"], created=e["CreateDate"])
        for e in found["AccessKeyMetadata"]
    ]
    meant = [each for each in keys if each.id.endswith(wanted)]
    if len(meant) != 1:
        has = listed(f"…{each.last}" for each in keys) or "none"
        which = "more than one" if meant else "no"
        raise PermanentError(
            f"{name} has {which} access key that ends in {wanted[-TOLD:]} (it has {has}): check "
            "the user and the key."
        )
    return meant[0], tuple(each for each in keys if each is not meant[0])


async def last_used(account: Account, user: str, key: Key) -> str:
    """Tell when, where and for what a key was used last."""
    asked = user_right(account.system, USED, user)
    found = await account.read(asked, "get_access_key_last_used", AccessKeyId=key.id)
    used = found["AccessKeyLastUsed"]
    if "LastUsedDate" not in used:
        return "never used"
    return f"last used {moment(used['LastUsedDate'])} for {used['ServiceName']} in {used['Region']}"
