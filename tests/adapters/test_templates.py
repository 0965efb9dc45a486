"""How differences of pod templates are told, and how an earlier template is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.kubernetes import rollout_targets, template_changes
from adapters.kubernetes.rollout_targets import Targets, To
from adapters.kubernetes.templates import History, Template
from adapters.kubernetes.workloads import Workload
from flows.actions import PermanentError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHECKOUT = Workload(kind="Deployment", name="checkout")
TARGETS = TypeAdapter(Targets)
Json = Any


def body(image: str = "shop/checkout:1", **container: Json) -> Json:
    """Write a template with one container."""
    return {"spec": {"containers": [{"name": "checkout", "image": image, **container}]}}


def told(before: Json, after: Json) -> list[tuple[str, str | None, str | None]]:
    """Return the lines without the workload's name."""
    found = template_changes.changes("checkout", before, after)
    return [(c.subject.removeprefix("checkout: "), c.before, c.after) for c in found]


def test_images_come_first_and_every_field_has_its_place() -> None:
    """A tired person reads which container, which field, from what to what."""
    before = body(args=["--a"], resources={"limits": {"cpu": "1"}})
    after = body("shop/checkout:2", args=["--a", "--b"], resources={"limits": {"cpu": "2"}})
    assert told(before, after) == [
        ("container checkout image", "shop/checkout:1", "shop/checkout:2"),
        ("container checkout args", "--a", "--a --b"),
        ("container checkout resources limits cpu", "1", "2"),
    ]


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_KEY", "SIGNING-KEY", "SENTRY_DSN", "token"])
def test_what_may_be_secret_is_not_shown(name: str) -> None:
    """That there is another value is told, neither of the two is."""
    before, after = (body(env=[{"name": name, "value": each}]) for each in ("hunter1", "hunter2"))
    (line,) = told(before, after)
    assert line == (f"container checkout env {name}", "a value, not shown", line[2])
    assert "hunter" not in str(line)
    assert told(before, body())[0][2] is None


def test_command_with_a_secret_is_not_shown() -> None:
    """A password on a command line is one, too."""
    (line,) = told(body(command=["run", "--password=a"]), body(command=["run", "--password=b"]))
    assert "password" not in str(line[1:])


def test_many_differences_are_counted() -> None:
    """A plan stays readable: what is beyond is counted."""
    env = [{"name": f"V{number}", "value": "1"} for number in range(40)]
    lines = told(body(), body(env=env))
    assert len(lines) == template_changes.MOST
    assert lines[-1] == ("further", "26 fields", "26 fields, changed")


def history(*kept: tuple[str, int, int, tuple[int, ...]]) -> History:
    """Write what is kept: hash, revision, minutes after noon, and earlier revisions."""
    templates = [
        Template(
            hash=name,
            revision=revision,
            earlier=earlier,
            made=NOON + timedelta(minutes=minutes),
            body=body(f"shop/checkout:{name}"),
        )
        for name, revision, minutes, earlier in kept
    ]
    return History(workload=CHECKOUT, present=templates[0].body, kept=tuple(templates))


def test_what_ran_is_the_newest_rollout_until_then() -> None:
    """The time of a ReplicaSet is when its first rollout began."""
    kept = history(("c", 3, 20, ()), ("b", 2, 10, ()), ("a", 1, 0, ()))
    for minutes, name in ((0, "a"), (9, "a"), (10, "b"), (19, "b"), (60, "c")):
        to = To(ran_at=NOON + timedelta(minutes=minutes))
        assert rollout_targets.find(kept, to).hash == name


def test_what_ran_is_refused_where_nobody_knows() -> None:
    """A template that came back at a time that is not kept, or one that is gone, is not guessed."""
    back = history(("a", 3, 0, (1,)), ("b", 2, 10, ()))
    with pytest.raises(PermanentError, match="went between a, b around"):
        rollout_targets.find(back, To(ran_at=NOON + timedelta(minutes=15)))
    gone = history(("c", 4, 20, ()), ("a", 1, 0, ()))
    with pytest.raises(PermanentError, match="one that is no longer kept"):
        rollout_targets.find(gone, To(ran_at=NOON + timedelta(minutes=15)))
    with pytest.raises(PermanentError, match="is no longer kept"):
        rollout_targets.find(gone, To(ran_at=NOON - timedelta(minutes=1)))


def test_revision_is_found_under_earlier_numbers() -> None:
    """An undo gives a template a new number; the number that people wrote down still finds it."""
    kept = history(("a", 3, 0, (1,)), ("b", 2, 10, ()))
    assert [rollout_targets.find(kept, To(revision=n)).hash for n in (1, 2, 3)] == ["a", "b", "a"]
    with pytest.raises(PermanentError, match=r"the revision 4\. Kept: a "):
        rollout_targets.find(kept, To(revision=4))


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        {"checkout": "previous-one"},
        [{"name": "checkout", "to": {}}],
        [{"name": "checkout", "to": {"revision": 1, "template": "a"}}],
        [{"name": "checkout", "to": {"revision": 0}}],
        [{"name": "checkout", "to": {"ran_at": "2026-11-20T12:00:00"}}],
        [{"name": "job/checkout", "to": "a"}],
        [{"name": "checkout", "to": "a"}, {"name": "deployment/checkout", "to": "b"}],
    ],
)
def test_target_is_named_once_and_exactly(given: Json) -> None:
    """Nothing, two things at once, a time without a zone and doubled names are refused."""
    with pytest.raises(ValidationError):
        TARGETS.validate_python(given)
