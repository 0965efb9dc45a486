"""Shapes that every part of the estate shares: JSON objects, and copies of them."""

from __future__ import annotations

import copy
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]  # JSON as it travels; the protocols define what is in it


def clone(value: Object) -> Object:
    """Return a deep copy, to be changed without touching what is stored."""
    return copy.deepcopy(value)
