"""Prometheus' HTTP API over the measured traffic: query, query_range, readiness."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from sandbox.estate.promql import Expression, PromqlError, parse
from sandbox.estate.traffic import Traffic
from sandbox.estate.values import Object

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_POINTS = 11_000


class _BadDataError(ValueError):
    """A parameter can't be used; the message is Prometheus' own."""


class PrometheusApi:
    """One HTTP handler for every path."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        path = request.match_info["path"]
        if path in ("-/ready", "-/healthy"):
            word = "Ready" if path == "-/ready" else "Healthy"
            return web.Response(text=f"Prometheus Server is {word}.\n")
        answers = {"api/v1/query": self._query, "api/v1/query_range": self._query_range}
        if path not in answers:
            return web.Response(text="404 page not found\n", status=404)
        form = {str(key): str(value) for key, value in (await request.post()).items()}
        self._traffic.advance()
        try:
            data = answers[path]({**request.query, **form})
        except _BadDataError as error:
            body = {"status": "error", "errorType": "bad_data", "error": str(error)}
            return web.json_response(body, status=400)
        return web.json_response({"status": "success", "data": data})

    def _query(self, params: Mapping[str, str]) -> Object:
        moment = _time(params, "time", time.time())
        expression = _expression(params)
        if expression.is_scalar:
            value = [_milliseconds(moment), _text(expression.number)]
            return {"resultType": "scalar", "result": value}
        samples = expression.evaluate(self._traffic.points, moment)
        result = [
            {"metric": sample.labels, "value": [_milliseconds(moment), _text(sample.value)]}
            for sample in samples
        ]
        return {"resultType": "vector", "result": result}

    def _query_range(self, params: Mapping[str, str]) -> Object:
        start, end = _time(params, "start", None), _time(params, "end", None)
        step = _step(params)
        expression = _expression(params)
        if end < start:
            raise _BadDataError(
                'invalid parameter "end": end timestamp must not be before start time'
            )
        count = int((end - start) / step) + 1
        if count > _MOST_POINTS:
            raise _BadDataError(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                "the query resolution (?step=XX)"
            )
        series: dict[tuple[tuple[str, str], ...], list[list[float | str]]] = {}
        for number in range(count):
            moment = start + number * step
            for labels, value in self._row(expression, moment):
                row: list[float | str] = [_milliseconds(moment), _text(value)]
                series.setdefault(labels, []).append(row)
        result = [{"metric": dict(labels), "values": rows} for labels, rows in series.items()]
        return {"resultType": "matrix", "result": result}

    def _row(
        self, expression: Expression, moment: float
    ) -> list[tuple[tuple[tuple[str, str], ...], float]]:
        if expression.is_scalar:
            return [((), expression.number)]
        samples = expression.evaluate(self._traffic.points, moment)
        return [(tuple(sample.labels.items()), sample.value) for sample in samples]


def _expression(params: Mapping[str, str]) -> Expression:
    try:
        return parse(params.get("query", ""))
    except PromqlError as error:
        raise _BadDataError(f'invalid parameter "query": {error}') from None


def _time(params: Mapping[str, str], name: str, default: float | None) -> float:
    text = params.get(name, "")
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        problem = f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
        raise _BadDataError(problem) from None


def _step(params: Mapping[str, str]) -> float:
    text = params.get("step", "")
    try:
        step = float(text)
    except ValueError:
        found = _DURATION.fullmatch(text)
        if not found:
            problem = f'invalid parameter "step": cannot parse "{text}" to a valid duration'
            raise _BadDataError(problem) from None
        step = int(found[1]) * _UNITS[found[2]]
    if step <= 0:
        raise _BadDataError(
            'invalid parameter "step": zero or negative query resolution step widths are not '
            "accepted. Try a positive integer"
        )
    return step


def _milliseconds(moment: float) -> float:
    return round(moment, 3)


def _text(value: float) -> str:
    return repr(value) if value != int(value) else str(int(value))
