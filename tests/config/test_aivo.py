"""AIVO as it comes along: it loads, passes the checks, and covers what it says it covers."""

from functools import cache
from itertools import chain

import pytest

from adapters.registry import ActionRegistry
from config import checks, templates
from config.expressions import compile_expression, evaluate, evaluate_condition
from config.loader import load_system
from config.models.bundles import Bundle
from config.settings import PACKAGED
from flows import inputs
from flows.rights import needed

# How many requirements of each family AIVO's document has.
FAMILIES = {
    "G": 7, "M": 13, "T": 20, "D": 5, "A": 3, "S": 5, "I": 10, "R": 20, "V": 10, "C": 6,
    "E": 6, "P": 12, "X": 1, "K": 2, "Q": 7, "FIX": 43, "FLOW": 7,
}  # fmt: skip
KNOWN = {f"AIVO-{family}{n}" for family, count in FAMILIES.items() for n in range(1, count + 1)}


@cache
def aivo() -> Bundle:
    """Load it once."""
    return load_system(PACKAGED / "aivo")


def covered() -> set[str]:
    """Return every id that any entry of any file says it covers."""
    return {
        str(document.data_at(trail))
        for document in aivo().sources.values()
        for trail in document.spots
        if len(trail) > 1 and trail[-2] == "covers"
    }


def test_it_passes_every_check() -> None:
    """What comes along is right."""
    assert checks.check_all([aivo()], ActionRegistry()) == ()


def test_every_id_is_a_requirement_of_its_document() -> None:
    """Nothing covers what the document does not ask."""
    assert len(KNOWN) == 177
    assert covered() - KNOWN == set()


def test_the_service_rollback_covers_its_flow() -> None:
    """Every step of the corrected flow 2C, and every correction that touches it, is carried."""
    asked = {"AIVO-FLOW3", "AIVO-S3", "AIVO-R4", "AIVO-R5", "AIVO-R6", "AIVO-R7", "AIVO-R9"}
    asked |= {"AIVO-V1", "AIVO-V5", "AIVO-V6", "AIVO-V7", "AIVO-C1", "AIVO-C3", "AIVO-C6"}
    asked |= {f"AIVO-FIX{n}" for n in (2, 3, 20, 21, 22, 23, 24, 25, 36, 37, 39, 41, 43)}
    procedure = aivo().procedures["service"]
    steps = chain.from_iterable(step.covers for step in procedure.steps())
    assert asked <= {*procedure.covers, *steps}


@pytest.mark.parametrize(
    ("procedure", "asked"),
    [
        ("gradual", {"AIVO-FLOW4", "AIVO-R10", "AIVO-FIX26", "AIVO-FIX27", "AIVO-V6", "AIVO-V7"}),
        ("flag", {"AIVO-FLOW5", "AIVO-R11", "AIVO-R12", "AIVO-FIX28", "AIVO-V6", "AIVO-V7"}),
    ],
)
def test_the_gradual_rollbacks_cover_their_flows(procedure: str, asked: set[str]) -> None:
    """Traffic and flag: every step, and every correction that touches them."""
    found = aivo().procedures[procedure]
    steps = chain.from_iterable(step.covers for step in found.steps())
    assert asked <= {*found.covers, *steps}


@pytest.mark.parametrize(
    ("procedure", "asked"),
    [
        ("rows", {"FLOW6", "R15", "R16", "R17", "FIX31", "FIX32", "V2", "V3", "V8"}),
        ("files", {"FLOW7", "R18", "R20", "FIX33", "FIX34", "FIX35"}),
        (
            "point_in_time",
            {"R1", "R13", "R14", "R15", "FIX14", "FIX15", "FIX17", "FIX18", "FIX29", "FIX30"},
        ),
    ],
)
def test_the_selective_restores_cover_their_flows(procedure: str, asked: set[str]) -> None:
    """Rows, files, a database beside: every step, every correction that touches them."""
    found = aivo().procedures[procedure]
    steps = chain.from_iterable(step.covers for step in found.steps())
    assert {f"AIVO-{each}" for each in asked} <= {*found.covers, *steps}


def test_overwriting_data_asks_two_people() -> None:
    """An Engineering Lead and one of the VP and the CTO, never the on-call alone (AIVO-Q1)."""
    kinds = {kind.id: kind for kind in aivo().policy.authorization.classes}
    needs = [slot.any_of for slot in kinds["cut_over"].needs]
    assert needs == [("eng_lead",), ("vp_cto",)]
    assert {p.name for p in aivo().people.with_role("vp_cto")} == {"David Park", "Sarah Kim"}
    assert aivo().procedures["files"].class_ == "cut_over"
    (mend,) = [step for step in aivo().procedures["rows"].steps() if step.id == "mend"]
    assert mend.gate == "cut_over"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"assessments": "81, 82", "grades": "4711"},
            [("public.assessments", ["81", "82"]), ("public.grades", ["4711"])],
        ),
        ({"assessments": None, "grades": "1,2"}, [("public.grades", ["1", "2"])]),
        ({"assessments": None, "grades": None}, []),
    ],
)
def test_rows_are_named_by_their_keys(
    given: dict[str, object], expected: list[tuple[str, list[str]]]
) -> None:
    """A table of which nothing is named is left out; what others point at is written first."""
    (mend,) = [step for step in aivo().procedures["rows"].steps() if step.id == "mend"]
    filled = templates.render_inputs(mend.with_, {"inputs": {"recovered": None, **given}})
    assert filled["source_host"] is None
    assert [(each["table"], each["keys"]) for each in filled["tables"]] == expected


def test_the_data_rollback_covers_its_flow() -> None:
    """Every step of the corrected flow 2B, and every correction that touches it, is carried."""
    asked = {"AIVO-FLOW2", "AIVO-I8", "AIVO-I9", "AIVO-I10", "AIVO-Q1", "AIVO-Q6"}
    asked |= {f"AIVO-R{n}" for n in (1, 2, 3, 13, 14, 15)}
    asked |= {f"AIVO-V{n}" for n in (1, 2, 3, 5, 6, 7, 8)}
    asked |= {"AIVO-C1", "AIVO-C2", "AIVO-C3", "AIVO-C6"}
    asked |= {f"AIVO-FIX{n}" for n in (12, 13, 14, 15, 16, 17, 18, 19, 29, 30, 31, 42, 43)}
    procedure = aivo().procedures["data"]
    steps = chain.from_iterable(step.covers for step in procedure.steps())
    assert asked <= {*procedure.covers, *steps}


def test_the_security_rollback_covers_its_flow() -> None:
    """Every step of the corrected flow 2A, and every correction that touches it, is carried."""
    asked = {"AIVO-FLOW1", "AIVO-S2", "AIVO-S3", *(f"AIVO-I{n}" for n in range(1, 8))}
    asked |= {"AIVO-V1", "AIVO-V5", "AIVO-V6", "AIVO-V7", "AIVO-V10", "AIVO-Q1", "AIVO-Q4"}
    asked |= {"AIVO-C1", "AIVO-C2", "AIVO-C3", "AIVO-C6"}
    asked |= {f"AIVO-FIX{n}" for n in (2, 3, 5, 6, 7, 8, 9, 10, 11, 36, 37, 38, 39, 40, 43)}
    procedure = aivo().procedures["security"]
    steps = chain.from_iterable(step.covers for step in procedure.steps())
    assert asked <= {*procedure.covers, *steps}


def test_the_security_rollback_keeps_before_it_stops() -> None:
    """Cut off and shut, then the evidence that pods hold, then the stop; messages delay nothing."""
    procedure = aivo().procedures["security"]
    first, *_ = procedure.stages("isolate")
    assert [step.id for step in first if step.required] == ["isolate"]
    needed = [{s.id for s in stage if s.required} for stage in procedure.stages("isolate")]
    assert needed == [{"isolate"}, {"answer"}, {"state", "logs"}, {"stop"}]
    told = [s for s in procedure.steps() if s.uses.startswith(("slack.", "mail.", "statuspage."))]
    assert not [step.id for step in told if step.required]


def test_the_security_rollback_asks_for_people_where_it_must() -> None:
    """Credentials, the way back and what the public reads have gates of their own."""
    classes = {each.id: each for each in aivo().policy.authorization.classes}
    steps = aivo().procedures["security"].steps()
    asked = {
        step.id: [slot.any_of for slot in classes[step.gate].needs] for step in steps if step.gate
    }
    assert asked == {
        "status_open": [("eng_lead",)],
        "deactivate": [("vp_cto",)],
        "revoke": [("vp_cto",)],
        "inside": [("eng_lead",), ("vp_cto",)],
    }
    people = aivo().people.with_role("vp_cto")
    assert [person.name for person in people] == ["David Park", "Sarah Kim"]


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, set()),
        ({"user": "deploy"}, set()),
        ({"user": "deploy", "key": "ABCD"}, {"deactivate"}),
        ({"secrets": "app/KEY"}, {"revoke"}),
    ],
)
def test_only_credentials_that_are_named_are_ended(given: dict[str, str], needed: set[str]) -> None:
    """Nothing is deactivated or replaced by default."""
    procedure = aivo().procedures["security"]
    values = {name: each.default for name, each in procedure.inputs.items()} | given
    found = {
        step.id
        for step in procedure.stages("restore")[0]
        if step.when and evaluate_condition(compile_expression(step.when), {"inputs": values})
    }
    assert found == needed


def test_files_may_be_read_as_they_are_and_as_they_were() -> None:
    """Whether people will name a moment is not known before: the rights are enough for both."""
    arn = "arn:aws:s3:::aivo-backups/*"
    rights = {each.verb for each in needed(aivo(), ActionRegistry()) if each.resource == arn}
    assert {"s3:GetObject", "s3:GetObjectVersion"} <= rights


@pytest.mark.parametrize("family", ["T", "D", "E", "P"])
def test_whole_families_are_carried_as_data(family: str) -> None:
    """Triggers, decisions, escalation and follow-ups are all there."""
    assert {f"AIVO-{family}{n}" for n in range(1, FAMILIES[family] + 1)} <= covered()


def test_what_is_not_carried_yet_is_said() -> None:
    """A partial procedure and a policy with gaps admit it."""
    assert aivo().procedures["service"].status == "partial"
    assert not aivo().policy.planned
    said = " ".join(aivo().policy.incomplete)
    assert all(word in said for word in ("2A", "2B", "AIVO-Q7", "CDN", "PagerDuty"))


def test_what_the_document_does_not_say_is_marked() -> None:
    """The document has no authorization matrix, so every line of ours is proposed."""
    authorization = aivo().policy.authorization
    slots = [slot for kind in authorization.classes for slot in kind.needs]
    slots += [slot for condition in authorization.conditions for slot in condition.needs]
    entries = [*authorization.classes, *authorization.conditions, *slots]
    assert {entry.source for entry in entries} == {"proposed"}


def test_nobody_is_invented() -> None:
    """The people are the document's, each once, and no gate asks for the role without a person."""
    people = aivo().people
    assert [person.name for person in people.people] == [
        "Marcus Rodriguez", "Emily Watson", "Jennifer Liu", "Alex Thompson", "David Park",
        "Sarah Kim", "Michael Chen",
    ]  # fmt: skip
    assert people.with_role("release_manager") == ()


@pytest.mark.parametrize(
    ("facts", "title"),
    [
        ({"security": True, "data": True, "availability": 0.5}, "Emergency security rollback (2A)"),
        ({"security": False, "data": True, "availability": 0.5}, "Data protection rollback (2B)"),
        ({"security": False, "data": False, "availability": 0.84}, "Service rollback (2C)"),
        ({"security": False, "data": False, "availability": 0}, "Service rollback (2C)"),
        ({"security": False, "data": False, "availability": 0.9}, "Gradual rollback (3)"),
        ({"security": False, "data": False, "availability": 1}, "Gradual rollback (3)"),
    ],
)
def test_the_matrix_follows_the_order_of_precedence(facts: dict[str, object], title: str) -> None:
    """Security before data before availability; the gradual rollback is what is left."""
    holding = (
        row.title
        for row in aivo().policy.matrix
        if evaluate_condition(compile_expression(row.when), {"facts": facts})
    )
    assert next(holding) == title


CALM = {"security": False, "data": False}
FINE = {"availability": 0.97, "database_failures": 0.0, "login": 0.99, "payments": 0.99}


@pytest.mark.covers("AIVO-T10", "AIVO-T11", "AIVO-T12", "AIVO-FIX4")
@pytest.mark.parametrize(
    ("seen", "because"),
    [
        ({"availability": 0.84}, "availability 84 % is below 90 %"),
        ({"database_failures": 0.6}, "60 % of the database connections fail"),
        ({"login": 0}, "only 0 % of the logins succeed"),
        ({"payments": 0.16}, "only 16 % of the payments succeed"),
        (
            {"availability": 0.5, "login": 0.1},
            "availability 50 % is below 90 %; only 10 % of the logins succeed",
        ),
    ],
)
def test_any_of_four_calls_for_the_service_rollback(seen: dict[str, float], because: str) -> None:
    """Availability, database, login and payments: each is enough, and the reason names it."""
    row = next(each for each in aivo().policy.matrix if each.procedure == "service")
    values = {"facts": {**CALM, **FINE, **seen}}
    assert evaluate_condition(compile_expression(row.when), values) is True
    assert templates.render(row.because, values) == because
    assert evaluate_condition(compile_expression(row.when), {"facts": CALM | FINE}) is False


@pytest.mark.covers("AIVO-T10", "AIVO-T11", "AIVO-T12")
@pytest.mark.parametrize(
    ("known", "holds"),
    [
        ({"availability": 0.84}, True),
        ({"availability": 0.97}, False),
        ({"payments": 0.1}, True),
        ({"availability": 0.97, "login": None, "payments": 0.99}, False),
        ({}, None),
        ({"login": 0.99}, None),
    ],
)
def test_what_is_not_measured_takes_no_part(
    known: dict[str, float | None], holds: bool | None
) -> None:
    """An unknown login neither decides nor keeps the rest from it; availability has to be known."""
    row = next(each for each in aivo().policy.matrix if each.procedure == "service")
    assert evaluate_condition(compile_expression(row.when), {"facts": CALM | known}) is holds


@pytest.mark.covers("AIVO-T10", "AIVO-T11", "AIVO-T12", "AIVO-Q2")
@pytest.mark.parametrize(
    ("trigger", "fact", "broken", "fine"),
    [
        ("t10", "database_failures", 0.51, 0.5),
        ("t11", "login", 0.4, 0.5),
        ("t12", "payments", 0.4, 0.5),
    ],
)
def test_the_triggers_of_availability_are_measured(
    trigger: str, fact: str, broken: float, fine: float
) -> None:
    """Each says when it holds and for how long; unknown is neither."""
    found = next(each for each in aivo().policy.triggers if each.id == trigger)
    assert found.when
    assert found.lasting
    condition = compile_expression(found.when)
    assert evaluate_condition(condition, {"facts": {fact: broken}}) is True
    assert evaluate_condition(condition, {"facts": {fact: fine}}) is False
    assert evaluate_condition(condition, {"facts": {}}) is None


def test_an_open_question_decides_nothing() -> None:
    """As long as nobody said whether it is a security incident, that row is unknown."""
    row = aivo().policy.matrix[0]
    values = {"facts": {"availability": 0.5}}
    assert evaluate_condition(compile_expression(row.when), values) is None


@pytest.mark.parametrize(
    ("fact", "output", "shown", "fine"),
    [
        ("pods", {"ready": 9, "desired": 12, "failing": ["checkout"]}, "9 of 12 ready", False),
        ("pods", {"ready": 12, "desired": 12, "failing": []}, "12 of 12 ready", True),
        ("health", {"value": "degraded"}, "degraded", False),
        ("health", {"value": "ok"}, "ok", True),
        ("health", {"value": None}, "no answer", False),
        ("availability", {"value": 0.84}, "84 %", False),
        ("availability", {"value": 1}, "100 %", True),
        ("error_ratio", {"value": 0.0004}, "0.04 %", True),
        ("latency_p95", {"value": 0.31}, "310 ms", True),
        ("affected_users", {"value": 1840.4}, "1840", False),
        ("database_failures", {"value": 0}, "0 %", True),
        ("login", {"value": 0.02}, "2 %", False),
        ("payments", {"value": 0.999}, "99.9 %", True),
    ],
)
def test_facts_read_well(fact: str, output: dict[str, object], shown: str, fine: bool) -> None:
    """What is looked up becomes a value, a few words, and whether it is all right."""
    entry = next(each for each in aivo().policy.facts if each.id == fact)
    assert entry.show
    assert entry.limit
    value = evaluate(compile_expression(entry.value), {"output": output})
    assert templates.render(entry.show, {"value": value}) == shown
    assert evaluate_condition(compile_expression(entry.limit), {"value": value}) is fine


def test_the_first_words_to_the_team() -> None:
    """The message that a rollback has begun, as Slack gets it."""
    text = templates.render(
        aivo().messages["started.md"],
        {
            "incident": {
                "id": "INC-7", "reason": "checkout <!here> 5xx", "severity": "critical",
                "declared_by": "Marcus Rodriguez", "channel": "C0INC7",
            },
            "system": aivo().system.variables,
        },
        mrkdwn=True,
    )  # fmt: skip
    assert text == (
        "*INC-7 · A rollback of production has begun* (critical)\n"
        "checkout &lt;!here&gt; 5xx\n"
        "Declared by Marcus Rodriguez. The goal is working service within 10 min of the"
        " declaration, 20 min at most.\n"
        "Follow it in <#C0INC7> · <https://status.aivo.edu|Status page>"
        " · <https://aivo.zoom.us/emergency|War room>"
    )


def test_the_last_words_say_only_what_was_looked_at() -> None:
    """A criterion that was skipped is not claimed, an undone rollback is no success."""
    incident = {"id": "INC-7", "reason": "checkout 5xx", "channel": "C0INC7"}
    steps = {
        "history": {"last_good": 41, "good_version": "2.14.2"},
        "availability": {"value": 0.997},
        "errors": {"value": 0.0004},
    }
    values = {"incident": incident, "steps": steps, "system": aivo().system.variables}
    ended = aivo().messages["ended.md"]
    assert templates.render(ended, {**values, "outcome": "restored"}, mrkdwn=True) == (
        "*INC-7 · Production runs release 2.14.2 again*\n"
        "Rolled back to revision 41. Availability 99.7 %. Error ratio 0.04 %.\n"
        "The record is in <#C0INC7> · <https://status.aivo.edu|Status page>"
    )
    undone = templates.render(ended, {**values, "outcome": "undone"}, mrkdwn=True)
    assert "The service is *not* restored" in undone
    assert "Rolled back to" not in undone


LOOKS = {
    "users", "students", "grades", "assessments", "targets", "database", "cache", "consistent",
    "users_after", "students_after", "grades_after", "assessments_after",
}  # fmt: skip
JOURNEYS = {"registration", "login", "dashboard", "gradebook", "submission", "payment"}
PEOPLE = {"executives", "executives_end", "no_concern"}
CUSTOMERS = {"customers", "customers_end"}


@pytest.mark.parametrize(
    ("variables", "given", "planned"),
    [
        ({}, {}, set()),
        ({"journeys_known": True, "customers_known": True}, {}, set()),
        ({"thorough": True}, {}, LOOKS | PEOPLE),
        ({"thorough": True}, {"quick": True}, PEOPLE),
        ({"thorough": True, "journeys_known": True}, {}, LOOKS | PEOPLE | JOURNEYS),
        ({"thorough": True, "journeys_known": True}, {"quick": True}, PEOPLE),
        ({"thorough": True, "customers_known": True}, {"quick": True}, PEOPLE | CUSTOMERS),
        ({}, {"cache": "page:,menu:"}, {"clear_cache"}),
    ],
)
@pytest.mark.covers("AIVO-FIX24", "AIVO-V1", "AIVO-V2", "AIVO-V3", "AIVO-V4", "AIVO-C2", "AIVO-C4")
def test_what_goes_beyond_the_cluster_is_planned_where_it_is_reached(
    variables: dict[str, bool], given: dict[str, object], planned: set[str]
) -> None:
    """Nobody approves a check that can't be made; a cache is emptied only where people say so."""
    procedure = aivo().procedures["service"]
    values = {
        "inputs": {name: each.default for name, each in procedure.inputs.items()} | given,
        "system": {**aivo().system.variables, **variables},
    }
    steps = [step for step in procedure.steps() if not inputs.rule_out(step, values)]
    always = {"history", "unready", "rollback", "announce", "status_open", "rollout", "leftover"}
    always |= {"restart", "health", "services", "availability", "latency", "errors"}
    always |= {"status_again", "announce_end", "status_close", "status_undone"}
    assert {step.id for step in steps} == always | planned
    assert {inputs.condition_left(step, values) for step in steps if step.id in planned} <= {None}


@pytest.mark.covers("AIVO-R8", "AIVO-FIX24", "AIVO-V10")
def test_a_cache_and_the_last_word_have_gates_of_their_own() -> None:
    """What is gone for good, and what only people can see, is approved for itself."""
    gates = {step.id: step.gate for step in aivo().procedures["service"].steps() if step.gate}
    assert gates == {"clear_cache": "cache", "no_concern": "all_clear"}


@pytest.mark.covers("AIVO-M9", "AIVO-M10", "AIVO-M11", "AIVO-M12")
def test_what_may_be_lost_of_each_kind_of_data_is_the_documents() -> None:
    """In seconds: the aim and the most, told where whole databases go back to a moment."""
    points = {
        each.id: (each.rpo.total_seconds(), each.rpo_limit.total_seconds())
        for each in aivo().policy.recovery_points
    }
    assert points == {
        "accounts": (60, 300), "grades": (60, 300), "payments": (30, 120), "content": (300, 900),
    }  # fmt: skip
    leading_back = {name for name, each in aivo().procedures.items() if each.returns_to}
    assert leading_back == {"data", "point_in_time"}


@pytest.mark.covers("AIVO-M13")
def test_time_budgets_are_the_documents() -> None:
    """For each phase of 2C, of 2A in its place, and ten minutes of looking after each share."""
    budgets = {name: each.total_seconds() for name, each in aivo().policy.phase_budgets.items()}
    assert budgets == {
        "assess": 180, "isolate": 120, "restore": 300, "validate": 600, "communicate": 300,
    }  # fmt: skip
    security = aivo().procedures["security"].phase_budgets
    assert {name: each.total_seconds() for name, each in security.items()} == {
        "isolate": 120, "restore": 300,
    }  # fmt: skip
    gradual = aivo().procedures["gradual"]
    shares = [each for each in gradual.steps() if each.id.startswith(("half_", "quarter_"))]
    assert len(shares) == 6
    assert all(each.hold_for and each.hold_for.total_seconds() == 600 for each in shares)


@pytest.mark.covers("AIVO-C5")
def test_customers_hear_every_ten_minutes() -> None:
    """As long as work goes on, on the page where it was opened, and each time in other words."""
    (again,) = (each for each in aivo().procedures["service"].steps() if each.every)
    assert again.every
    assert again.every.total_seconds() == 600
    texts = [
        templates.render(
            aivo().messages[again.with_["message"]],
            {"round": number, "system": aivo().system.variables},
        )
        for number in (1, 2)
    ]
    assert texts[0] != texts[1]  # the page would drop a text that it has already


@pytest.mark.covers("AIVO-V4", "AIVO-V9")
def test_six_journeys_clear_up_behind_themselves() -> None:
    """Each is made as a test account, and removes whatever it made."""
    steps = [each for each in aivo().procedures["service"].steps() if each.id in JOURNEYS]
    assert len(steps) == 6
    for step in steps:
        assert step.source == "proposed"
        assert "system.test_" in step.with_["identity"]
        made = {name for each in step.with_["steps"] for name in each.get("keep", {})} - {"token"}
        cleared = " ".join(each["url"] for each in step.with_.get("cleanup", ()))
        assert all(f"${{{name}}}" in cleared for name in made)


def test_the_mails_of_the_service_rollback_read_well() -> None:
    """Executives learn the release, customers only what concerns them, both how it really ended."""
    values = {
        "incident": {"id": "INC-7", "reason": "checkout 5xx", "declared_by": "Marcus Rodriguez"},
        "steps": {"history": {"good_version": "2.14.2"}, "availability": {"value": 0.997}},
        "system": aivo().system.variables,
    }
    messages = aivo().messages
    assert templates.render(messages["executives_ended.md"], {**values, "outcome": "restored"}) == (
        "Production of AIVO Virtual Brain runs release 2.14.2 again, and works."
        " Availability is 99.7 %.\n\n"
        "Incident INC-7: checkout 5xx\nStatus page: https://status.aivo.edu"
    )
    undone = templates.render(messages["executives_ended.md"], {**values, "outcome": "undone"})
    assert "The service is not restored" in undone
    for outcome, word in (("restored", "work again"), ("undone", "did not help")):
        told = templates.render(
            messages["public_customers_ended.md"], {**values, "outcome": outcome}
        )
        assert word in told
        assert told.endswith("Questions: help@aivo.edu")


@pytest.mark.parametrize(
    ("steps", "outcome", "expected"),
    [
        ({"status_open": {"id": "p1"}}, "restored", {"status_close": True, "status_undone": False}),
        ({"status_open": {"id": "p1"}}, "undone", {"status_close": False, "status_undone": True}),
        ({}, "restored", {"status_close": False, "status_undone": False}),
    ],
)
def test_the_status_page_ends_as_the_run_did(
    steps: dict[str, object], outcome: str, expected: dict[str, bool]
) -> None:
    """Resolved only when restored, and nothing where no incident was opened there."""
    values = {"steps": steps, "outcome": outcome}
    found = {
        step.id: evaluate_condition(compile_expression(step.when), values)
        for step in aivo().procedures["service"].steps()
        if step.id in expected and step.when
    }
    assert found == expected


def test_public_texts_carry_no_internal_names() -> None:
    """What customers read says nothing of incidents, tools or people."""
    for name, text in aivo().messages.items():
        if name.startswith("public_"):
            assert not {"INC", "Helm", "revision", "incident.", "steps."} & set(text.split())
            assert "incident" not in text
            allowed = {"outcome", "round", "system.help_email", "system.status_page_url"}
            assert templates.references(text) <= allowed


def test_switching_it_on_for_real_needs_real_values() -> None:
    """The document's placeholders are found; they are refused once the system is live."""
    messages = {problem.message for problem in checks.find_placeholders(aivo())}
    assert messages == {
        "`xyz` stands for a real name",
        "this phone number is reserved for fiction",
        "this is an example's account number",
    }
