"""What is known of messages: kept as evidence, because a mail server can't be asked.

Each handing over takes the next free slot of its step before the message leaves, and its end is
written beside it.  A slot without an end is a message of which nobody can say whether it went.
Slots are written once, so that an attempt that was thought dead can't send after a later one.
Called by `send`.
"""

import json
from dataclasses import dataclass
from typing import Any

from adapters.values import fingerprint_of
from flows.actions import Context, PermanentError

MOST_SLOTS = 50

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One handing over.  `taken` or `refused` tell its end; neither: nobody knows."""

    number: int
    attempt: int
    taken: Object | None = None
    refused: str | None = None


async def slots(context: Context) -> list[Slot]:
    """Return every handing over of this step, first to last."""
    found: list[Slot] = []
    while len(found) < MOST_SLOTS:
        number = len(found) + 1
        begun = await _read(context, number, "begun")
        if begun is None:
            return found
        refused = await _read(context, number, "refused")
        found.append(
            Slot(
                number=number,
                attempt=begun["attempt"],
                taken=await _read(context, number, "taken"),
                refused=refused["why"] if refused else None,
            )
        )
    raise PermanentError(f"This mail was tried {MOST_SLOTS} times: send it by hand, then skip.")


async def begin(context: Context) -> int:
    """Take the next slot for this attempt and return its number.

    Raises `PermanentError` where a later attempt has taken one already: this one is outdated.
    """
    before = await slots(context)
    attempt = attempt_of(context)
    if any(each.attempt > attempt for each in before):
        raise PermanentError("A later attempt has sent this mail meanwhile: nothing was sent.")
    number = len(before) + 1
    await _put(context, number, "begun", {"attempt": attempt})
    return number


async def end_taken(context: Context, number: int, receipt: Object) -> None:
    """Record that the server took the message."""
    await _put(context, number, "taken", receipt)


async def end_refused(context: Context, number: int, why: str) -> None:
    """Record that the server did not take the message."""
    await _put(context, number, "refused", {"why": why})


def attempt_of(context: Context) -> int:
    """Return the number of this attempt."""
    return int(context.key.rsplit("/", 1)[1])


def _name(context: Context, number: int, part: str) -> str:
    step = context.key.split("/")[1]
    folder = f"{context.incident}/mail/{step}-{fingerprint_of(context.mark)[:8]}"
    return f"{folder}/{number}-{part}.json"


async def _put(context: Context, number: int, part: str, value: Object) -> None:
    content = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    await context.surroundings.evidence.put(_name(context, number, part), content.encode())


async def _read(context: Context, number: int, part: str) -> Object | None:
    name = _name(context, number, part)
    if await context.surroundings.evidence.find(name) is None:
        return None
    found: Object = json.loads(await context.surroundings.evidence.read(name))
    return found
