"""Every gate can be filled by the people who are there, whoever of them declares.

A gate that nobody can open is found here, before the incident, not at three in the morning.
"""

from collections.abc import Iterable

from config.checks.notes import Notes
from config.models.people import Person
from config.models.policies import AuthorizationClass, Condition, Slot

FILE = "policy.yaml"


def check(notes: Notes) -> None:
    """Note every class, alone and with all conditions, that can't be approved."""
    policy = notes.bundle.policy
    roles = set(notes.bundle.people.roles)
    for index, kind in enumerate(policy.authorization.classes):
        trail = ("authorization", "classes", index, "needs")
        if _names_unknown_roles(kind.needs, roles):
            continue  # complained about already
        if why := _gap(notes, kind, kind.needs):
            notes.add(FILE, trail, f"the class `{kind.id}` can't be approved: {why}")
            continue
        for number, condition in enumerate(policy.authorization.conditions):
            if not _names_unknown_roles(condition.needs, roles):
                _check_condition(notes, kind, condition, number)
        _check_all_conditions(notes, kind, trail)


def can_fill(slots: Iterable[Slot], people: Iterable[Person]) -> bool:
    """Tell whether distinct people can take every seat, by augmenting paths."""
    seats = [slot for slot in slots for _ in range(slot.count)]
    candidates = tuple(people)
    taken: dict[str, int] = {}

    def place(seat: int, tried: set[str]) -> bool:
        for person in candidates:
            if person.id in tried or not set(seats[seat].any_of) & set(person.roles):
                continue
            tried.add(person.id)
            if person.id not in taken or place(taken[person.id], tried):
                taken[person.id] = seat
                return True
        return False

    return all(place(seat, set()) for seat in range(len(seats)))


def _check_condition(
    notes: Notes, kind: AuthorizationClass, condition: Condition, number: int
) -> None:
    if why := _gap(notes, kind, (*kind.needs, *condition.needs)):
        trail = ("authorization", "conditions", number, "needs")
        message = f"with `{condition.id}` the class `{kind.id}` can't be approved: {why}"
        notes.add(FILE, trail, message)


def _check_all_conditions(
    notes: Notes, kind: AuthorizationClass, trail: tuple[str | int, ...]
) -> None:
    """Check the worst day, on which every condition is true at once."""
    conditions = notes.bundle.policy.authorization.conditions
    roles = set(notes.bundle.people.roles)
    one_by_one = (_gap(notes, kind, (*kind.needs, *c.needs)) for c in conditions)
    slots = (*kind.needs, *(slot for c in conditions for slot in c.needs))
    if _names_unknown_roles(slots, roles) or any(one_by_one):
        return
    if why := _gap(notes, kind, slots):
        message = f"where all conditions are true the class `{kind.id}` can't be approved: {why}"
        notes.add(FILE, trail, message)


def _gap(notes: Notes, kind: AuthorizationClass, slots: tuple[Slot, ...]) -> str | None:
    """Return why the seats can't be taken, or None where they always can."""
    everyone = notes.bundle.people.people
    if not can_fill(slots, everyone):
        return f"{_asked(notes, slots)}, and people.yaml has {_there(notes, slots)}"
    if kind.self_approval:
        return None
    for declarer in everyone:
        if not can_fill(slots, (person for person in everyone if person.id != declarer.id)):
            return (
                f"{_asked(notes, slots)}, and when {declarer.name} declares, too few others "
                f"have these roles"
            )
    return None


def _asked(notes: Notes, slots: tuple[Slot, ...]) -> str:
    roles = notes.bundle.people.roles
    asked = (
        f"{slot.count} × {' or '.join(roles[role].title for role in slot.any_of)}" for slot in slots
    )
    return f"it needs {' and '.join(asked)}"


def _there(notes: Notes, slots: tuple[Slot, ...]) -> str:
    roles = {role for slot in slots for role in slot.any_of}
    people = [p.name for p in notes.bundle.people.people if roles & set(p.roles)]
    return f"only {', '.join(people)}" if people else "nobody who has these roles"


def _names_unknown_roles(slots: Iterable[Slot], roles: set[str]) -> bool:
    return any(role not in roles for slot in slots for role in slot.any_of)
