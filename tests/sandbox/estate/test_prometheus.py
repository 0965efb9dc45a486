"""Prometheus' API answers in Prometheus' shape, also when it refuses."""

from __future__ import annotations

import time

import pytest
from aiohttp import ClientSession

from sandbox.estate import Estate
from sandbox.estate.promql import PromqlError, parse
from sandbox.estate.values import Object
from sandbox.parts import Disturbance, Part
from tests.sandbox.estate.conftest import Until


async def _ask(http: ClientSession, estate: Estate, path: str, **params: str) -> tuple[int, Object]:
    answer = await http.get(f"{estate.prometheus_url}/{path}", params=params)
    body: Object = await answer.json()
    return answer.status, body


@pytest.mark.parametrize(
    ("metric", "low", "high"),
    [
        ("aivo:error_ratio", 0.0003, 0.0005),
        ("aivo:availability", 0.999, 1.0),
        ("aivo:latency_p95_seconds", 0.29, 0.33),
        ("aivo:affected_users", 0.0, 0.0),
        ("aivo:database_connection_failures", 0.0, 0.0),
        ("aivo:login_success", 0.999, 1.0),
        ("aivo:payment_success", 0.998, 1.0),
        ("avg_over_time(aivo:error_ratio[3m])", 0.0003, 0.0005),
        ("aivo:service_ready_pods{service='checkout'}".replace("'", '"'), 3.0, 3.0),
    ],
)
async def test_a_healthy_estate(
    http: ClientSession, estate: Estate, metric: str, low: float, high: float
) -> None:
    """Each metric is one sample within its healthy range, as text beside its time."""
    code, body = await _ask(http, estate, "api/v1/query", query=metric)
    assert (code, body["status"]) == (200, "success")
    assert body["data"]["resultType"] == "vector"
    (sample,) = body["data"]["result"]
    moment, value = sample["value"]
    assert isinstance(moment, float)
    assert isinstance(value, str)
    assert low <= float(value) <= high


class Refusing(Part):
    """A database that refuses most connections, and with them most of the logins."""

    def disturbance(self) -> Disturbance:
        """Return what is felt of it."""
        return Disturbance(errors={"auth-service": 0.7}, refused=0.8)


def _now(estate: Estate, metric: str) -> float:
    estate.traffic.advance()
    (sample,) = parse(metric).evaluate(estate.traffic.points, time.time())
    return sample.value


async def test_a_bad_release_is_felt_where_people_pay(estate: Estate, until: Until) -> None:
    """A payment needs the checkout and the payment service; logging in and the database do not."""
    estate.break_release()
    await until(lambda: _now(estate, "aivo:payment_success") < 0.2)
    assert _now(estate, "aivo:login_success") > 0.99
    assert _now(estate, "aivo:database_connection_failures") == 0


async def test_a_database_that_refuses_is_told(estate: Estate, until: Until) -> None:
    """What a part does to connections and services is what is measured."""
    estate.parts.all.append(Refusing())
    await until(lambda: _now(estate, "aivo:login_success") < 0.35)
    assert _now(estate, "aivo:database_connection_failures") == 0.8
    assert _now(estate, "aivo:payment_success") > 0.99


async def test_an_unknown_metric_is_an_empty_vector(http: ClientSession, estate: Estate) -> None:
    """Prometheus knows no missing metrics, only empty answers."""
    code, body = await _ask(http, estate, "api/v1/query", query="no_such_metric")
    assert (code, body["data"]["result"]) == (200, [])


async def test_a_comparison_filters(http: ClientSession, estate: Estate) -> None:
    """A comparison keeps the samples for which it holds, and drops the others."""
    _, low = await _ask(http, estate, "api/v1/query", query="aivo:availability < 0.9")
    _, high = await _ask(http, estate, "api/v1/query", query="aivo:availability >= 0.9")
    assert (len(low["data"]["result"]), len(high["data"]["result"])) == (0, 1)


async def test_a_number_is_a_scalar(http: ClientSession, estate: Estate) -> None:
    """A bare number answers as a scalar."""
    _, body = await _ask(http, estate, "api/v1/query", query="1.5", time="1700000000")
    assert body["data"] == {"resultType": "scalar", "result": [1700000000.0, "1.5"]}


async def test_a_range(http: ClientSession, estate: Estate) -> None:
    """A range query over the last minutes has one row a step, from before the start too."""
    now = time.time()
    code, body = await _ask(
        http,
        estate,
        "api/v1/query_range",
        query="aivo:error_ratio",
        start=str(now - 120),
        end=str(now),
        step="15s",
    )
    assert (code, body["data"]["resultType"]) == (200, "matrix")
    assert len(body["data"]["result"][0]["values"]) == 9


async def test_up_is_told_for_each_service(http: ClientSession, estate: Estate) -> None:
    """`up` has a series for each service."""
    _, body = await _ask(http, estate, "api/v1/query", query="up")
    assert len(body["data"]["result"]) == 18
    assert {item["value"][1] for item in body["data"]["result"]} == {"1"}


@pytest.mark.parametrize(
    ("path", "params", "problem"),
    [
        ("api/v1/query", {}, 'invalid parameter "query": unknown position'),
        ("api/v1/query", {"query": "sum("}, 'invalid parameter "query": 1:'),
        ("api/v1/query", {"query": "up[5m]"}, 'invalid parameter "query": 1:1'),
        ("api/v1/query", {"query": "up", "time": "noon"}, 'invalid parameter "time"'),
        ("api/v1/query_range", {"query": "up", "start": "1", "end": "0", "step": "1"}, "end time"),
        ("api/v1/query_range", {"query": "up", "start": "0", "end": "1", "step": "0"}, "zero or"),
        ("api/v1/query_range", {"query": "up", "start": "0", "end": "9e9", "step": "1"}, "11,000"),
        ("api/v1/query_range", {"query": "up", "start": "0", "end": "1", "step": "?"}, "duration"),
    ],
)
async def test_bad_parameters(
    http: ClientSession, estate: Estate, path: str, params: dict[str, str], problem: str
) -> None:
    """Errors are 400 with `bad_data` and name the parameter."""
    code, body = await _ask(http, estate, path, **params)
    assert code == 400
    assert (body["status"], body["errorType"]) == ("error", "bad_data")
    assert problem in body["error"]


async def test_a_form_works_too_and_so_does_readiness(http: ClientSession, estate: Estate) -> None:
    """Clients may send long queries as a form; readiness is plain text."""
    answer = await http.post(f"{estate.prometheus_url}/api/v1/query", data={"query": "up"})
    assert (await answer.json())["status"] == "success"
    ready = await http.get(f"{estate.prometheus_url}/-/ready")
    assert await ready.text() == "Prometheus Server is Ready.\n"


@pytest.mark.parametrize("text", ["avg_over_time(up)", 'up{service=~"a.*"}', "up{x}", "a b"])
def test_what_the_sandbox_does_not_evaluate(text: str) -> None:
    """An expression beyond the subset is refused instead of answered wrongly."""
    with pytest.raises(PromqlError):
        parse(text)
