"""What stood at each listener and rule before, what is set there, and putting either in place.

Called by `set_fixed_response`, `set_forward_weights` and `restore_actions`.  AWS has no
conditional write for actions, so each place is looked at right before it is written, and a third
party's later change is never overwritten.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.aws.accounts import Account
from adapters.aws.elbv2 import places
from adapters.aws.elbv2.places import Place
from adapters.values import count, fingerprint_of, listed
from flows.actions import Change, JsonObject, PermanentError

Object = dict[str, Any]
Wanted = Callable[[Place], Sequence[Object]]


def fingerprint(found: Sequence[Place]) -> str:
    """Return a hash of what all places mean: a change of any of them is drift."""
    return fingerprint_of({each.arn: each.meaning for each in found})


def changes(found: Sequence[Place], wanted: Wanted) -> tuple[Change, ...]:
    """Show what becomes of requests at each place that would change."""
    return tuple(
        Change(subject=each.label, before=places.told(each.actions), after=places.told(after))
        for each in found
        if places.meaning(after := wanted(each)) != each.meaning
    )


def record(found: Sequence[Place], wanted: Wanted, earlier: JsonObject | None) -> JsonObject:
    """Keep the actions of before, word for word.

    Where an `earlier` attempt of the same step set what stands there now, what it found is what
    was before: our own answer is never recorded as the original.
    """
    known = {each["arn"]: each for each in (earlier or {}).get("places", ())}
    entries = []
    for place in found:
        before: Sequence[Object] = place.actions
        entry = known.get(place.arn)
        if entry and places.meaning(entry["set"]) == place.meaning:
            before = entry["before"]
        after = [dict(each) for each in wanted(place)]
        label = place.label
        entries.append({"arn": place.arn, "label": label, "before": list(before), "set": after})
    return {"places": entries}


def reversed_from(captured: JsonObject) -> JsonObject:
    """Turn a record around: from what was set to what was there before."""
    entries = captured["places"]
    return {"places": [{**e, "before": e["set"], "set": e["before"]} for e in entries]}


def wanted(captured: JsonObject) -> Wanted:
    """Say for each recorded place what is set there."""
    known = {each["arn"]: each["set"] for each in captured["places"]}
    return lambda place: known[place.arn]


async def look(account: Account, captured: JsonObject) -> tuple[Place, ...]:
    """Read the recorded places as they are now."""
    arns = [each["arn"] for each in captured["places"]]
    return await places.look(account, arns, with_rules=False)


def check(captured: JsonObject, found: Sequence[Place]) -> None:
    """Raise `PermanentError` where a place is neither as recorded nor as it is to be set."""
    known = {each["arn"]: each for each in captured["places"]}
    others = [
        f"{place.label} would {places.told(place.actions)}"
        for place in found
        if place.meaning
        not in (
            places.meaning(known[place.arn]["before"]),
            places.meaning(known[place.arn]["set"]),
        )
    ]
    if others:
        raise PermanentError(
            f"Somebody else changed it since: {listed(others, 3)}. Nothing was changed: settle "
            "this by hand, then skip the step."
        )


async def put(account: Account, captured: JsonObject) -> None:
    """Set every recorded place that is not set yet.

    Raises `PermanentError` where somebody changed one since it was recorded.
    """
    entries = captured["places"]
    for entry in entries:
        place = await _now(account, entry)
        if place.meaning == places.meaning(entry["set"]):
            continue
        if place.meaning != places.meaning(entry["before"]):
            raise PermanentError(
                f"{entry['label']} was changed since it was looked at (it would "
                f"{places.told(place.actions)}): see who changed it, then make a new plan."
            )
        await places.write(account, place, entry["set"])


async def put_back(account: Account, captured: JsonObject) -> str:
    """Set what was recorded, look, and say what was seen.

    What somebody else has set since is left, and named in a `PermanentError` after the rest.
    """
    others: list[str] = []
    for entry in reversed(captured["places"]):
        place = await _now(account, entry)
        if place.meaning == places.meaning(entry["before"]):
            continue
        if place.meaning == places.meaning(entry["set"]):
            await places.write(account, place, entry["before"])
            place = await _now(account, entry)
        if place.meaning != places.meaning(entry["before"]):
            others.append(f"{entry['label']} would {places.told(place.actions)}")
    if others:
        raise PermanentError(
            f"Not put back, because somebody else changed it since: {listed(others, 3)}. Set it by "
            "hand, or leave it, then skip the step."
        )
    told = (f"{e['label']} {_present(places.told(e['before']))}" for e in captured["places"])
    return f"{count(len(captured['places']), 'place')} as before: {listed(told, 3)}"


async def _now(account: Account, entry: Mapping[str, Any]) -> Place:
    (place,) = await places.look(account, [entry["arn"]], with_rules=False)
    return place


def _present(told: str) -> str:
    """Turn `forward to x` into `forwards to x`."""
    first, _, rest = told.partition(" ")
    return f"{first}s {rest}" if first in ("forward", "answer", "redirect") else told
