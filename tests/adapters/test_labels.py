"""Label selectors as people write them, and what they take."""

from typing import Any

import pytest

from adapters.kubernetes import labels

Json = Any


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", {}),
        ("app=web", {"matchLabels": {"app": "web"}}),
        ("app=", {"matchLabels": {"app": ""}}),
        ("app == web , tier=front", {"matchLabels": {"app": "web", "tier": "front"}}),
        (
            "app.kubernetes.io/name in (web, api)",
            {
                "matchExpressions": [
                    {"key": "app.kubernetes.io/name", "operator": "In", "values": ["web", "api"]}
                ]
            },
        ),
        (
            "app!=web,!canary,colour",
            {
                "matchExpressions": [
                    {"key": "app", "operator": "NotIn", "values": ["web"]},
                    {"key": "canary", "operator": "DoesNotExist"},
                    {"key": "colour", "operator": "Exists"},
                ]
            },
        ),
    ],
)
def test_selector_is_read_and_written(text: str, rules: Json) -> None:
    """What people write becomes rules, and the rules become what the API takes."""
    assert labels.parse(text) == rules
    assert labels.parse(labels.written(rules)) == rules


@pytest.mark.parametrize("text", ["=web", "app web", "app=web,", "app=a b", "app in (a, b"])
def test_what_is_no_selector_is_quoted(text: str) -> None:
    """What can't be read is refused, with the part that can't."""
    with pytest.raises(ValueError, match="is no label selector"):
        labels.parse(text)


def test_one_key_has_one_value() -> None:
    """Two values at once take nothing, so they are a mistake."""
    with pytest.raises(ValueError, match="app can't have two values at once"):
        labels.parse("app=web,app=api")


CANARY = {
    "metadata": {"labels": {"part-of": "shop"}},
    "spec": {"template": {"metadata": {"labels": {"app": "web", "canary": "yes"}}}},
}
NIGHTLY = {
    "metadata": {"name": "nightly"},
    "spec": {
        "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "nightly"}}}}},
    },
}


@pytest.mark.parametrize(
    ("found", "text", "taken"),
    [
        (CANARY, "", True),
        (CANARY, "part-of=shop", True),
        (CANARY, "part-of=shop,app=web", True),
        (CANARY, "part-of=shop,app=api", False),
        (CANARY, "canary", True),
        (CANARY, "!canary", False),
        (CANARY, "part-of=shop,app!=web", False),
        (CANARY, "app!=api", True),
        (NIGHTLY, "app=nightly", True),
        (NIGHTLY, "!app", False),
        (NIGHTLY, "!canary", True),
    ],
)
def test_labels_of_a_workload_or_of_its_pods(found: Json, text: str, taken: bool) -> None:
    """What must be there may stand on either; what must not be there stands on neither."""
    assert labels.bears(found, labels.parse(text)) is taken
