"""A flag as LaunchDarkly tells it, and what one instruction of a semantic patch does to it.

Used by `launchdarkly`, which serves them.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.estate.values import Object

NEW, CLASSIC, BETA = "11111111-new", "22222222-classic", "33333333-beta"
ALL = 100_000
"""What the weights of a rollout sum to."""


class RefusalError(Exception):
    """A refusal, with its status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def flag(key: str, *, name: str = "", **production: object) -> Object:
    """Return a flag that is on in production, and serves the first of three variations."""
    config: Object = {
        "on": True,
        "archived": False,
        "version": 7,
        "lastModified": 1_760_000_000_000,
        "fallthrough": {"variation": 0},
        "offVariation": 1,
        "prerequisites": [],
        "rules": [],
        "targets": [],
        "contextTargets": [],
        "_environmentName": "Production",
    }
    named = ((NEW, "new"), (CLASSIC, "classic"), (BETA, "beta"))
    return {
        "key": key,
        "name": name or key,
        "kind": "multivariate",
        "archived": False,
        "variations": [{"_id": each, "name": label, "value": label} for each, label in named],
        "environments": {
            "production": config | production,
            "staging": config | {"version": 40, "_environmentName": "Staging"},
        },
    }


def follow(config: Object, instruction: Object, ids: Sequence[str]) -> None:
    """Do one instruction to a flag's configuration; raise `RefusalError`."""
    rest = dict(instruction)
    match rest.pop("kind", None):
        case "turnFlagOn":
            config["on"] = True
        case "turnFlagOff":
            config["on"] = False
        case "updateFallthroughVariationOrRollout":
            config["fallthrough"] = _served(rest, ids)
        case kind:
            raise RefusalError(400, "invalid_request", f"unknown instruction kind: {kind}")
    if rest:
        raise RefusalError(400, "invalid_request", f"unknown parameters: {list(rest)}")


def _served(rest: Object, ids: Sequence[str]) -> Object:
    if "variationId" in rest:
        wanted = rest.pop("variationId")
        if wanted not in ids:
            raise RefusalError(400, "invalid_request", f"unknown variation id: {wanted}")
        return {"variation": ids.index(wanted)}
    weights = rest.pop("rolloutWeights", None)
    if not weights or sum(weights.values()) != ALL or not set(weights) <= set(ids):
        raise RefusalError(400, "invalid_request", "rollout weights must be of variations, and sum")
    return {
        "rollout": {
            "variations": [
                {"variation": ids.index(each), "weight": weight} for each, weight in weights.items()
            ],
            "contextKind": rest.pop("rolloutContextKind", "user"),
            "bucketBy": rest.pop("rolloutBucketBy", "key"),
        }
    }
