"""The bench's Prometheus and Alertmanager: values scraped, rules that fire, a webhook told."""

from __future__ import annotations

import httpx
import pytest

from tests.real.services.monitoring import Monitoring

pytestmark = pytest.mark.real

RULE = {
    "alert": "HighErrorRate",
    "expr": "error_ratio > 0.05",
    "labels": {"severity": "critical"},
    "annotations": {"summary": "{{ $labels.service }} fails"},
}


async def test_a_value_is_scraped_and_changes(monitoring: Monitoring) -> None:
    """What the target shows, a query yields a second later; what it removes is stale."""
    monitoring.target.set("error_ratio", 0.25, service="checkout")
    assert await monitoring.settled('error_ratio{service="checkout"}', lambda v: v > 0) == 0.25
    monitoring.target.set("error_ratio", 0, service="checkout")
    assert await monitoring.settled("error_ratio", lambda v: v == 0) == 0
    monitoring.target.remove("error_ratio", service="checkout")
    await monitoring.settled("absent(error_ratio)", lambda v: v == 1)


async def test_a_rule_fires_and_resolves(monitoring: Monitoring) -> None:
    """The webhook is told when the alert fires and when it is over, and not before."""
    monitoring.rules(RULE)
    monitoring.target.set("error_ratio", 0.01, service="checkout")
    await monitoring.settled("error_ratio", lambda v: v == 0.01)
    assert monitoring.received == []
    monitoring.target.set("error_ratio", 0.25, service="checkout")
    told = await monitoring.notified("HighErrorRate")
    assert told["commonLabels"]["service"] == "checkout"
    assert told["commonLabels"]["severity"] == "critical"
    assert told["commonAnnotations"]["summary"] == "checkout fails"
    monitoring.target.set("error_ratio", 0, service="checkout")
    await monitoring.notified("HighErrorRate", "resolved")


async def test_a_target_that_fails_is_down(monitoring: Monitoring) -> None:
    """An error of the target is seen as `up` 0."""
    await monitoring.settled("up", lambda v: v == 1)
    monitoring.target.listener.status = 500
    await monitoring.settled("up", lambda v: v == 0)


def test_a_wrong_query_is_refused(monitoring: Monitoring) -> None:
    """Prometheus answers 400 to an expression it can't read."""
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        monitoring.query("rate(")


def test_a_rule_that_is_wrong_is_refused(monitoring: Monitoring) -> None:
    """A reload with an unreadable rule fails aloud."""
    with pytest.raises(httpx.HTTPStatusError, match="500"):
        monitoring.rules({"alert": "Broken", "expr": "rate("})


def test_a_stopped_prometheus_refuses(monitoring: Monitoring) -> None:
    """While it is down nobody answers; afterwards it does."""
    with monitoring.prometheus.down(), pytest.raises(httpx.ConnectError):
        monitoring.query("up")
    monitoring.query("up")
