"""Packed melodies are restored exactly, and untrusted bytes are validated."""

from __future__ import annotations

import io
import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.corpora.packing import (
    pack_melodies,
    restore_unchecked,
    unpack_melodies,
    unpack_untrusted,
)
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.melody import Melody

TUNES = (Melody([60, 62], [24, 24], title="Scale", source="a.abc:1"), Melody([], []))


@given(st.lists(melodies() | formed_melodies(), max_size=5).map(tuple), st.text(max_size=5))
def test_unpacking_restores_melodies_and_metadata(tunes: tuple[Melody, ...], word: str) -> None:
    payload = pack_melodies(tunes, {"word": word})
    assert unpack_melodies(payload, restore_unchecked) == (tunes, {"word": word})
    assert unpack_untrusted(payload) == (tunes, {"word": word})


@given(st.lists(formed_melodies(), max_size=3).map(tuple))
def test_files_of_earlier_versions_have_no_form(tunes: tuple[Melody, ...]) -> None:
    with np.load(io.BytesIO(pack_melodies(tunes, {}))) as arrays:
        earlier = {name: arrays[name] for name in ("pitches", "durations", "tunes", "departures")}
        labels = json.loads(arrays["labels"].tobytes())
    del labels["parts"]
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **earlier, labels=np.frombuffer(json.dumps(labels).encode(), dtype=np.uint8))
    assert unpack_untrusted(file.getvalue())[0] == tuple(melody.without_form() for melody in tunes)


@pytest.mark.parametrize("array", ["form", "chords", "details"])
def test_invalid_form_raises_an_error(array: str) -> None:
    tune = Melody([60], [24], form=[FormMark(1, FormSign.REPEAT_END)], chords=[Chord(0, 0, "7", 0)], spelling=[0])
    with np.load(io.BytesIO(pack_melodies([tune], {}))) as arrays:
        parts = {name: arrays[name] for name in arrays}
    for value in (99, -1):
        parts[array] = np.full_like(parts[array], value)
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **parts)
        with pytest.raises(InputError):
            unpack_untrusted(file.getvalue())


def test_unpacked_melodies_are_read_only() -> None:
    for unpacked in (
        unpack_melodies(pack_melodies(TUNES, {}), restore_unchecked),
        unpack_untrusted(pack_melodies(TUNES, {})),
    ):
        with pytest.raises(ValueError, match="read-only"):
            unpacked[0][0].pitches[0] = 3


def test_damaged_bytes_give_melodies_or_an_input_error() -> None:
    payload, draw = pack_melodies(TUNES, {"a": 1}), random.Random(0)
    n_errors = 0
    for _ in range(300):
        damaged = bytearray(payload)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            unpack_untrusted(bytes(damaged[: draw.randint(0, len(damaged))]))
        except InputError:
            n_errors += 1
    assert n_errors > 200


def test_an_invalid_melody_raises_an_error() -> None:
    payload = pack_melodies([Melody([60], [24])], {})
    with np.load(io.BytesIO(payload)) as arrays:
        parts = {name: arrays[name] for name in arrays}
    parts["pitches"] = np.array([200], dtype=np.int16)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **parts)
    with pytest.raises(InputError, match="MIDI numbers"):
        unpack_untrusted(file.getvalue())


@pytest.mark.parametrize(
    "changes",
    [{0: 3}, {0: 1}, {0: -2}, {0: 2**31 - 1}, {6: 1}, {6: -1}],
    ids=["a note more", "a note less", "below zero", "thousands of millions", "a departure", "departures below zero"],
)
def test_every_note_belongs_to_one_tune(changes: dict[int, int]) -> None:
    with np.load(io.BytesIO(pack_melodies(TUNES, {}))) as arrays:
        parts = {name: arrays[name] for name in arrays}
    for column, value in changes.items():
        parts["tunes"][0, column] = value
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **parts)
    with pytest.raises(InputError, match=r"add up|fewer than 0"):
        unpack_untrusted(file.getvalue())


@pytest.mark.parametrize(
    "labels",
    [
        b"[" * 100_000,
        b'{"tunes": ' + b"[" * 200 + b"]" * 200 + b', "notes": {}}',
        b'{"tunes": [["a", "b", "c"], ["a", "b", "c"]], "notes": {"sides": NaN}}',
        b'{"tunes": [["a", "b", "c"]], "notes": {}}',
        b'{"tunes": [["a", "b"], ["a", "b"]], "notes": {}}',
        b'{"tunes": [[1, "b", "c"], ["a", {}, "c"]], "notes": {}}',
        b'{"tunes": "abcabc", "notes": {}}',
        b"[]",
        b"{}",
        b"null",
        b"",
    ],
)
def test_labels_that_are_none_are_refused(labels: bytes) -> None:
    with np.load(io.BytesIO(pack_melodies(TUNES, {}))) as arrays:
        parts = {name: arrays[name] for name in arrays}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **(parts | {"labels": np.frombuffer(labels, dtype=np.uint8)}))
    with pytest.raises(InputError):
        unpack_untrusted(file.getvalue())
