"""Bots that forget something when they die are caught: what looks at the others can fail."""

from __future__ import annotations

from typing import Any

import pytest

from flows.states import State
from sandbox.flags.launchdarkly import LaunchDarkly
from tests.real.flows.kills.checks import sound
from tests.real.flows.kills.conftest import Fated, Heard, Open
from tests.real.flows.kills.fates import When
from tests.real.flows.kills.test_gradual import SHARES
from tests.real.flows.test_gradual import Traffic
from tests.real.services.aws.server import Aws

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]
Json = Any


async def test_a_call_of_which_the_journal_tells_nothing_is_noticed(
    killable: Open, fated: Fated, darkly: LaunchDarkly, flags: Json
) -> None:
    """The flag is off, once; but had the bot died, nobody would have known that it might be."""
    (fate,) = fated(1, 2)
    aivo = await killable(fate, forgets="intents", launchdarkly=flags)
    aivo.declare()
    await aivo.plan("flag")
    aivo.approve("jennifer-liu")
    with pytest.raises(AssertionError, match="without its intent"):
        await sound(aivo)


@pytest.mark.parametrize("forgotten", ["doubts, sight", "looks, sight"])
async def test_a_request_that_is_sent_again_is_noticed(
    killable: Open, fated: Fated, heard: Heard, aws: Aws, account: Json, forgotten: str
) -> None:
    """Killed right after its request took effect, the bot sends the same one once more.

    That takes two faults: an engine that forgets, and an action that does not look by itself.
    """
    traffic = Traffic(aws)
    (fate,) = fated(1, 1, only=When.EFFECTIVE)
    heard(fate)
    listener = {"listener": traffic.listener}
    aivo = await killable(fate, listener, forgets=forgotten, aws=account)
    aivo.declare()
    await aivo.plan("gradual")
    aivo.approve("jennifer-liu")
    await aivo.until(lambda run: "half" in aivo.done() or run.state is State.HOLD)
    assert fate.deaths
    assert len(aws.asked(SHARES)) > 1, "one share was set, twice"
