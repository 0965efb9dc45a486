"""The story that the demo tells: a bad release, its effect, the rollback, the recovery."""

from __future__ import annotations

from aiohttp import ClientSession

from sandbox.estate import Estate
from tests.sandbox.estate.conftest import Helm, Until


async def _health(http: ClientSession, estate: Estate) -> tuple[int, str, str]:
    answer = await http.get(estate.health_url)
    body = await answer.json()
    assert body["services"]["total"] == 18
    return answer.status, body["status"], body["version"]


async def test_bad_release_rollback_recovery(
    estate: Estate, http: ClientSession, helm: Helm, until: Until
) -> None:
    """About one request in six fails until the rollback; afterwards everything is as before."""
    assert await _health(http, estate) == (200, "ok", "2.14.2")
    assert estate.break_release() == 42
    await until(lambda: estate.traffic.advance().error_ratio > 0.155)
    point = estate.traffic.advance()
    assert 0.14 < point.error_ratio < 0.18
    assert 0.82 < point.availability < 0.86
    assert 2.4 < point.latency_p95 < 3.3
    await until(lambda: estate.traffic.advance().affected_users > 1840)
    assert await _health(http, estate) == (200, "degraded", "2.15.0")
    failing = await http.get(f"{estate.url}/services/checkout/health")
    assert failing.status == 503

    assert (await helm("rollback", "aivo-platform", "41", "--wait")).code == 0
    await until(lambda: estate.traffic.advance().error_ratio < 0.001)
    assert estate.traffic.advance().availability > 0.997
    assert estate.traffic.advance().latency_p95 < 0.5
    assert await _health(http, estate) == (200, "ok", "2.14.2")


async def test_customers_meet_the_errors(estate: Estate, http: ClientSession, until: Until) -> None:
    """Checkout always works before, and fails for most customers after the bad release."""
    before = [(await http.post(f"{estate.url}/checkout")).status for _ in range(20)]
    assert before == [200] * 20
    estate.break_release()
    await until(lambda: estate.traffic.failure_ratio("checkout") > 0.6)
    after = [(await http.post(f"{estate.url}/checkout")).status for _ in range(40)]
    assert 10 < after.count(500) < 40


async def test_shipping_twice_is_shipping_once(estate: Estate) -> None:
    """A second press on the button changes nothing, and doesn't start the counting again."""
    assert estate.break_release() == 42
    since = estate.broken_at
    assert estate.break_release() == 42
    assert estate.broken_at == since


async def test_reset_repairs_everything(estate: Estate, http: ClientSession) -> None:
    """After a reset the estate is as at the start, whatever was done to it."""
    estate.break_release()
    estate.reset()
    assert await _health(http, estate) == (200, "ok", "2.14.2")
    assert [entry["revision"] for entry in estate.state()["history"]] == [41, 40, 39, 38]
    assert estate.break_release() == 42


async def test_a_service_without_pods_is_down(
    estate: Estate, http: ClientSession, until: Until
) -> None:
    """Without the gateway's pods nothing works, and the health endpoint says 503."""
    base = f"{estate.kubernetes_url}/apis/apps/v1/namespaces/production/deployments"
    answer = await http.patch(
        f"{base}/api-gateway/scale",
        json={"spec": {"replicas": 0}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status == 200
    await until(lambda: estate.website.health()["status"] == "down")
    assert (await http.get(estate.health_url)).status == 503
    assert (await http.get(f"{estate.url}/services/none/health")).status == 404
