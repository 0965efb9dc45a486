"""The deaths that the tests of this folder bring about."""

from __future__ import annotations

from config.settings import PACKAGED
from tests.real.flows.kills.fates import DEATHS


def test_there_are_a_hundred_deaths_and_some_in_every_flow() -> None:
    """No procedure is left out, and a death is never spared: `checks.sound` counts them."""
    procedures = {each.stem for each in (PACKAGED / "aivo" / "procedures").glob("*.yaml")}
    assert procedures == set(DEATHS)
    assert sum(rounds * deaths for rounds, deaths in DEATHS.values()) >= 100
