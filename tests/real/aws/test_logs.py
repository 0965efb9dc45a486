"""Events kept as evidence, on moto's AWS."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.actions import Holds, PermanentError, TransientError
from tests.adapters.uses import Use
from tests.real.aws import checks
from tests.real.aws.conftest import At
from tests.real.services.aws.server import Aws, User

USES, GROUP = "aws.logs.export_events", "/aws/apigateway/shop"
Json = Any


def told(aws: Aws, *ages: float, said: str = "GET /") -> None:
    """Let two streams tell events that are so many seconds old."""
    logs = aws.client("logs")
    now = round(time.time() * 1000)
    for stream in ("one", "two"):
        events = [
            {"timestamp": now - round(age * 1000), "message": f"{said} {stream} {age}"}
            for age in sorted(ages, reverse=True)
        ]
        logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


@pytest.fixture
def group(aws: Aws) -> None:
    """A log group with two streams."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for stream in ("one", "two"):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)


async def kept(use: Use, seen: Holds) -> list[Json]:
    """Return the events in the evidence, after comparing hashes."""
    store = use.context.surroundings.evidence
    manifest = json.loads(await store.read(seen.output["manifest"]))
    found = []
    for piece in manifest["pieces"]:
        stored = await store.find(piece["name"])
        assert stored is not None
        assert stored.sha256 == piece["sha256"]
        found += [json.loads(line) for line in (await store.read(piece["name"])).splitlines()]
    return found


@pytest.mark.covers("AIVO-I6", "AIVO-FIX10")
@pytest.mark.usefixtures("group")
async def test_events_of_a_window_are_kept_once(aws: Aws, at: At) -> None:
    """In the order of time, none twice, none of outside; another look changes nothing."""
    told(aws, 30, 90, 200, 3000, 4000)
    use = at(USES, group=GROUP, last="1h")
    await use.preview()
    seen = await use.outcome()
    assert isinstance(seen, Holds)
    events = await kept(use, seen)
    assert len(events) == seen.output["events"] == 8
    assert [each["timestamp"] for each in events] == sorted(each["timestamp"] for each in events)
    assert len({each["id"] for each in events}) == 8
    told(aws, 10)
    aws.calls.clear()
    assert await use.verify() == seen
    assert aws.asked("logs:.*") == []


@pytest.mark.usefixtures("group")
async def test_a_collection_goes_on_where_it_was_cut_off(aws: Aws, at: At) -> None:
    """Pieces that are kept are not asked for again, and a pattern narrows them."""
    told(aws, 100, 400)
    told(aws, 200, said="ERROR")
    since = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    use = at(USES, group=GROUP, since=since, pattern="ERROR")
    aws.throttle("logs:FilterLogEvents", times=3)
    with pytest.raises(TransientError):
        await use.verify()
    aws.mend()
    seen = await use.outcome()
    assert isinstance(seen, Holds)
    assert seen.output["events"] == 2
    assert {each["message"].split()[0] for each in await kept(use, seen)} == {"ERROR"}


@pytest.mark.usefixtures("group")
async def test_that_there_was_nothing_is_kept(aws: Aws, at: At) -> None:
    """An empty window is evidence, a group that is not there is none."""
    seen = await at(USES, group=GROUP, last="5m").outcome()
    assert isinstance(seen, Holds)
    assert (seen.output["events"], seen.output["first"]) == (0, "")
    with pytest.raises(PermanentError, match="not there"):
        await at(USES, step="other", group="/aws/none", last="5m").preview()


@pytest.mark.usefixtures("group")
async def test_rights_are_the_least(aws: Aws, at: At) -> None:
    """The right that is named is enough, and a missing one is named."""

    def make(user: User) -> Use:
        return at(USES, credentials=user, group=GROUP, last="5m")

    await checks.without(aws, make, "logs:FilterLogEvents")
    await checks.with_the_least_rights(aws, make)
