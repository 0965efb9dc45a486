"""Two states of an object, compared, and the way back from one to the other."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.kubernetes import differences, owners
from adapters.kubernetes.differences import ABSENT, MARK, Difference

Json = Any
KEYS = st.sampled_from(["a", "b", "c/d", "e~f"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from(["x", ""]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)
SPECS = st.dictionaries(KEYS, VALUES, max_size=3)


def thing(spec: Json, **metadata: Json) -> Json:
    """Return an object."""
    return {"kind": "Thing", "metadata": {"name": "x", **metadata}, "spec": spec}


def patched(found: Json, operations: list[Json]) -> Json:
    """Apply a JSON patch as RFC 6902 has it."""
    found = copy.deepcopy(found)
    for each in operations:
        *parents, last = (
            part.replace("~1", "/").replace("~0", "~") for part in each["path"].split("/")[1:]
        )
        holder = found
        for part in parents:
            holder = holder[int(part) if isinstance(holder, list) else part]
        key = int(last) if isinstance(holder, list) else last
        if each["op"] == "add":
            assert isinstance(holder, dict)
        else:
            holder[key]  # it must be there
        if each["op"] == "remove":
            del holder[key]
        else:
            holder[key] = each["value"]
    return found


@given(before=SPECS, after=SPECS)
def test_the_way_back_leads_to_what_was_there(before: Json, after: Json) -> None:
    """Whatever changed, its operations bring an object that differs in nothing."""
    changed = differences.between(thing(before), thing(after))
    recorded = [Difference.recorded(each.plain()) for each in changed]
    back = patched(thing(after), differences.way_back(thing(after), recorded))
    assert differences.between(thing(before), back) == ()
    assert differences.way_back(back, recorded) == []


@given(before=SPECS, after=SPECS)
def test_what_is_as_before_or_as_after_is_nobody_elses(before: Json, after: Json) -> None:
    """Neither of the two states counts as somebody's later change."""
    changed = differences.between(thing(before), thing(after))
    assert differences.foreign(thing(before), changed) == ()
    assert differences.foreign(thing(after), changed) == ()


def test_what_the_server_and_controllers_write_is_no_difference() -> None:
    """Versions, owners, the status, our own mark and revisions are nobody's doing."""
    before = thing({"a": 1}, resourceVersion="1", managedFields=[{"manager": "kubectl"}])
    marks = {MARK: "INC-7/step/plan", "deployment.kubernetes.io/revision": "2"}
    after = thing({"a": 1}, resourceVersion="2", generation=2, annotations=marks)
    assert differences.between(before, after | {"status": {"ready": 1}}) == ()


def test_a_third_value_is_somebody_elses() -> None:
    """It is told with what is there now."""
    change = Difference(path=("spec", "a"), before=1, after=2)
    assert differences.foreign(thing({"a": 3}), [change]) == (
        Difference(path=("spec", "a"), before=1, after=3),
    )
    assert differences.foreign(thing({}), [change])[0].after is ABSENT


def test_fields_are_named_as_people_name_them() -> None:
    """Items of lists go by their names; keys with dots stand in brackets."""
    found = thing({"containers": [{"name": "web", "env": [{"name": "TOKEN", "value": "x"}]}]})
    path = ("spec", "containers", 0, "env", 0, "value")
    assert differences.shown(path, found) == "spec.containers[web].env[TOKEN].value"
    assert differences.named(path, found) == "TOKEN"
    assert differences.shown(("metadata", "labels", "a.b/c"), found) == "metadata.labels[a.b/c]"


def test_fields_are_given_back_to_their_owners() -> None:
    """Ours go, those of before and of now stay; none at all are one empty entry."""
    kubectl = {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:a": {}, "f:b": {}}}
    less = kubectl | {"fieldsV1": {"f:b": {}}}
    ours = {"manager": "backout", "operation": "Apply", "fieldsV1": {"f:a": {}}}
    found = {"metadata": {"managedFields": [less, ours]}}
    assert owners.given_back(found, [kubectl]) == [kubectl]
    assert owners.given_back({"metadata": {"managedFields": [less]}}, [kubectl]) is None
    assert owners.given_back({"metadata": {"managedFields": [ours]}}, []) == [{}]
