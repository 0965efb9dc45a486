"""`http.synthetic` against a real service: sessions, failures, secrets that stay unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.clients import ClientPool
from adapters.http.synthetic import HttpSyntheticInputs
from adapters.registry import ActionRegistry
from flows.actions import Holds, NotYet
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.http import school as schools
from tests.real.http.school import PASSWORD, School, journey

pytestmark = pytest.mark.covers("AIVO-V4")


@pytest.fixture
async def school() -> AsyncIterator[School]:
    """The service, in good health."""
    async with schools.opened() as found:
        yield found


@pytest.fixture
def use(
    registry: ActionRegistry, pool: ClientPool, school: School, tmp_path: Path
) -> Callable[..., Use]:
    """Make uses of the action: the whole journey, or a changed one."""

    def make(**changes: Any) -> Use:
        context = FakeContext(
            system=system_for(),
            surroundings=surroundings_for(tmp_path, PASSWORD=PASSWORD),
            clients=pool,
        )
        return Use(registry, context, "http.synthetic", "journey", **journey(school.url, **changes))

    return make


async def test_a_journey_as_a_new_user(use: Callable[..., Use], school: School) -> None:
    """Values and cookies go along, each run is another user, and nothing is left of it."""
    action = use()
    for _ in range(2):
        seen = await action.verify()
        assert isinstance(seen, Holds), seen
        assert (seen.output["ok"], seen.output["steps"], seen.output["failed"]) == (True, 3, None)
    assert (school.accounts, school.gone, len(school.sessions)) == (set(), 2, 2)
    assert len(set(school.sessions.values())) == 2


async def test_runs_do_not_see_each_other(use: Callable[..., Use], school: School) -> None:
    """Several journeys at once have sessions of their own."""
    action = use()
    seen = await asyncio.gather(*(action.verify() for _ in range(5)))
    assert all(isinstance(each, Holds) for each in seen)
    assert school.accounts == set()


@pytest.mark.parametrize(
    ("path", "status", "told", "steps"),
    [
        ("/register", 503, '"register" answered 503, expected 201', 0),
        ("/login", 500, '"log in" answered 500, expected 200', 1),
        ("/dashboard", 404, '"open the dashboard" answered 404, expected 200', 2),
    ],
)
async def test_a_broken_step_is_named(
    use: Callable[..., Use], school: School, path: str, status: int, told: str, steps: int
) -> None:
    """What fails is said, later steps are not tried, and what was made is removed."""
    school.broken[path] = status
    seen = await use().verify()
    assert isinstance(seen, NotYet)
    assert seen.progress == told
    assert (seen.output["ok"], seen.output["steps"]) == (False, steps)
    assert school.accounts == set()
    assert school.gone == (1 if steps else 0)


async def test_no_answer_is_unknown(use: Callable[..., Use], school: School) -> None:
    """A connection that breaks is no verdict about the service, and the account is removed."""
    school.broken["/login"] = "cut"
    seen = await use().verify()
    assert isinstance(seen, NotYet)
    assert seen.progress.startswith('unknown: "log in"')
    assert seen.output == {}
    assert school.accounts == set()


async def test_secrets_stay_unseen(use: Callable[..., Use], school: School) -> None:
    """Not even a service that shows them in its answers gets them told to people."""
    action = use()
    register = journey(school.url)["steps"][0]
    for path, wanted in (("echo.password", "other"), ("id", "other"), ("echo.user", "other")):
        seen = await use(steps=[{**register, "expect": {path: wanted}}]).verify()
        assert isinstance(seen, NotYet)
        assert f"{path} is " in seen.progress
        assert "***" in seen.progress
        assert PASSWORD not in seen.progress
    assert PASSWORD not in action.action.describe(action.inputs)  # type: ignore[attr-defined]
    assert "${" not in (await action.preview()).summary


async def test_a_slow_journey_is_not_well(use: Callable[..., Use]) -> None:
    """All went well but took too long: not yet, with how long."""
    seen = await use(within=0.0001).verify()
    assert isinstance(seen, NotYet)
    assert "took" in seen.progress
    assert seen.output["failed"] == "open the dashboard"


async def test_what_can_not_be_removed_is_told(use: Callable[..., Use], school: School) -> None:
    """A journey that leaves its account behind is not well, and people know of it."""
    school.broken["/accounts/x"] = 500
    remove = {"name": "remove", "method": "DELETE", "url": f"{school.url}/accounts/x"}
    seen = await use(cleanup=[{**remove, "status": 204}]).verify()
    assert isinstance(seen, NotYet)
    assert 'not cleared up: "remove" answered 500, expected 204' in seen.progress
    assert seen.output["ok"] is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identity": None}, "say as which test user"),
        ({"secrets": {}}, "uses password, which is neither a secret nor kept"),
        ({"secrets": {"unique": "env:PASSWORD"}}, "another text in each run"),
        ({"steps": [{"name": "x", "url": "http://${token}.aivo.edu/"}]}, "no place for"),
        (
            {"steps": [{"name": "x", "url": "http://aivo.edu/?p=${password}"}], "cleanup": []},
            "without TLS",
        ),
        ({"steps": [{"name": "x", "url": "https://aivo.edu/", "body": {}}]}, "carries no body"),
    ],
)
def test_wrong_journeys_are_refused(change: dict[str, Any], words: str) -> None:
    """Nothing is written without a test user, and no secret leaves unprotected."""
    with pytest.raises(ValidationError, match=words):
        HttpSyntheticInputs.model_validate(journey("https://school.aivo.edu", **change))
