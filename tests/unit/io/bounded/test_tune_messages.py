"""Tunes survive the way from the reading process; what is no tune is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.io.bounded.tune_messages import ReadingRequest, pack_tunes, unpack_tunes
from chromasonic.melody_generation.io.tunes import DroppedTune, Remark, WrittenTune

DROPPED = st.builds(DroppedTune, st.text(), st.text(), st.booleans())
COUNTS = st.integers(0, 1000)
LEFT_OUT = st.dictionaries(st.text(), COUNTS, max_size=2)
REMARKS = st.lists(st.builds(Remark, st.text(), st.text()), max_size=2).map(tuple)
WRITTEN = st.builds(WrittenTune, melodies() | formed_melodies(), COUNTS, COUNTS, COUNTS, LEFT_OUT, REMARKS)
PARTS = st.none() | st.text() | COUNTS


@given(st.lists(DROPPED | WRITTEN, max_size=3))
def test_tunes_are_restored(tunes: list[WrittenTune | DroppedTune]) -> None:
    message = pack_tunes(tunes)
    assert b"\n" not in message
    assert unpack_tunes(message) == tunes


@given(st.builds(ReadingRequest, COUNTS, st.text(), st.text(), st.booleans(), PARTS, st.floats(0, 100)))
def test_requests_are_one_line(request: ReadingRequest) -> None:
    line = request.to_line()
    assert line.count(b"\n") == 1
    assert ReadingRequest.from_line(line) == request


@pytest.mark.parametrize("content", [b"", b"[1]", b"[{}]", b'[{"reason": 1}]', b"{"])
def test_what_is_no_tune_raises_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_tunes(content)
