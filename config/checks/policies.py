"""`policy.yaml`: every name leads somewhere, every condition and text can be read."""

from config.checks import scopes
from config.checks.actions import Use, check_use
from config.checks.catalogs import ActionCatalog
from config.checks.notes import Notes
from config.checks.scopes import Scope
from config.models.policies import Slot, Trigger
from config.models.procedures import PHASES

FILE = "policy.yaml"
BUDGETED = ("assess", "approve", *PHASES)


def check(notes: Notes, actions: ActionCatalog) -> None:
    """Note every problem of a system's policy."""
    _check_names(notes)
    _check_facts(notes, actions)
    _check_conditions(notes)
    _check_procedures(notes)
    _check_roles(notes)
    for phase in notes.bundle.policy.phase_budgets:
        if phase not in BUDGETED:
            notes.must_exist(FILE, ("phase_budgets", phase), "phase", phase, BUDGETED)


def _check_names(notes: Notes) -> None:
    policy = notes.bundle.policy
    lists = {
        "facts": "fact",
        "questions": "question",
        "triggers": "trigger",
        "targets": "target",
        "recovery_points": "recovery point",
        "follow_ups": "follow-up",
    }
    for key, what in lists.items():
        entries = getattr(policy, key)
        notes.must_differ(FILE, what, (((key, i, "id"), e.id) for i, e in enumerate(entries)))
    for key, what in {"classes": "class", "conditions": "condition"}.items():
        entries = getattr(policy.authorization, key)
        trails = ((("authorization", key, i, "id"), e.id) for i, e in enumerate(entries))
        notes.must_differ(FILE, what, trails)
    looked_up = {fact.id for fact in policy.facts}
    for index, question in enumerate(policy.questions):
        if question.id in looked_up:
            message = f"`{question.id}` is a fact already: a question needs a name of its own"
            notes.add(FILE, ("questions", index, "id"), message)


def _check_facts(notes: Notes, actions: ActionCatalog) -> None:
    inputs = Scope(roots=scopes.base(notes))
    output = Scope(roots={**scopes.base(notes), "output": None})
    value = Scope(roots={**scopes.base(notes), "value": None})
    for index, fact in enumerate(notes.bundle.policy.facts):
        trail = ("facts", index)
        use = Use(file=FILE, trail=trail, uses=fact.uses, inputs=fact.with_, scope=inputs)
        check_use(notes, use, actions)
        scopes.check_expression(notes, FILE, (*trail, "value"), fact.value, output)
        if fact.show is not None:
            scopes.check_template(notes, FILE, (*trail, "show"), fact.show, value)
        if fact.limit is not None:
            scopes.check_expression(notes, FILE, (*trail, "limit"), fact.limit, value)


def _check_conditions(notes: Notes) -> None:
    policy = notes.bundle.policy
    scope = Scope(roots={**scopes.base(notes), "facts": scopes.facts(notes)})
    for index, row in enumerate(policy.matrix):
        scopes.check_expression(notes, FILE, ("matrix", index, "when"), row.when, scope)
        scopes.check_template(notes, FILE, ("matrix", index, "because"), row.because, scope)
    for index, trigger in enumerate(policy.triggers):
        if trigger.when is not None:
            scopes.check_expression(notes, FILE, ("triggers", index, "when"), trigger.when, scope)
        if trigger.automatic is not None:
            _check_automatic(notes, index, trigger, scope)
    for index, condition in enumerate(policy.authorization.conditions):
        trail = ("authorization", "conditions", index, "when")
        scopes.check_expression(notes, FILE, trail, condition.when, scope)


def _check_automatic(notes: Notes, index: int, trigger: Trigger, scope: Scope) -> None:
    """Note what would keep a trigger from ever beginning anything by itself."""
    trail = ("triggers", index, "automatic")
    assert trigger.automatic is not None
    scopes.check_expression(notes, FILE, (*trail, "release"), trigger.automatic.release, scope)
    for number, guard in enumerate(trigger.automatic.guards):
        where = (*trail, "guards", number, "when")
        scopes.check_expression(notes, FILE, where, guard.when, scope)
    if trigger.procedure not in notes.bundle.procedures:
        message = f"`{trigger.procedure}` is not carried yet: nothing of it could begin by itself"
        notes.add(FILE, trail, message, at_key=True)


def _check_procedures(notes: Notes) -> None:
    policy, carried = notes.bundle.policy, notes.bundle.procedures
    for index, row in enumerate(policy.matrix):
        trail = ("matrix", index, "procedure")
        if row.procedure is not None:
            notes.must_exist(FILE, trail, "procedure", row.procedure, carried)
        elif not row.then:
            message = "without a procedure, `then` must say what people do instead"
            notes.add(FILE, trail, message)
    for index, trigger in enumerate(policy.triggers):
        known = {*carried, *policy.planned}
        trail = ("triggers", index, "procedure")
        notes.must_exist(FILE, trail, "procedure", trigger.procedure, known)
    for name in policy.planned:
        if name in carried:
            message = f"the procedure `{name}` is there: take it off `planned`"
            notes.add(FILE, ("planned", name), message, at_key=True)


def _check_roles(notes: Notes) -> None:
    authorization, roles = notes.bundle.policy.authorization, notes.bundle.people.roles
    for index, kind in enumerate(authorization.classes):
        _check_slots(notes, ("authorization", "classes", index), kind.needs)
    for index, condition in enumerate(authorization.conditions):
        _check_slots(notes, ("authorization", "conditions", index), condition.needs)
    _check_emergency(notes)
    for index, role in enumerate(authorization.control):
        notes.must_exist(FILE, ("authorization", "control", index), "role", role, roles)
    people = notes.bundle.people
    from_outside = set(authorization.control) & set(people.from_outside())
    if not from_outside and not any(people.with_role(role) for role in authorization.control):
        message = "nobody has one of these roles: a run could not be held or undone"
        notes.add(FILE, ("authorization", "control"), message)


def _check_emergency(notes: Notes) -> None:
    rules, roles = notes.bundle.policy.emergency, notes.bundle.people.roles
    if rules is None:
        return
    for key in ("roles", "notify"):
        for index, role in enumerate(getattr(rules, key)):
            notes.must_exist(FILE, ("emergency", key, index), "role", role, roles)
    _check_slots(notes, ("emergency", "review"), rules.review.needs)


def _check_slots(notes: Notes, trail: tuple[str | int, ...], slots: tuple[Slot, ...]) -> None:
    for number, slot in enumerate(slots):
        for place, role in enumerate(slot.any_of):
            where = (*trail, "needs", number, "any_of", place)
            notes.must_exist(FILE, where, "role", role, notes.bundle.people.roles)
