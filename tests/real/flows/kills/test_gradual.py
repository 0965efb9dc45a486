"""The bot is killed while it leads traffic back, and while it switches a feature off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from flows.states import State
from sandbox.flags.launchdarkly import LaunchDarkly
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import Fated, Heard, Open
from tests.real.flows.kills.fates import DEATHS, Fate
from tests.real.flows.test_gradual import Traffic
from tests.real.services.aws.server import Aws

SHARES = "elasticloadbalancing:ModifyListener"
pytestmark = [pytest.mark.long, pytest.mark.crash, pytest.mark.timeout(600)]
Json = Any


class Telling(LaunchDarkly):
    """Tells a fate of every patch, before and after its effect."""

    fate: Fate | None = None

    async def _patch(self, request: Json) -> Json:
        self._tell(effective=False)
        try:
            return await super()._patch(request)
        finally:
            self._tell(effective=True)

    def _tell(self, *, effective: bool) -> None:
        if self.fate is not None:
            self.fate.requested("patch", effective=effective)


@pytest.fixture
async def darkly() -> AsyncIterator[Telling]:
    """LaunchDarkly with AIVO's flag on."""
    found = Telling()
    await found.start()
    yield found
    await found.stop()


@pytest.mark.covers("AIVO-FLOW5")
async def test_a_feature_is_switched_off_once(
    killable: Open, fated: Fated, darkly: Telling, flags: Json
) -> None:
    """One patch, whenever the bot dies; deaths while people wait for each other change nothing."""
    for fate in fated(*DEATHS["flag"]):
        darkly.touch(on=True)
        darkly.patches.clear()
        darkly.fate = fate
        aivo = await killable(fate, launchdarkly=flags)
        aivo.declare("the new gradebook is slow")
        await aivo.plan("flag")
        aivo.approve("emily-watson")
        aivo.remote.kill()
        assert aivo.run.state is State.APPROVE
        assert darkly.patches == []
        aivo.approve("jennifer-liu")
        await sound(aivo)
        assert darkly.patches == [[{"kind": "turnFlagOff"}]]
        assert darkly.config()["on"] is False


@pytest.mark.covers("AIVO-FLOW4")
async def test_each_share_is_set_once(
    killable: Open, fated: Fated, heard: Heard, aws: Aws, account: Json
) -> None:
    """Three requests, and in their order."""
    for fate in fated(*DEATHS["gradual"]):
        aws.reset()
        traffic = Traffic(aws)
        heard(fate)
        aivo = await killable(fate, variables={"listener": traffic.listener}, aws=account)
        aivo.declare()
        await aivo.plan("gradual")
        aivo.remote.kill()
        assert aws.asked(SHARES) == []
        aivo.approve("jennifer-liu")
        await sound(aivo)
        assert traffic.share() == 0
        assert len(aws.asked(SHARES)) == 3
        order = [step for step in aivo.done() if step in ("half", "quarter", "none")]
        assert order == ["half", "quarter", "none"]
