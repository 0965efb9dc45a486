"""Every gate can be filled by the people who are there, whoever of them declares.

A gate that nobody can open is found here, before the incident, not at three in the morning.  Who
is in a user group, or on call, can't be seen here: `backout check --live` checks again with those.
"""

from collections.abc import Iterable, Iterator

from config.checks.notes import Notes
from config.demands import Demand, union
from config.models.bundles import Bundle
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
        if why := _gap(notes, kind, union([kind.needs])):
            notes.add(FILE, trail, f"the class `{kind.id}` can't be approved: {why}")
            continue
        for number, condition in enumerate(policy.authorization.conditions):
            if not _names_unknown_roles(condition.needs, roles):
                _check_condition(notes, kind, condition, number)
        _check_all_conditions(notes, kind, trail)
    _check_review(notes, roles)


def _check_review(notes: Notes, roles: set[str]) -> None:
    """Note where somebody may break the glass whose emergency nobody else could review."""
    rules = notes.bundle.policy.emergency
    if rules is None or _names_unknown_roles(rules.review.needs, roles):
        return
    people = notes.bundle.people.people
    for breaker in people:
        others = [person for person in people if person.id != breaker.id]
        if set(rules.roles) & set(breaker.roles) and not can_fill(rules.review.needs, others):
            message = f"when {breaker.name} breaks the glass, nobody can review it"
            notes.add(FILE, ("emergency", "review", "needs"), message)


def thin_gates(bundle: Bundle) -> Iterator[str]:
    """Say which procedure's gates can't be filled while any one person is away."""
    kinds = {kind.id: kind for kind in bundle.policy.authorization.classes}
    for procedure in bundle.procedures.values():
        asked = [(procedure.procedure, procedure.class_)]
        asked += [(f"{procedure.procedure}/{s.id}", s.gate) for s in procedure.steps() if s.gate]
        for where, class_id in asked:
            if kind := kinds.get(class_id):
                yield from _thin(bundle, where, kind)


def _thin(bundle: Bundle, where: str, kind: AuthorizationClass) -> Iterator[str]:
    """Look at the class alone, then at its worst day."""
    conditions = bundle.policy.authorization.conditions
    all_slots = union((kind.needs, *(c.needs for c in conditions)))
    worst = " where all conditions are true" if conditions else ""
    for slots, when in ((union([kind.needs]), ""), (all_slots, worst)):
        away = [p.name for p in bundle.people.possible() if _stuck_without(bundle, kind, slots, p)]
        if away:
            names = ", ".join(away)
            yield (
                f"{where} (class `{kind.id}`){when} can't be approved while one of these is away "
                f"and another one declares: {names}"
            )
            return


def _stuck_without(
    bundle: Bundle, kind: AuthorizationClass, slots: tuple[Demand, ...], away: Person
) -> bool:
    there = [person for person in bundle.people.possible() if person.id != away.id]
    return any(
        not can_fill(slots, _approvers(kind, slots, there, declarer), kind.distinct_teams)
        for declarer in there
    )


def can_fill(
    slots: Iterable[Slot | Demand], people: Iterable[Person], distinct_teams: bool = False
) -> bool:
    """Tell whether distinct people (or teams) can take every seat, by augmenting paths."""
    seats = [slot for slot in slots for _ in range(slot.count)]
    units: dict[str, set[str]] = {}
    for person in people:
        of_team = distinct_teams and person.team is not None
        unit = f"team {person.team}" if of_team else f"person {person.id}"
        units.setdefault(unit, set()).update(person.roles)
    taken: dict[str, int] = {}

    def place(seat: int, tried: set[str]) -> bool:
        for unit, roles in units.items():
            if unit in tried or not set(seats[seat].any_of) & roles:
                continue
            tried.add(unit)
            if unit not in taken or place(taken[unit], tried):
                taken[unit] = seat
                return True
        return False

    return all(place(seat, set()) for seat in range(len(seats)))


def _check_condition(
    notes: Notes, kind: AuthorizationClass, condition: Condition, number: int
) -> None:
    if why := _gap(notes, kind, union([kind.needs, condition.needs])):
        trail = ("authorization", "conditions", number, "needs")
        message = f"with `{condition.id}` the class `{kind.id}` can't be approved: {why}"
        notes.add(FILE, trail, message)


def _check_all_conditions(
    notes: Notes, kind: AuthorizationClass, trail: tuple[str | int, ...]
) -> None:
    """Check the worst day, on which every condition is true at once."""
    conditions = notes.bundle.policy.authorization.conditions
    roles = set(notes.bundle.people.roles)
    one_by_one = (_gap(notes, kind, union([kind.needs, c.needs])) for c in conditions)
    every = (kind.needs, *(c.needs for c in conditions))
    if any(_names_unknown_roles(needs, roles) for needs in every) or any(one_by_one):
        return
    if why := _gap(notes, kind, union(every)):
        message = f"where all conditions are true the class `{kind.id}` can't be approved: {why}"
        notes.add(FILE, trail, message)


def _gap(notes: Notes, kind: AuthorizationClass, slots: tuple[Demand, ...]) -> str | None:
    """Return why the seats can't be taken, or None where they always can."""
    everyone = notes.bundle.people.possible()
    if not can_fill(slots, everyone, kind.distinct_teams):
        return f"{_asked(notes, kind, slots)}, and people.yaml has {_there(notes, slots)}"
    for declarer in everyone:
        approvers = _approvers(kind, slots, everyone, declarer)
        if not can_fill(slots, approvers, kind.distinct_teams):
            return (
                f"{_asked(notes, kind, slots)}, and when {declarer.name} declares, too few others "
                f"have these roles"
            )
    return None


def _approvers(
    kind: AuthorizationClass, slots: Iterable[Demand], people: Iterable[Person], declarer: Person
) -> list[Person]:
    """Return who may fill seats when this person declares: never the declarer alone."""
    may_help = kind.self_approval and sum(slot.count for slot in slots) > 1
    return [person for person in people if may_help or person.id != declarer.id]


def _asked(notes: Notes, kind: AuthorizationClass, slots: tuple[Demand, ...]) -> str:
    roles = notes.bundle.people.roles
    asked = (
        f"{slot.count} × {' or '.join(roles[role].title for role in slot.any_of)}" for slot in slots
    )
    teams = ", of different teams" if kind.distinct_teams else ""
    return f"it needs {' and '.join(asked)}{teams}"


def _there(notes: Notes, slots: tuple[Demand, ...]) -> str:
    roles = {role for slot in slots for role in slot.any_of}
    people = [p.name for p in notes.bundle.people.possible() if roles & set(p.roles)]
    return f"only {', '.join(people)}" if people else "nobody who has these roles"


def _names_unknown_roles(slots: Iterable[Slot], roles: set[str]) -> bool:
    return any(role not in roles for slot in slots for role in slot.any_of)
