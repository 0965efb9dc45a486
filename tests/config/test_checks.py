"""Checks across files: each mistake is found, once, where it was made."""

from pathlib import Path

import pytest

from config import checks
from config.checks.authority import can_fill, thin_gates
from config.loader import load_system
from config.models.people import Person
from config.models.policies import Slot
from config.places import ConfigurationError
from tests.config import examples


def found(folder: Path, name: str, old: str, new: str) -> list[str]:
    """Return what the checks say about a system in which one text is replaced."""
    bundle = examples.load(folder, name, old, new)
    problems = checks.check(bundle, examples.Actions())
    return [str(problem).removeprefix(f"{folder / 'shop'}/") for problem in problems]


def test_what_is_right_passes(tmp_path: Path) -> None:
    """The example has no problem."""
    bundle = load_system(examples.write(tmp_path))
    assert checks.check_all([bundle], examples.Actions()) == ()


PROCEDURE = "procedures/service.yaml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("class: application", "class: aplication",
         [":3:8: there is no authorization class `aplication` (did you mean `application`?)"]),
        ("target: availability", "target: availabilty",
         [":4:9: there is no target `availabilty` (did you mean `availability`?)"]),
        ("uses: helm.history", "uses: helm.histroy",
         [":10:11: there is no action `helm.histroy` (did you mean `helm.history`?)"]),
        ("id: wait", "id: rollback", [":20:13: the step `rollback` is there twice"]),
        ("    within: 10m\n", "    within: 10m\n    gate: data\n",
         [":35:11: there is no authorization class `data` (known: `application`)"]),
        ("hold_for: 1m", "hold_for: 10m",
         [":35:15: a check can't hold for longer than it may take: `within` must be more"]),
        ("facts.availability < 1\n", "facts.availability < 1\n        every: 30s\n",
         [":29:16: a minute is the least",
          ":29:16: what is done again and again must be `required: false`, and has no gate"]),
        ("    within: 10m\n", "    within: 10m\n    every: 10m\n    required: false\n", []),
        ("facts.availability < 1", "round > 1",
         [(":28:15: `round` is not known here (known: `facts`, `incident`, `inputs`, `outcome`,"
          " `steps`, `system`)")]),
        ("    within: 10m\n", "",
         [":34:15: a check can't hold for longer than it may take: `within` must be more"]),
        ('release: "{{ inputs.release }}"\n', 'release: "{{ inputs.relaese }}"\n',
         [":17:20: there is no input `relaese` (did you mean `release`?)"]),
        ("steps.history.last_good", "steps.histroy.last_good",
         [":18:21: there is no step `histroy` (did you mean `history`?)"]),
        ("steps.history.last_good", "steps.history.last_goood",
         [":18:21: `history` gives no `last_goood` (did you mean `last_good`?)"]),
        ("steps.history.last_good", "steps.wait.ready",
         [":18:21: the step `wait` runs after this one (read a step of an earlier stage)"]),
        ("steps.history.last_good", "steps.rollback.revision",
         [":18:21: the step `rollback` is this step itself (read a step of an earlier stage)"]),
        ("    within: 10m\n", '    within: 10m\n    loses: "{{ inputs.relaese }}"\n',
         [":35:16: there is no input `relaese` (did you mean `release`?)"]),
        ("    within: 10m\n", '    within: 10m\n    loses: "{{ steps.rollback.revision }}"\n',
         [":35:16: there is no step `rollback` (known: `history`)"]),
        ("facts.availability < 1", "steps.wait.ready > 1",
         [":28:15: the step `wait` runs beside this one (read a step of an earlier stage)"]),
        ("facts.availability < 1", "true && facts.availabilty < 1",
         [":28:23: there is no fact `availabilty` (did you mean `availability`?)"]),
        ("facts.availability < 1", "fact.availability < 1",
         [":28:15: `fact` is not known here (did you mean `facts`?)"]),
        ("facts.availability < 1", "facts.availability <", [":28:34: this is not valid CEL"]),
        ("facts.availability < 1", "value < 1",
         [(":28:15: `value` is not known here (known: `facts`, `incident`, `inputs`, `outcome`,"
          " `steps`, `system`)")]),
        ("expect: value > 0.99", "expect: value > nope(1)",
         [":33:49: there is no function `nope`"]),
        ("expect: value > 0.99", "expect: value > baseline",
         [":33:49: `baseline` is not known here (known: `value`)"]),
        ("expect: value > 0.99", "expect: output.value > 1",
         [":33:41: `output` is not known here (known: `value`)"]),
        ("message: done.md", "message: dne.md",
         [":27:45: there is no message `dne.md` (did you mean `done.md`?)"]),
        ('revision: "{{ steps', 'revision: "{{ system.helth_url }}{{ steps',
         [":18:21: there is no variable `helth_url` (did you mean `health_url`?)"]),
        ('revision: "{{ steps.history.last_good }}"', 'revision: "{{ system.health_url }}"',
         [":18:17: expected int, found 'https://shop.test/health'"]),
        ('revision: "{{ steps.history.last_good }}"', 'revision: "{{ system.services }}"', []),
        ('revision: "{{ steps.history.last_good }}"', "revison: 3",
         [":18:16: there is no input revison"]),
        ('"{{ steps.history.last_good }}"', '"{{ steps.history.last_good"',
         [(":18:18: broken template: unexpected end of template, expected 'end of print"
          " statement'.")]),
        ('"{{ steps.history.last_good }}"', '"{{ steps.history.last_good | integer }}"',
         [":18:47: broken template: there is no filter `integer` (did you mean `int`?)"]),
        ("procedure: service", "procedure: service\ncovers: [SHOP-R1, R5, OTHER-R2, SHOP-FIX3]",
         [":2:19: `R5` is no requirement id (they look like AIVO-R5)",
          ":2:23: `OTHER-R2` belongs to another document than the other ids (SHOP)"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_procedure(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    """A step that leads nowhere is pointed at, inside the text where that is possible."""
    assert found(tmp_path, PROCEDURE, old, new) == [f"{PROCEDURE}{each}" for each in said]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("procedure: service", "procedure: servce",
         [":12:16: there is no procedure `servce` (did you mean `service`?)"]),
        ("procedure: service", "procedure: null",
         [":12:16: without a procedure, `then` must say what people do instead"]),
        ("facts.availability < 0.9", "facts.avail < 0.9",
         [":14:11: there is no fact `avail` (did you mean `availability`?)"]),
        ("!facts.security", "!facts.securty",
         [":14:40: there is no fact `securty` (did you mean `security`?)"]),
        ("value: output.value", "value: output.value >", [":6:25: this is not valid CEL"]),
        ("value: output.value", "value: value", [(":6:12: `value` is not known here"
         " (known: `incident`, `output`, `system`)")]),
        ("limit: value >= 0.9", "limit: values >= 0.9",
         [":8:12: `values` is not known here (did you mean `value`?)"]),
        ("{{ value | percent }}", "{{ value | percents }}",
         [":7:23: broken template: there is no filter `percents` (did you mean `percent`?)"]),
        ("{{ facts.availability | percent }} is", "{{ facts.avalability | percent }} is",
         [":15:18: there is no fact `avalability` (did you mean `availability`?)"]),
        ("uses: prometheus.query", "uses: prometheus.qery",
         [":4:11: there is no action `prometheus.qery` (did you mean `prometheus.query`?)"]),
        ("query: availability", "query: 7", [":5:19: expected str, found 7"]),
        ("id: security", "id: availability",
         [":10:10: `availability` is a fact already: a question needs a name of its own",
          ":14:40: there is no fact `security` (known: `availability`)"]),
        ("[lead]\n  control", "[leed]\n  control",
         [":29:20: there is no role `leed` (did you mean `lead`?)"]),
        ("control: [lead]", "control: [lead, boss]",
         [":30:19: there is no role `boss` (known: `lead`, `oncall`)"]),
        ("plan_valid_for: 30m", "plan_valid_for: 30m\nphase_budgets: {asses: 3m}",
         [":34:24: there is no phase `asses` (did you mean `assess`?)"]),
        ("plan_valid_for: 30m", "plan_valid_for: 30m\nplanned: {service: soon}",
         [":34:11: the procedure `service` is there: take it off `planned`"]),
        ("plan_valid_for: 30m",
         ("plan_valid_for: 30m\nplanned: {data: later}\ntriggers:\n"
         "  - {id: t1, title: T, severity: high, procedure: data}\n"
         "  - {id: t1, title: T, severity: high, procedure: gradual, when: facts.x}"),
         [":37:10: the trigger `t1` is there twice",
          ":37:51: there is no procedure `gradual` (known: `data`, `service`)",
          ":37:66: there is no fact `x` (known: `availability`, `security`)"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_policy(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    """A condition on an unknown fact and a row without a procedure are found."""
    assert found(tmp_path, "policy.yaml", old, new) == [f"policy.yaml{each}" for each in said]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("roles: [lead]}\n  - {id: dan", "roles: [leed]}\n  - {id: dan",
         ["people.yaml:7:59: there is no role `leed` (did you mean `lead`?)",
          ("policy.yaml:29:9: with `many` the class `application` can't be approved: it needs"
          " 1 × On-Call or Lead and 1 × Lead, and when Dan declares, too few others have these"
          " roles")]),
        ("primary: cleo", "primary: clea",
         ["people.yaml:11:39: there is no person `clea` (did you mean `cleo`?)"]),
        ("others: [bob]", "others: [rob]",
         ["people.yaml:10:55: there is no person `rob` (did you mean `bob`?)"]),
        ("level: 2", "level: 3",
         ["people.yaml:11:13: levels count from 1 without a gap: this must be level 2"]),
        (", escalates_after: 5m", "",
         ["people.yaml:10:5: without `escalates_after` the next level is never called"]),
        ("id: bob", "id: ann", [("people.yaml:10:55: there is no person `bob`"
         " (known: `ann`, `cleo`, `dan`)"), "people.yaml:6:10: the id `ann` is there twice"]),
        ("email: bob@", "email: Ann@",
         ["people.yaml:6:33: the e-mail `ann@shop.test` is there twice"]),
        ("name: Dan, email: dan@shop.test, roles: [lead]",
         "name: Dan, email: dan@shop.test",
         [("policy.yaml:29:9: with `many` the class `application` can't be approved: it needs"
          " 1 × On-Call or Lead and 1 × Lead, and when Cleo declares, too few others have these"
          " roles")]),
    ],
)  # fmt: skip
def test_mistakes_among_people(old: str, new: str, said: list[str], tmp_path: Path) -> None:
    """Roles and escalation lead to people, and gates can be filled whoever declares."""
    assert sorted(found(tmp_path, "people.yaml", old, new)) == said


def test_a_gate_that_nobody_can_fill_is_refused(tmp_path: Path) -> None:
    """More approvers than there are is said with the people who are there."""
    said = found(tmp_path, "policy.yaml", "any_of: [oncall, lead]\n",
                 "any_of: [oncall]\n          count: 3\n")  # fmt: skip
    assert said == [
        (
            "policy.yaml:22:9: the class `application` can't be approved: it needs 3 × On-Call,"
            " and people.yaml has only Ann, Bob"
        )
    ]


def test_a_role_that_a_group_gives_may_be_anybodys(tmp_path: Path) -> None:
    """Who is in the group shows in Slack only, so one lead on the list is no complaint."""
    old, new = "roles: [lead]}\n  - {id: dan", "roles: []}\n  - {id: dan"
    assert found(tmp_path / "listed", "people.yaml", old, new) != []
    root = examples.write(tmp_path, {"people.yaml": (old, new)})
    people = root / "people.yaml"
    given = "lead: {title: Lead, slack_group: leads, members: slack_group}"
    people.write_text(people.read_text().replace("lead: {title: Lead}", given))
    assert checks.check(load_system(root), examples.Actions()) == ()
    people.write_text(people.read_text().replace("slack_group: leads, ", ""))
    with pytest.raises(ConfigurationError, match="needs the group's handle"):
        load_system(root)


def test_the_worst_day_is_checked(tmp_path: Path) -> None:
    """Conditions that can be met one by one, but not together, are refused."""
    said = found(
        tmp_path, "policy.yaml", "control: [lead]",
        "  - {id: more, title: More, when: 'facts.availability < 0.1',\n"
        "     needs: [{any_of: [oncall]}, {any_of: [lead, oncall], count: 2}]}\n"
        "  control: [lead]",
    )  # fmt: skip
    assert said == [
        (
            "policy.yaml:22:9: where all conditions are true the class `application` can't be"
            " approved: it needs 2 × On-Call or Lead and 1 × Lead and 1 × On-Call, and when Ann"
            " declares, too few others have these roles"
        )
    ]


def test_self_approval_is_never_enough_alone(tmp_path: Path) -> None:
    """Where one seat is asked for and one person has the role, nobody else could approve."""
    root = examples.write(tmp_path, {"policy.yaml": ("any_of: [oncall, lead]", "any_of: [boss]")})
    people = root / "people.yaml"
    people.write_text(
        people.read_text()
        .replace("  lead: {title: Lead}", "  lead: {title: Lead}\n  boss: {title: Boss}")
        .replace("name: Ann, email: ann@shop.test, roles: [", "name: Ann, roles: [boss, ")
    )
    policy = root / "policy.yaml"
    policy.write_text(
        policy.read_text().replace("limit: 5m", "limit: 5m\n      self_approval: true")
    )
    (said, *_) = checks.check(load_system(root), examples.Actions())
    assert "when Ann declares" in said.message


def test_gates_that_one_absence_shuts_are_named(tmp_path: Path) -> None:
    """Of two leads one is away and the other declares; a third one mends it."""
    (said,) = thin_gates(load_system(examples.write(tmp_path)))
    assert said.startswith("service (class `application`) where all conditions are true can't be")
    assert said.endswith("one of these is away and another one declares: Cleo, Dan")
    mended = examples.write(
        tmp_path / "mended",
        {"people.yaml": ("bob@shop.test, roles: [oncall]", "b@b.test, roles: [lead]")},
    )
    assert list(thin_gates(load_system(mended))) == []


@pytest.mark.parametrize(
    ("seats", "roles", "expected"),
    [
        ([("a",), ("b",)], [("a", "b"), ("a",)], True),
        ([("a", "b"), ("a",)], [("a",), ("b",)], True),
        ([("a",), ("a",)], [("a",), ("b",)], False),
        ([("a",), ("b",), ("c",)], [("a", "b", "c"), ("a", "b"), ("a",)], True),
        ([("a",)], [], False),
        ([], [], True),
    ],
)
def test_seats_are_matched_to_people(
    seats: list[tuple[str, ...]], roles: list[tuple[str, ...]], expected: bool
) -> None:
    """Who could take two seats takes the one that nobody else can."""
    slots = [Slot(any_of=seat) for seat in seats]
    people = [Person(id=f"p{n}", name="P", roles=each) for n, each in enumerate(roles)]
    assert can_fill(slots, people) is expected


def test_people_of_one_team_take_one_seat_where_teams_must_differ() -> None:
    """Two of one team and one of none are two units, not three."""
    slots = [Slot(any_of=("a",)), Slot(any_of=("a", "b"))]
    ann, ben = (Person(id=name, name=name, roles=("a",), team="shop") for name in ("ann", "ben"))
    pat = Person(id="pat", name="Pat", roles=("b",))
    assert can_fill(slots, [ann, ben])
    assert not can_fill(slots, [ann, ben], distinct_teams=True)
    assert can_fill(slots, [ann, ben, pat], distinct_teams=True)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps.rollback.revision", "steps.rollback.revison",
         ":1:13: `rollback` gives no `revison` (did you mean `revision`?)"),
        ("steps.rollback.revision", "steps.criterion.value",
         ":1:13: the step `criterion` runs after this one (read a step of an earlier stage)"),
        ("incident.reason", "incident.reson",
         ":2:4: there is no value of an incident `reson` (did you mean `reason`?)"),
        ("{{ incident.reason }}", "{{ incident.reason",
         ":2:1: broken template: unexpected end of template, expected 'end of print statement'."),
    ],
)  # fmt: skip
def test_mistakes_in_a_message(old: str, new: str, said: str, tmp_path: Path) -> None:
    """A message is checked against the step that sends it."""
    assert found(tmp_path, "messages/done.md", old, new) == [f"messages/done.md{said}"]


def test_a_message_that_nobody_sends_is_checked_too(tmp_path: Path) -> None:
    """It may read any step, but no name that is not there."""
    root = examples.write(tmp_path)
    (root / "messages" / "spare.md").write_text("{{ steps.criterion.value }} {{ steps.nope.x }}")
    (problem,) = checks.check(load_system(root), examples.Actions())
    assert (problem.line, problem.column, problem.message) == (1, 32, "there is no step `nope`")


def test_an_action_without_its_connection_is_refused(tmp_path: Path) -> None:
    """What an action needs to reach its estate must be there."""
    said = found(
        tmp_path, "system.yaml", "  kubernetes: {context: shop, namespace: production}\n", ""
    )
    assert said == [
        f"{PROCEDURE}:10:11: `helm.history` needs `connections.kubernetes` in system.yaml",
        f"{PROCEDURE}:15:11: `helm.rollback` needs `connections.kubernetes` in system.yaml",
        (
            f"{PROCEDURE}:22:15: `kubernetes.rollout_wait` needs `connections.kubernetes`"
            " in system.yaml"
        ),
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://xyz.shop.edu", "`xyz` stands for a real name"),
        ("https://shop.example.com", "this is an example's address"),
        ("AKIAIOSFODNN7EXAMPLE", "this is the key of an example"),
        ("arn:aws:x:us-east-1:123456789:y", "this is an example's account number"),
        ("123456789012", "this is an example's account number"),
        ("+1-555-0124", "this phone number is reserved for fiction"),
        ("CHANGEME", "this is still to be filled in"),
        ("<your host>", "this is still to be filled in"),
    ],
)
def test_placeholders_are_refused_once_live(value: str, said: str, tmp_path: Path) -> None:
    """What stands for something real is fine for trying, and refused for a live system."""
    change = ("https://shop.test/health", f"'{value}'")
    root = examples.write(tmp_path, {"system.yaml": change})
    bundle = load_system(root)
    assert checks.check(bundle, examples.Actions()) == ()
    (placeholder,) = checks.find_placeholders(bundle)
    assert (placeholder.line, placeholder.message) == (9, said)
    path = root / "system.yaml"
    path.write_text(path.read_text() + "live: true\n")
    assert checks.check(load_system(root), examples.Actions()) == (placeholder,)


def test_words_that_only_look_like_placeholders_pass(tmp_path: Path) -> None:
    """A sentence may say "example", and a number may contain other numbers."""
    change = ("https://shop.test/health", "'for example 91234567890'")
    bundle = load_system(examples.write(tmp_path, {"system.yaml": change}))
    assert checks.find_placeholders(bundle) == ()


def test_two_systems_of_one_name_are_refused(tmp_path: Path) -> None:
    """`!incident declare` must know which system is meant."""
    first = load_system(examples.write(tmp_path / "a"))
    second = load_system(examples.write(tmp_path / "b"))
    said = checks.check_all([first, second], examples.Actions())
    assert {problem.message for problem in said} == {"another system answers to `store` as well"}
