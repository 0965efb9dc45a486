"""Who is called by what: connections to PagerDuty, and levels with a service of their own."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from config import checks
from config.models.connections import PagerdutyConnection
from tests.config import examples


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"routing_key": "R0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"routing_key": "env:DUTY", "events_url": "http://events.pagerduty.com"},
        {"routing_key": "env:DUTY", "url": "env:DUTY_URL"},
        {"routing_key": "env:DUTY", "token": "u+secret"},
    ],
)
def test_a_connection_holds_references_and_speaks_tls(given: dict[str, str]) -> None:
    """A key pasted in place, or an address without TLS, is refused."""
    with pytest.raises(ValidationError):
        PagerdutyConnection.model_validate(given)


def test_a_service_that_nothing_calls_is_refused(tmp_path: Path) -> None:
    """A level's own key does nothing without the system's connection."""
    bundle = examples.load(
        tmp_path, "people.yaml", "primary: cleo}", "primary: cleo, pagerduty: env:LEADS}"
    )
    found = [str(problem) for problem in checks.check(bundle, examples.Actions())]
    assert len(found) == 1
    assert "people.yaml:11" in found[0]
    assert "system.yaml has no connections.pagerduty" in found[0]
    connected = bundle.system.connections.model_copy(
        update={"pagerduty": PagerdutyConnection(routing_key="env:DUTY")}
    )
    system = bundle.system.model_copy(update={"connections": connected})
    assert not checks.check(replace(bundle, system=system), examples.Actions())
