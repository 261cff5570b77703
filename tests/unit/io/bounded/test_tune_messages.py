"""Tunes survive the way from the reading process; what is no tune is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.io.bounded.tune_messages import ReadingRequest, pack_tunes, unpack_tunes
from chromasonic.melody_generation.io.tunes import DroppedTune, WrittenTune

DROPPED = st.builds(DroppedTune, st.text(), st.text(), st.booleans())
COUNTS = st.integers(0, 1000)


@given(st.lists(DROPPED | st.builds(WrittenTune, melodies(), COUNTS, COUNTS), max_size=3))
def test_tunes_are_restored(tunes: list[WrittenTune | DroppedTune]) -> None:
    message = pack_tunes(tunes)
    assert b"\n" not in message
    assert unpack_tunes(message) == tunes


@given(st.builds(ReadingRequest, COUNTS, st.text(), st.text(), st.booleans(), st.floats(0, 100)))
def test_requests_are_one_line(request: ReadingRequest) -> None:
    line = request.to_line()
    assert line.count(b"\n") == 1
    assert ReadingRequest.from_line(line) == request


@pytest.mark.parametrize("content", [b"", b"[1]", b"[{}]", b'[{"reason": 1}]', b"{"])
def test_what_is_no_tune_raises_an_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_tunes(content)
