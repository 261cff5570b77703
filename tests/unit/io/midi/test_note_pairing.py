from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.midi.midi_events import KeyEvent
from chromasonic.melody_generation.io.midi.note_pairing import ChannelNotes, pair_keys

QUARTER = 24


def events(*keys: tuple[int, int | None, bool], channel: int = 1) -> list[KeyEvent]:
    return [KeyEvent(time, channel, pitch, pressed=pressed) for time, pitch, pressed in keys]


def pair(*keys: tuple[int, int | None, bool], end: int = 96) -> ChannelNotes:
    return pair_keys(events(*keys), end, QUARTER)[1]


def test_the_first_press_has_the_first_release() -> None:
    at_once = pair((0, 62, True), (24, 62, True), (24, 62, False), (48, 62, False))
    assert at_once == ChannelNotes(((0, 24, 62), (24, 48, 62)), 0)
    later = pair((0, 62, True), (12, 62, True), (24, 62, False), (36, 62, False))
    assert later == ChannelNotes(((0, 24, 62), (12, 36, 62)), 0)


def test_a_hanging_note_lasts_until_the_next_note() -> None:
    assert pair((0, 62, True), (24, 64, True), (48, 64, False)) == ChannelNotes(((0, 24, 62), (24, 48, 64)), 1)


def test_a_hanging_note_leaves_a_later_one_of_its_pitch_whole() -> None:
    notes = pair((0, 62, True), (24, 64, True), (48, 64, False), (48, 62, True), (72, 62, False))
    assert notes == ChannelNotes(((0, 24, 62), (24, 48, 64), (48, 72, 62)), 1)


def test_a_hanging_last_note_lasts_until_the_track_ends_or_for_a_quarter_note() -> None:
    assert pair((48, 62, True), end=96).notes == ((48, 96, 62),)
    assert pair((48, 62, True), end=48).notes == ((48, 72, 62),)


def test_only_the_last_of_overlapping_notes_hangs() -> None:
    """Each release comes shortly after the next press; the last one is missing."""
    keys = [(0, True), (24, True), (24, False), (48, True), (48, False)]
    notes = pair(*((time, 62, pressed) for time, pressed in keys))
    assert notes == ChannelNotes(((0, 24, 62), (24, 48, 62), (48, 96, 62)), 1)


def test_a_note_pressed_twice_at_once_is_one() -> None:
    assert pair((0, 62, True), (0, 62, True), (24, 62, False)) == ChannelNotes(((0, 24, 62),), 0)


def test_a_release_of_all_notes_ends_them() -> None:
    notes = pair((0, 62, True), (0, 65, True), (24, None, False), (24, 62, True), (36, 62, False))
    assert notes == ChannelNotes(((0, 24, 62), (0, 24, 65), (24, 36, 62)), 0)


def test_a_release_of_a_silent_key_is_ignored() -> None:
    assert pair((0, 62, False), (0, 62, True), (24, 62, False), (24, 62, False)).notes == ((0, 24, 62),)


def test_channels_are_apart() -> None:
    keys = events((0, 62, True), (24, 62, False)) + events((12, 62, True), (36, 62, False), channel=2)
    paired = pair_keys(sorted(keys, key=lambda key: key.time), 96, QUARTER)
    assert {channel: each.notes for channel, each in paired.items()} == {1: ((0, 24, 62),), 2: ((12, 36, 62),)}


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([60, 60, 61, None]), st.booleans()), max_size=30))
def test_every_press_is_one_note(steps: list[tuple[int, int | None, bool]]) -> None:
    time, keys = 0, list[KeyEvent]()
    for step, pitch, pressed in steps:
        time += step
        keys.append(KeyEvent(time, 1, pitch, pressed=pressed and pitch is not None))
    presses = Counter((key.time, key.pitch) for key in keys if key.pressed)
    paired = pair_keys(keys, time, QUARTER)
    notes = paired[1].notes if paired else ()
    found = Counter((onset, pitch) for onset, _, pitch in notes)
    assert set(found) == set(presses)
    assert all(found[each] <= presses[each] for each in found)
    assert all(end >= onset for onset, end, _ in notes)
