"""The clock on the wall: hurried, slowed, never set back, and translated into real time."""

import pytest

from sandbox.wall import FASTEST, Wall


class Real:
    """Real time in the test's hands."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def real() -> Real:
    """A clock that stands."""
    return Real()


def test_it_shows_the_real_time_until_it_is_hurried(real: Real) -> None:
    """Ten times as fast means ten seconds a second, from then on, and no jump."""
    wall = Wall(real=real)
    real.now += 5
    assert wall.now() == 1_005
    wall.set_speed(10)
    assert wall.now() == 1_005
    real.now += 3
    assert wall.now() == 1_035
    wall.set_speed(1)
    real.now += 2
    assert wall.now() == 1_037


@pytest.mark.parametrize(("asked", "got"), [(60, FASTEST), (0.1, 1.0), (2, 2.0)])
def test_people_are_not_hurried_beyond_reason(real: Real, asked: float, got: float) -> None:
    """The estate may run faster or slower than that; limits of minutes must stay possible."""
    wall = Wall(real=real)
    wall.set_speed(asked)
    assert wall.speed == got


def test_it_does_not_go_back_when_the_machine_s_clock_does(real: Real) -> None:
    """Messages stay in their order."""
    wall = Wall(real=real)
    real.now -= 100
    assert wall.now() == 1_000


def test_a_moment_is_found_in_real_time(real: Real) -> None:
    """The chart is drawn in real time, and the journal is written by the wall."""
    wall = Wall(real=real)
    real.now += 10
    wall.set_speed(10)
    real.now += 10
    wall.set_speed(1)
    assert wall.real(990) == 990
    assert wall.real(1_004) == 1_004
    assert wall.real(1_060) == 1_015
    assert wall.real(1_120) == 1_030
    assert wall.view() == {"now": 1_110, "real": 1_020, "speed": 1.0}
