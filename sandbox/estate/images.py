"""How a container behaves once its image is asked for; the reason why a release is bad.

The kubelet asks for each pod that it starts, the traffic model for each request that a ready
pod answers. Rules come from the catalogue's bad release and from faults that a test adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.estate.catalogue import BAD_VERSION, CHECKOUT


class Behaviour(StrEnum):
    """What becomes of a pod with the image."""

    HEALTHY = "healthy"
    ERRORS = "errors"  # becomes Ready, and then answers some requests with errors
    NEVER_READY = "never_ready"  # runs, but its readiness probe fails
    PULL = "ImagePullBackOff"
    CRASH = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """How the image of a service (or of all: `*`) behaves at a tag (or at any: `*`)."""

    service: str
    tag: str
    behaviour: Behaviour
    error_ratio: float = 0.0


_SHIPPED = (
    ImageRule(service=CHECKOUT, tag=BAD_VERSION, behaviour=Behaviour.ERRORS, error_ratio=0.70),
    ImageRule(
        service="payment-service", tag=BAD_VERSION, behaviour=Behaviour.ERRORS, error_ratio=0.48
    ),
    ImageRule(service="assessment-service", tag=BAD_VERSION, behaviour=Behaviour.CRASH),
)


class Images:
    """The rules that hold now; a later rule wins over an earlier one."""

    def __init__(self) -> None:
        self._added: list[ImageRule] = []

    def add(self, rule: ImageRule) -> None:
        """Let a rule hold from now on."""
        self._added.append(rule)

    def reset(self) -> None:
        """Keep only what the catalogue says."""
        self._added.clear()

    def behaviour(self, image: str) -> ImageRule:
        """Return the rule for an image reference."""
        repository, _, tag = image.rpartition(":")
        service = repository.rpartition("/")[2]
        for rule in reversed((*_SHIPPED, *self._added)):
            if rule.service in ("*", service) and rule.tag in ("*", tag):
                return rule
        return ImageRule(service=service, tag=tag, behaviour=Behaviour.HEALTHY)
