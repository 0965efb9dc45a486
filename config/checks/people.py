"""`people.yaml`: roles exist, nobody is there twice, escalation reaches somebody."""

from config.checks.notes import Notes

FILE = "people.yaml"


def check(notes: Notes) -> None:
    """Note every problem of a system's people."""
    people = notes.bundle.people
    for index, person in enumerate(people.people):
        for number, role in enumerate(person.roles):
            notes.must_exist(FILE, ("people", index, "roles", number), "role", role, people.roles)
    for field in ("id", "name", "email", "slack"):
        values = ((("people", i, field), getattr(p, field)) for i, p in enumerate(people.people))
        given = [(trail, str(value).lower()) for trail, value in values if value is not None]
        notes.must_differ(FILE, {"email": "e-mail", "slack": "Slack id"}.get(field, field), given)
    vendors = ((("vendors", i, "id"), v.id) for i, v in enumerate(people.vendors))
    notes.must_differ(FILE, "vendor", vendors)
    connection = notes.bundle.system.connections.pagerduty
    if connection is None or connection.token is None:
        for name in people.by_schedule():
            message = "nobody can be asked who is on call: connections.pagerduty needs a `token`"
            notes.add(FILE, ("roles", name, "schedule"), message)
    _check_escalation(notes)


def _check_escalation(notes: Notes) -> None:
    people = notes.bundle.people
    known = [person.id for person in people.people]
    for index, level in enumerate(people.escalation):
        trail = ("escalation", index)
        notes.must_exist(FILE, (*trail, "primary"), "person", level.primary, known)
        if level.at_once is not None:
            conditions = [c.id for c in notes.bundle.policy.authorization.conditions]
            where = (*trail, "at_once")
            notes.must_exist(FILE, where, "condition", level.at_once, conditions)
        for number, other in enumerate(level.others):
            notes.must_exist(FILE, (*trail, "others", number), "person", other, known)
        if level.level != index + 1:
            message = f"levels count from 1 without a gap: this must be level {index + 1}"
            notes.add(FILE, (*trail, "level"), message)
        if level.repeats_every is not None and index + 1 < len(people.escalation):
            message = "only the last level is called again and again: use `escalates_after` here"
            notes.add(FILE, (*trail, "repeats_every"), message)
        if (
            level.others_after
            and level.escalates_after
            and (level.others_after >= level.escalates_after)
        ):
            message = "the next level would be called before the others of this one"
            notes.add(FILE, (*trail, "others_after"), message)
        if level.pagerduty is not None and notes.bundle.system.connections.pagerduty is None:
            message = "nothing calls this service: system.yaml has no connections.pagerduty"
            notes.add(FILE, (*trail, "pagerduty"), message)
        if level.escalates_after is None and index + 1 < len(people.escalation):
            message = "without `escalates_after` the next level is never called"
            notes.add(FILE, trail, message)
