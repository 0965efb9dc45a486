"""Where our CEL differs from cel-python's: numbers of different kinds, and values in and out.

cel-python refuses to compare an int with a double, although CEL's definition has allowed it for
years and every figure that comes from JSON may be either.  Used by `config.expressions` alone;
importing this module imports cel-python.
"""

import logging
import operator
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from math import isfinite, isnan
from typing import Any

from celpy import celtypes
from celpy.evaluation import CELEvalError, base_functions

from config import efforts

EXACT = 2**53
LARGEST = 2**63
WORDS = {
    celtypes.BoolType: "true or false",
    celtypes.IntType: "a number",
    celtypes.DoubleType: "a number",
    celtypes.StringType: "a text",
    celtypes.ListType: "a list",
    celtypes.MapType: "a mapping",
    type(None): "null",
}
# An unknown fact is an everyday thing; cel-python logs it as an error with the values in it.
logging.getLogger("celpy").setLevel(logging.CRITICAL)

Function = Callable[..., Any]


def to_cel(value: Any) -> Any:
    """Turn a plain value into cel-python's; numbers become doubles where that is exact.

    Not-a-number (a ratio without traffic, says Prometheus) is not known, so it becomes null.
    """
    match value:
        case None:
            return None
        case bool():
            return celtypes.BoolType(value)
        case int():
            between = EXACT <= abs(value) < LARGEST
            return celtypes.IntType(value) if between else celtypes.DoubleType(value)
        case float():
            return None if isnan(value) else celtypes.DoubleType(value)
        case str():
            return celtypes.StringType(value)
        case timedelta():
            return celtypes.DurationType(value)
        case datetime():
            return celtypes.TimestampType(value)
        case Mapping():
            pairs = ((celtypes.StringType(str(k)), to_cel(v)) for k, v in value.items())
            return celtypes.MapType(dict(pairs))
        case list() | tuple() | set() | frozenset():
            return celtypes.ListType([to_cel(item) for item in value])
        case _:
            raise TypeError(f"{type(value).__name__} has no place in an expression")


def to_plain(value: Any) -> Any:
    """Turn a result into plain JSON-like values; JSON has no infinity, so that becomes null."""
    efforts.spend()
    match value:
        case None:
            return None
        case bool() | celtypes.BoolType():
            return bool(value)
        case timedelta():
            return _plain_number(value.total_seconds())
        case datetime():
            return value.isoformat()
        case int():
            return int(value)
        case float():
            return _plain_number(value)
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text
        case Mapping():
            return {str(key): to_plain(each) for key, each in value.items()}
        case list() | tuple():
            return [to_plain(item) for item in value]
        case _:
            return str(value)


def _plain_number(value: float) -> int | float | None:
    if not isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < EXACT else float(value)


def is_number(value: Any) -> bool:
    """Tell whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool | celtypes.BoolType)


def _spreads_errors(function: Function) -> Function:
    """Return an operator that gives back an error among its operands, as CEL wants it."""

    def operate(left: Any, right: Any) -> Any:
        for operand in (left, right):
            if isinstance(operand, CELEvalError):
                return operand
        return function(left, right)

    return operate


def _ordering(name: str, compare: Function) -> Function:
    base = base_functions[name]

    def order(left: Any, right: Any) -> Any:
        if is_number(left) and is_number(right):
            return celtypes.BoolType(compare(left, right))
        if type(left) is not type(right) or left is None:
            return CELEvalError(f"can't compare {_word(left)} with {_word(right)}", TypeError, ())
        return base(left, right)

    return _spreads_errors(order)


def equal(left: Any, right: Any) -> bool:
    """Tell whether two CEL values are the same; values of different kinds are not."""
    efforts.spend()
    if is_number(left) and is_number(right):
        return bool(left.real == right.real)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if type(left) is not type(right):
        return False
    return left is right or bool(left == right)


def _arithmetic(name: str, compute: Function) -> Function:
    base = base_functions[name]

    def operate(left: Any, right: Any) -> Any:
        if isinstance(left, str | list) and type(left) is type(right) and name == "_+_":
            if len(left) + len(right) > efforts.MOST_SIZE:
                raise efforts.EffortError("a value in it grows too large")
            joined: Any = base(left, right)
            return type(left)(joined)  # cel-python's is a plain one: it joins no third
        if type(left) is type(right) and name not in {"_%_", "_/_"}:
            return base(left, right)
        if isinstance(left, celtypes.IntType) and isinstance(right, celtypes.IntType) and right:
            return base(left, right)
        if not (is_number(left) and is_number(right)):
            return CELEvalError(f"can't combine {_word(left)} and {_word(right)}", TypeError, ())
        try:
            return celtypes.DoubleType(compute(float(left), float(right)))
        except ZeroDivisionError as error:
            return CELEvalError("division by zero", type(error), error.args)

    return _spreads_errors(operate)


def _contains(item: Any, container: Any) -> Any:
    if not isinstance(container, list | dict):
        return CELEvalError(f"`in` needs a list, not {_word(container)}", TypeError, ())
    return celtypes.BoolType(any(equal(item, each) for each in container))


def _index(container: Any, key: Any) -> Any:
    if isinstance(key, float) and key.is_integer():
        key = celtypes.IntType(int(key))
    return base_functions["_[_]"](container, key)


def _string(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return celtypes.StringType(str(int(value)))
    return base_functions["string"](value)


@cache
def overrides() -> dict[str, Function]:
    """Return our operators under the names that cel-python calls them by."""
    return {
        "_<_": _ordering("_<_", operator.lt),
        "_<=_": _ordering("_<=_", operator.le),
        "_>_": _ordering("_>_", operator.gt),
        "_>=_": _ordering("_>=_", operator.ge),
        "_==_": _spreads_errors(lambda left, right: celtypes.BoolType(equal(left, right))),
        "_!=_": _spreads_errors(lambda left, right: celtypes.BoolType(not equal(left, right))),
        "_+_": _arithmetic("_+_", operator.add),
        "_-_": _arithmetic("_-_", operator.sub),
        "_*_": _arithmetic("_*_", operator.mul),
        "_/_": _arithmetic("_/_", operator.truediv),
        "_%_": _arithmetic("_%_", operator.mod),
        "_in_": _spreads_errors(_contains),
        "_[_]": _spreads_errors(_index),
        "string": _string,
    }


@cache
def functions() -> frozenset[str]:
    """Return the names of the functions that expressions may call."""
    return frozenset(name for name in base_functions if name.isidentifier())


def missing_key(error: Exception) -> str:
    """Return the key that a failed lookup asked for."""
    details = error.args[2] if len(error.args) > 2 else None
    return str(details[0]) if details else str(error.args[0]).rpartition(": ")[2].strip("'")


def reason(error: Exception) -> str:
    """Return why an evaluation failed, in a line."""
    said = str(error.args[0]) if error.args else "it can't be evaluated"
    details = error.args[2] if len(error.args) > 2 else None
    if details and "no matching overload" in said:
        said = str(details[0])
    return said.splitlines()[0][:200]


def _word(value: Any) -> str:
    return WORDS.get(type(value), type(value).__name__)
