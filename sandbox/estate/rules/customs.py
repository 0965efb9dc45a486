"""Istio's VirtualServices and KEDA's ScaledObjects: what their definitions refuse."""

from __future__ import annotations

from sandbox.estate.rules.causes import Causes
from sandbox.estate.values import Object


def check_virtual_service(item: Object, causes: Causes) -> None:
    """Check the weights of a VirtualService."""


def check_scaled_object(item: Object, causes: Causes) -> None:
    """Check a ScaledObject."""
