"""Which revision is the last good one, whatever happened before."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.helm import releases
from adapters.helm.releases import Revision

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
FAILED_UPGRADE = 'Upgrade "aivo-platform" failed: timed out waiting for the condition'
FAILED_WAIT = 'Release "aivo-platform" failed: timed out waiting for the condition'
FAILED_ROLLBACK = 'Rollback "aivo-platform" failed: cannot patch'


def history(*lines: tuple[int, str, str]) -> tuple[Revision, ...]:
    """Write a history as (revision, status, description); `back N` is a rollback to N."""
    return tuple(
        Revision(
            number=number,
            status=status,
            chart=f"aivo-platform-1.{number}.0",
            version=f"2.{number}.0",
            description=told.replace("back", "Rollback to") if told.startswith("back") else told,
            updated=BEGAN + timedelta(hours=number),
            target=int(told.removeprefix("back ")) if told.startswith("back ") else None,
        )
        for number, status, told in lines
    )


UP = "Upgrade complete"


@pytest.mark.parametrize(
    ("lines", "good"),
    [
        pytest.param([(41, "superseded", UP), (42, "deployed", UP)], 41, id="the one before"),
        pytest.param([(42, "deployed", UP)], None, id="only one"),
        pytest.param([], None, id="no history"),
        pytest.param(
            [(40, "superseded", UP), (41, "failed", FAILED_UPGRADE), (42, "deployed", UP)],
            40,
            id="failed ones are skipped",
        ),
        pytest.param(
            [(41, "deployed", UP), (42, "failed", FAILED_UPGRADE)], 41, id="current one failed"
        ),
        pytest.param(
            [(41, "deployed", UP), (42, "pending-upgrade", "Preparing upgrade")],
            41,
            id="current one hangs",
        ),
        pytest.param(
            [
                (40, "superseded", UP),
                (41, "superseded", UP),
                (42, "superseded", UP),
                (43, "deployed", "back 41"),
            ],
            40,
            id="rolled back: not the bad one, not the same content",
        ),
        pytest.param(
            [
                (40, "superseded", UP),
                (41, "superseded", UP),
                (42, "superseded", UP),
                (43, "superseded", UP),
                (44, "deployed", "back 41"),
            ],
            40,
            id="what was rolled past was not trusted either",
        ),
        pytest.param(
            [
                (41, "superseded", UP),
                (42, "superseded", UP),
                (43, "superseded", "back 41"),
                (44, "deployed", UP),
            ],
            41,
            id="after bad, rollback, bad again: the original of the rollback",
        ),
        pytest.param(
            [
                (42, "superseded", UP),
                (43, "superseded", "back 41"),
                (44, "deployed", UP),
            ],
            43,
            id="the rollback itself where the original is no longer kept",
        ),
        pytest.param(
            [
                (41, "superseded", UP),
                (42, "superseded", UP),
                (43, "superseded", "back 41"),
                (44, "deployed", "back 42"),
            ],
            41,
            id="an undone rollback says nothing against its target",
        ),
        pytest.param(
            [(41, "superseded", UP), (42, "superseded", UP), (43, "failed", FAILED_ROLLBACK)],
            41,
            id="a failed rollback marks the bad one as superseded",
        ),
        pytest.param(
            [(41, "superseded", UP), (42, "deployed", UP), (43, "failed", FAILED_WAIT)],
            41,
            id="a rollback that was not ready in time",
        ),
        pytest.param(
            [
                (40, "superseded", UP),
                (41, "superseded", FAILED_UPGRADE),
                (42, "deployed", UP),
            ],
            40,
            id="a word of failure counts more than the status",
        ),
    ],
)
def test_last_good(lines: list[tuple[int, str, str]], good: int | None) -> None:
    """The newest revision that is worth returning to is chosen, or none."""
    found = releases.last_good(history(*lines))
    assert (found.number if found else None) == good


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["superseded", "failed", "deployed"]),
            st.integers(min_value=0, max_value=12),
        ),
        max_size=12,
    )
)
def test_last_good_is_never_the_current_content_nor_a_failed_one(
    steps: list[tuple[str, int]],
) -> None:
    """Whatever happened, the choice is older, worked, and differs from what runs."""
    lines = [
        (number, status, f"back {back}" if 0 < back < number else UP)
        for number, (status, back) in enumerate(steps, start=1)
    ]
    told = history(*lines)
    found = releases.last_good(told)
    if found is not None:
        assert found.number < told[-1].number
        assert found.status in releases.WORKED
        running = releases.content(told, told[-1].number)
        assert releases.content(told, found.number) != running


def test_content_follows_rollbacks_of_rollbacks() -> None:
    """A rollback to a rollback carries the original's manifests."""
    told = history(
        (41, "superseded", UP), (43, "superseded", "back 41"), (45, "deployed", "back 43")
    )
    assert releases.content(told, 45) == 41
    assert releases.returned_to(told, 41)


def test_time_that_a_revision_ran() -> None:
    """It ran until the next revision began; the newest one still runs."""
    told = history((41, "superseded", UP), (42, "deployed", UP))
    assert releases.ran_for(told, 41) == 3600
    assert releases.ran_for(told, 42) is None


def test_parsing_sorts_and_survives_odd_times() -> None:
    """Helm's nanoseconds are read, its zero time is no time, and order does not matter."""
    found = releases.parse(
        [
            {"revision": 2, "status": "deployed", "updated": "2026-11-20T10:00:00.123456789+01:00"},
            {"revision": 1, "status": "Superseded", "updated": "0001-01-01T00:00:00Z"},
        ]
    )
    assert [each.number for each in found] == [1, 2]
    assert found[0].updated is None
    assert found[1].updated == datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
    assert found[0].status == "superseded"


def test_rollbacks_are_known_in_the_words_of_both_helms() -> None:
    """Helm 3 names the target in its description; Helm 4 also beside one that somebody wrote."""
    found = releases.parse(
        [
            {"revision": 3, "status": "superseded", "description": "Rollback to 1"},
            {"revision": 4, "status": "deployed", "description": "calm", "rollback_revision": 1},
            {"revision": 2, "status": "superseded", "description": "Upgrade complete"},
        ]
    )
    assert [each.target for each in found] == [None, 1, 1]
    assert releases.returned_to(found, 1)
    assert releases.returned_to(found, 3)
