"""Amounts of resources (`500m`, `2Gi`) in the one form that the API server writes."""

from __future__ import annotations

import re
from decimal import ROUND_UP, Decimal

_FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_NANO = Decimal(10) ** -9


class QuantityError(ValueError):
    """The text is no quantity; the message is the real server's."""

    def __init__(self) -> None:
        super().__init__(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )


def amount(text: str) -> Decimal:
    """Return a quantity as a number."""
    found = _FORM.fullmatch(text)
    if not found:
        raise QuantityError
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in _BINARY:
        return number * (Decimal(1024) ** _BINARY[suffix])
    power = int(suffix[1:]) if suffix[:1] in "eE" and suffix != "E" and suffix else None
    return number.scaleb(_DECIMAL[suffix] if power is None else power)


def canonical(value: object) -> str:
    """Return a quantity as the API server writes it: the largest suffix without a fraction."""
    text = str(value).strip() if isinstance(value, (str, int, float)) else ""
    number = amount(text).quantize(_NANO, rounding=ROUND_UP)
    suffix = (_FORM.fullmatch(text) or [""] * 3)[2] or ""
    if suffix in _BINARY and number == number.to_integral_value():
        return _binary(int(number))
    if suffix[:1] in ("e", "E") and suffix != "E" and suffix:
        return _exponent(number)
    return _decimal(number)


def _binary(number: int) -> str:
    power = 0
    while number and number % 1024 == 0 and power < len(_BINARY):
        number //= 1024
        power += 1
    names = ["", *_BINARY]
    return f"{number}{names[power]}"


def _decimal(number: Decimal) -> str:
    if not number:
        return "0"
    for name, power in reversed(_DECIMAL.items()):
        scaled = number.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{name}"
    return f"{int(number.scaleb(9))}n"


def _exponent(number: Decimal) -> str:
    power = 0
    while number and number % 1000 == 0:
        number, power = number / 1000, power + 3
    return f"{int(number)}e{power}" if power else f"{int(number)}"
