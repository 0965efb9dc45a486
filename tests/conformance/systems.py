"""Systems whose rollback has every kind of step that a process can die in.

Several of them, so that several incidents are open at once: one run changes a system at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from config.models.bundles import Bundle
from config.models.people import People
from config.models.policies import Policy
from config.models.procedures import Procedure
from config.models.systems import System
from flows.gates import Person

Json = Any
MARCUS = Person(id="marcus", name="Marcus Rodriguez", roles=("oncall",))
EMILY = Person(id="emily", name="Emily Watson", roles=("oncall",))
JENNIFER = Person(id="jennifer", name="Jennifer Liu", roles=("lead",))
ALEX = Person(id="alex", name="Alex Thompson", roles=("lead",))
PEOPLE = (MARCUS, EMILY, JENNIFER, ALEX)
GATED = "purge"
NEEDS = ({"any_of": ["oncall", "lead"]}, {"any_of": ["lead"]})
FREE = {"required": False}
LATE_BUDGET = "4s"  # of calls whose answer comes late: long enough on however busy a machine


def name_of(number: int) -> str:
    """Return the name of the n-th system."""
    return f"shop-{number}"


def _step(name: str, uses: str, **more: Json) -> dict[str, Json]:
    inputs = {"name": name, **more.pop("with_", {})}
    return {
        "id": name,
        "title": name.capitalize(),
        "uses": f"estate.{uses}",
        "budget": LATE_BUDGET,
        "with": inputs,
        **more,
    }


def _procedure(*, brief: bool) -> Procedure:
    rollback = _step("release", "put", with_={"to": "good"})
    if brief:
        stages: Json = {"restore": [rollback, _step("drop", "strike")]}
    else:
        stages = {
            "isolate": [_step("cut", "put")],
            "restore": [
                rollback,
                _step("drop", "strike"),
                {
                    "parallel": [
                        _step("index", "work", with_={"takes": 0.15}),
                        _step("quota", "put", with_={"answered_after": 0.1}),
                        _step("alias", "put", with_={"answer_lost_times": 1}),
                        _step("shard", "strike", with_={"lands_after": 0.1}),
                        _step(
                            "beat", "put", with_={"to": "round {{ round }}"}, every="0.2s", **FREE
                        ),
                    ]
                },
                _step(GATED, "strike", gate="data"),
            ],
            "validate": [_step("check", "look", with_={"name": "release", "to": "good"})],
            "communicate": [_step("notice", "put", **FREE)],
        }
    return Procedure.model_validate(
        {
            "procedure": "back",
            "title": "Go back",
            "class": "application",
            "target": "availability",
            **stages,
        }
    )


def _policy() -> Policy:
    return Policy.model_validate(
        {
            "facts": [
                {
                    "id": "release",
                    "title": "Release",
                    "uses": "estate.look",
                    "with": {"name": "release", "to": "anything"},
                    "value": "output.value",
                    "limit": "value == 'good'",
                }
            ],
            "questions": [{"id": "security", "text": "Is this a security incident?"}],
            "matrix": [
                {
                    "procedure": "back",
                    "title": "Bad release",
                    "when": "facts.release == 'bad'",
                    "because": "the release is {{ facts.release }}",
                    "severity": "critical",
                }
            ],
            "authorization": {
                "classes": [
                    {"id": "application", "title": "Application", "needs": NEEDS, "limit": "5m"},
                    {"id": "data", "title": "Data", "needs": [NEEDS[1]], "limit": "5m"},
                ],
                "control": ["oncall", "lead"],
            },
            "targets": [
                {"id": "availability", "title": "Availability", "rto": "10m", "rto_limit": "20m"}
            ],
            "plan_valid_for": "30m",
            "follow_ups": [{"id": "learn", "title": "Learn from it", "due": "1h"}],
        }
    )


@cache
def bundles(count: int, *, brief: bool = False) -> Mapping[str, Bundle]:
    """Return so many systems, alike but for their names; `brief` ones have two steps."""
    people = People.model_validate(
        {
            "roles": {"oncall": {"title": "On-call"}, "lead": {"title": "Lead"}},
            "people": [{"id": p.id, "name": p.name, "roles": list(p.roles)} for p in PEOPLE],
        }
    )
    procedure, policy = _procedure(brief=brief), _policy()
    return {
        name_of(number): Bundle(
            system=System.model_validate(
                {
                    "system": name_of(number),
                    "title": f"Shop {number}",
                    "channels": {"incidents": "incidents"},
                }
            ),
            people=people,
            policy=policy,
            procedures={"back": procedure},
            messages={},
        )
        for number in range(1, count + 1)
    }
