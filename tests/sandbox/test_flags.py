"""The sandbox's feature flags: broken and mended over LaunchDarkly's own protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sandbox.estate import Estate
from sandbox.flags import Flags
from sandbox.flags.launchdarkly import FEATURE, TOKEN
from sandbox.parts import QUIET
from tests.sandbox.estate.conftest import Until, until

__all__ = ["until"]
SEMANTIC = {"Content-Type": "application/json; domain-model=launchdarkly.semanticpatch"}
OFF = {
    "environmentKey": "production",
    "comment": "INC-7",
    "instructions": [{"kind": "turnFlagOff"}],
}


@pytest.fixture
async def flags() -> AsyncIterator[Flags]:
    """The part, by a clock that stands at 100."""
    part = Flags(lambda: 100.0)
    await part.start()
    yield part
    await part.stop()


@pytest.fixture
async def api(flags: Flags) -> AsyncIterator[ClientSession]:
    """A client with the token, in the project."""
    found = flags.addresses()
    base = f"{found['launchdarkly_url']}/api/v2/flags/{found['launchdarkly_project']}/"
    headers = {"Authorization": found["launchdarkly_token"]}
    async with ClientSession(base, headers=headers) as session:
        yield session


async def _switch_off(api: ClientSession) -> int:
    answer = await api.patch(FEATURE, json=OFF, headers=SEMANTIC)
    return answer.status


async def test_the_faulty_feature_hurts_while_it_is_on(flags: Flags, api: ClientSession) -> None:
    """Broken, it is on and users feel it; switched off over the API, they don't; reset is calm."""
    assert flags.disturbance() == QUIET
    await flags.break_it("faulty_feature")
    assert flags.disturbance().latency > 2.7
    assert flags.disturbance().errors == {"*": 0.03}
    config = (await (await api.get(FEATURE)).json())["environments"]["production"]
    assert (config["on"], config["version"]) == (True, 8)
    assert await _switch_off(api) == 200
    assert flags.disturbance() == QUIET
    shown = flags.state()[0]
    assert (shown["key"], shown["on"], shown["by"], shown["at"]) == (FEATURE, False, "INC-7", 100.0)
    await flags.break_it("faulty_feature")
    assert flags.disturbance() == QUIET, "a second press must not switch it on again"
    await flags.reset()
    assert [(each["key"], each["on"]) for each in flags.state()] == [
        (FEATURE, False),
        ("aivo-course-search", True),
    ]


async def test_on_again_by_undo_hurts_again(flags: Flags) -> None:
    """The fault is the feature's, not the press of the button: on again, users feel it again."""
    await flags.break_it("faulty_feature")
    flags.service.touch(FEATURE, on=False)
    assert flags.disturbance() == QUIET
    flags.service.touch(FEATURE, on=True)
    assert flags.disturbance() != QUIET


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"environmentKey": "moon"}, 400, "unknown environment key: moon"),
        ({"instructions": []}, 400, "instructions must not be empty"),
        ({"instructions": [{"kind": "explode"}]}, 400, "unknown instruction kind: explode"),
        (
            {"instructions": [{"kind": "turnFlagOff", "x": 1}]},
            400,
            "unknown parameters: ['x']",
        ),
        ({"colour": "red"}, 400, "unknown fields in the request"),
    ],
)
async def test_bad_patches(
    flags: Flags, api: ClientSession, change: dict[str, object], status: int, message: str
) -> None:
    """What is wrong is refused with a code and a sentence, and nothing changes."""
    answer = await api.patch(FEATURE, json=OFF | change, headers=SEMANTIC)
    assert (answer.status, (await answer.json())["message"]) == (status, message)
    assert flags.service.patches == []


async def test_strangers_and_strange_bodies(flags: Flags, api: ClientSession) -> None:
    """Without the token 401, an unknown flag 404, and a plain JSON body is no semantic patch."""
    bearer = await api.get(FEATURE, headers={"Authorization": f"Bearer {TOKEN}"})
    missing = await api.get("no-such-flag")
    plain = await api.patch(FEATURE, json=OFF)
    broken = await api.patch(FEATURE, data=b"{", headers=SEMANTIC)
    text = await api.patch(FEATURE, data=b"off", headers={"Content-Type": "text/plain"})
    assert [each.status for each in (bearer, missing, plain, broken, text)] == [
        401,
        404,
        400,
        400,
        400,
    ]
    flags.service.limited = True
    refused = await api.get(FEATURE)
    assert refused.status == 429
    assert refused.headers["X-Ratelimit-Route-Remaining"] == "0"


async def test_the_estate_feels_it(tmp_path: Path, until: Until) -> None:
    """In an estate the button makes it slow, beyond what triggers a rollback; off mends it."""
    flags = Flags()
    async with Estate(data=tmp_path, speed=60) as estate:
        estate.parts.all.append(flags)
        async with ClientSession() as http:
            answer = await http.post(
                f"{estate.url}/estate/api/break", json={"scenario": "faulty_feature"}
            )
            assert answer.status == 200
            shown = await (await http.get(f"{estate.url}/estate/api/state")).json()
            assert [each["on"] for each in shown["flags"]] == [True, True]
            assert "faulty_feature" in [each["id"] for each in shown["scenarios"]]
        await until(lambda: estate.traffic.points[-1].latency_p95 > 3)
        await until(lambda: 0.02 < estate.traffic.points[-1].error_ratio < 0.1)
        flags.service.touch(FEATURE, on=False)
        await until(lambda: estate.traffic.points[-1].latency_p95 < 0.5)
        await until(lambda: estate.traffic.points[-1].error_ratio < 0.001)
