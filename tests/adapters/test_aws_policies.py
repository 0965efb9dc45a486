"""Rights as the statements of an IAM policy."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws import policies
from adapters.registry import ActionRegistry
from config.models.systems import System
from flows.actions import ANY, Action, Permission
from tests.adapters.aws_answers import ACCOUNT, pinned
from tests.adapters.fakes import system_for

AWS = [action for action in ActionRegistry().all() if action.uses.startswith("aws.")]
SYSTEM = pinned(system_for())
VERBS = ("rds:CreateDBSnapshot", "rds:DescribeDBInstances", "s3:GetObject")
RESOURCES = (
    "arn:aws:rds:us-east-1:1:db:a",
    "arn:aws:rds:us-east-1:1:db:*",
    "arn:aws:s3:::b/c",
    ANY,
)


def right(verb: str, resource: str) -> Permission:
    """Name a right."""
    return Permission(kind="iam", verb=verb, resource=resource, scope=ACCOUNT)


def test_actions_on_the_same_resources_share_a_statement() -> None:
    """Two actions on one database, one on everything: two statements."""
    database = "arn:aws:rds:us-east-1:123456789012:db:orders"
    found = policies.statements(
        [
            right("rds:CreateDBSnapshot", database),
            right("rds:DescribeDBInstances", database),
            right("elasticloadbalancing:DescribeRules", ANY),
            Permission(kind="kubernetes", verb="get", resource="pods", scope="production"),
        ]
    )
    assert found == [
        {"Effect": "Allow", "Action": ["elasticloadbalancing:DescribeRules"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["rds:CreateDBSnapshot", "rds:DescribeDBInstances"],
            "Resource": [database],
        },
    ]


@given(st.sets(st.tuples(st.sampled_from(VERBS), st.sampled_from(RESOURCES)), max_size=12))
def test_a_policy_grants_just_what_is_needed(needed: set[tuple[str, str]]) -> None:
    """Nothing is lost and nothing added, whatever is put together."""
    found = policies.statements(right(*each) for each in needed)
    granted = {
        pair
        for each in found
        for pair in product(each["Action"], [ANY] if each["Resource"] == ANY else each["Resource"])
    }
    assert granted <= needed
    for verb, resource in needed - granted:
        covering = {ANY} | ({RESOURCES[1]} if resource == RESOURCES[0] else set())
        assert {(verb, each) for each in covering} & granted
    actions = [action for each in found for action in each["Action"]]
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize("action", AWS, ids=lambda action: action.uses)
@pytest.mark.parametrize("system", [SYSTEM, system_for()], ids=["pinned", "not pinned"])
def test_every_action_names_its_rights_also_where_inputs_are_not_known(
    action: Action, system: System
) -> None:
    """An ARN in the pinned account, or `*` where AWS has nothing finer or nothing is known."""
    inputs = action.Inputs.model_validate(action.example)
    unknown = {
        name: (ANY,) if isinstance(value, tuple) else {ANY: ANY} if isinstance(value, dict) else ANY
        for name, value in inputs
        if name in action.example
    }
    for given_ in (inputs, inputs.model_copy(update=unknown)):
        found = action.permissions(given_, system)
        assert found
        for each in found:
            assert each.kind == "iam"
            assert each.resource == ANY or each.resource.startswith("arn:aws")
