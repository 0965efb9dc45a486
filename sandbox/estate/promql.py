"""The small part of PromQL that rollback criteria use, evaluated over the measured points.

`prometheus` calls `parse` and `Expression.evaluate`. Known forms: a metric by name with equality
matchers, `avg|min|max_over_time(metric[2m])`, a comparison with a number, a bare number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.estate.catalogue import AUTH, CHECKOUT, NAMESPACE, PAYMENT
from sandbox.estate.traffic import Point

Labels = dict[str, str]
STALE = 300.0  # seconds after which Prometheus no longer answers with an old sample

_SYNTAX = re.compile(
    r"""\s*(?:(?P<function>avg|min|max)_over_time\s*\(\s*)?
    (?P<metric>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*
    (?:\{(?P<matchers>[^}]*)\})?\s*
    (?:\[(?P<range>\d+)(?P<unit>ms|s|m|h|d)\])?\s*
    (?P<close>\))?\s*
    (?:(?P<operator><=|>=|==|!=|<|>)\s*(?P<number>[-+0-9.eE]+))?\s*""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(=|!=)\s*"([^"]*)"\s*')
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class PromqlError(ValueError):
    """The expression can't be parsed; the message is worded as Prometheus words it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value with its labels."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A parsed expression."""

    metric: str = ""
    matchers: tuple[tuple[str, str, str], ...] = ()
    function: str = ""
    span: float = 0.0
    operator: str = ""
    number: float = 0.0

    @property
    def is_scalar(self) -> bool:
        """Tell whether it is a bare number."""
        return not self.metric

    def evaluate(self, points: Iterable[Point], moment: float) -> list[Sample]:
        """Return the vector at a time; empty for an unknown metric, as Prometheus answers."""
        oldest = moment - (self.span or STALE)
        seen = [point for point in points if oldest < point.at <= moment]
        if not self.function:
            seen = seen[-1:]
        series: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for point in seen:
            for sample in _samples(self.metric, point):
                series.setdefault(tuple(sample.labels.items()), []).append(sample.value)
        found = [
            Sample(labels=self._labels(dict(labels)), value=self._reduce(values))
            for labels, values in series.items()
            if self._matches(dict(labels))
        ]
        return [sample for sample in found if self._keeps(sample.value)]

    def _labels(self, labels: Labels) -> Labels:
        return labels if self.function else {"__name__": self.metric} | labels

    def _reduce(self, values: list[float]) -> float:
        if self.function == "avg":
            return sum(values) / len(values)
        return {"min": min, "max": max}[self.function](values) if self.function else values[-1]

    def _matches(self, labels: Labels) -> bool:
        return all(
            (labels.get(name, "") == value) is (operator == "=")
            for name, operator, value in self.matchers
        )

    def _keeps(self, value: float) -> bool:
        return not self.operator or _COMPARE[self.operator](value, self.number)


def parse(text: str) -> Expression:
    """Return the expression, or say what is wrong with it."""
    if not text.strip():
        raise PromqlError("unknown position: parse error: no expression found in input")
    if _NUMBER.fullmatch(text):
        return Expression(number=float(text))
    found = _SYNTAX.fullmatch(text)
    if not found or bool(found["function"]) != bool(found["close"]):
        at = len(text) + 1 if not found else 1
        raise PromqlError(f"1:{at}: parse error: not an expression that the sandbox evaluates")
    if found["function"] and not found["range"]:
        raise PromqlError(
            "1:1: parse error: expected type range vector in call to function "
            f'"{found["function"]}_over_time", got instant vector'
        )
    if found["range"] and not found["function"]:
        raise PromqlError("1:1: parse error: a range vector has no single value")
    return Expression(
        metric=found["metric"],
        matchers=_parse_matchers(found["matchers"] or ""),
        function=found["function"] or "",
        span=float(found["range"] or 0) * _UNITS[found["unit"] or "s"],
        operator=found["operator"] or "",
        number=float(found["number"] or 0),
    )


def _parse_matchers(text: str) -> tuple[tuple[str, str, str], ...]:
    matchers = []
    for part in filter(str.strip, text.split(",")):
        found = _MATCHER.fullmatch(part)
        if not found:
            raise PromqlError(f'1:1: parse error: unexpected "{part.strip()}" in label matching')
        name, operator, value = found.groups()
        matchers.append((name, operator, value))
    return tuple(matchers)


def _samples(metric: str, point: Point) -> Iterable[Sample]:
    shared = {"job": "aivo", "namespace": NAMESPACE}
    single = {
        "aivo:error_ratio": point.error_ratio,
        "aivo:availability": point.availability,
        "aivo:latency_p95_seconds": point.latency_p95,
        "aivo:affected_users": point.affected_users,
        "aivo:database_connection_failures": point.refused,
        "aivo:login_success": point.succeed(AUTH),
        "aivo:payment_success": point.succeed(CHECKOUT, PAYMENT),
    }
    if metric in single:
        yield Sample(labels=shared, value=single[metric])
    elif metric == "aivo:service_error_ratio":
        for name, value in point.services.items():
            yield Sample(labels=shared | {"service": name}, value=value)
    elif metric == "aivo:service_ready_pods":
        for name, count in point.ready.items():
            yield Sample(labels=shared | {"service": name}, value=float(count))
    elif metric == "up":
        for name, count in point.ready.items():
            labels = shared | {"instance": f"{name}:8080", "service": name}
            yield Sample(labels=labels, value=float(count > 0))
