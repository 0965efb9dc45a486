"""Rows of a journal that was damaged, or written by a newer version: read or refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import codec
from tests.bot import approving
from tests.fuzz.mutations import mutated
from tests.fuzz.profiles import bounded


@pytest.fixture
def snapshot(tmp_path: Path) -> str:
    """A run that waits for approval, as it is stored."""
    engine = approving.waiting(tmp_path, approving.Clock())
    stored = codec.snapshot(approving.current(engine))
    engine.close()
    return stored


@bounded(80)
@given(data=st.data())
def test_a_damaged_snapshot_is_read_or_refused(snapshot: str, data: st.DataObject) -> None:
    """Nothing but the one error that the command line and the start explain."""
    body = json.dumps(data.draw(mutated(json.loads(snapshot))))
    try:
        assert codec.decode_run(body).version
    except codec.CodecError as error:
        assert str(error)  # noqa: PT017  # a run is as good as a sentence


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{", '{"version": "x"}', '{"version": -1}', "1"]
)
def test_what_is_no_snapshot_is_refused(body: str) -> None:
    """Another shape, another version, or no JSON at all."""
    with pytest.raises(codec.CodecError):
        codec.decode_run(body)


@bounded(80)
@given(kind=st.sampled_from(sorted(codec.EVENTS)), body=st.text(max_size=30))
def test_a_damaged_event_is_read_or_refused(kind: str, body: str) -> None:
    """Of a kind that is known, with a body that is none."""
    for text in (body, json.dumps({"text": body}), "{}", "[]"):
        try:
            assert codec.decode_event(kind, text) is not None
        except codec.CodecError as error:
            assert "damaged" in str(error)  # noqa: PT017  # as above
