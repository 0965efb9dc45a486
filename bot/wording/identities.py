"""Why somebody can't be let decide: the bot is not sure who that is.  Fails closed.

`bot.slack.identity` finds the reason, every surface shows the sentence.
"""

from enum import StrEnum
from typing import assert_never

from bot.wording.texts import bold, both, code, inline


class Unidentified(StrEnum):
    """Why a Slack user is taken for nobody."""

    UNKNOWN = "unknown"
    GUEST = "guest"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    STRANGER = "stranger"
    NOT_LISTED = "not_listed"
    AMBIGUOUS = "ambiguous"
    UNREACHABLE = "unreachable"


def unidentified(
    doubt: str, *, user: str = "", system: str = "", people: tuple[str, ...] = ()
) -> str:
    """Say why this Slack user can't do it, and what to do.

    `doubt` is a value of `Unidentified`, `user` a Slack id, `system` its title, `people` the names
    found where two were.
    """
    where = f"the people of {bold(system)}" if system else "the people of this system"
    match Unidentified(doubt):
        case Unidentified.UNKNOWN:
            return (
                "You can't do this: Slack does not know this account. Sign in again; if that "
                f"does not help, ask somebody among {where} to do it."
            )
        case Unidentified.GUEST:
            return (
                "You can't do this: you are a guest in this workspace, and guests neither declare "
                f"nor decide. Ask any full member to declare, or somebody among {where} to decide."
            )
        case Unidentified.BOT:
            return (
                "A bot can't do this: only people declare and decide. "
                "Have a person type the command or press the button."
            )
        case Unidentified.DEACTIVATED:
            return (
                "This account can't do it: it is deactivated in Slack. "
                f"Ask somebody among {where}, or a workspace admin to activate the account."
            )
        case Unidentified.STRANGER:
            return (
                "You can't do this: your account belongs to another workspace, and only members "
                f"of this one decide. Ask somebody among {where}."
            )
        case Unidentified.NOT_LISTED:
            return (
                f"You can't do this: you are not listed among {where}. Ask one of them, or have "
                f"your {_entry(user)} added to the system's people.yaml."
            )
        case Unidentified.AMBIGUOUS:
            named = both([inline(name, 80) for name in people]) or "two people"
            return (
                f"You can't do this: your Slack account matches {named} in people.yaml, so it is "
                f"not clear who you are. Ask somebody else among {where}, and have the double "
                "entry corrected."
            )
        case Unidentified.UNREACHABLE:
            return (
                "Nothing was done: Slack could not be asked who you are, and nobody decides "
                "unchecked. Try again in a moment; if it goes on, use the command line: "
                "`backout --help`."
            )
        case never:
            assert_never(never)


def _entry(user: str) -> str:
    return f"Slack id (`{inline(user, 40)}`)" if user else "Slack id or e-mail address"


def system_gone(system: str) -> str:
    """Say that a system's configuration is not there any more."""
    return (
        f"Nothing was done: {code(system, 60)} is not among the systems that Backout was started "
        "with, so nobody can be checked against its people. Put its folder back into "
        "`BACKOUT_SYSTEMS` and start Backout again."
    )
