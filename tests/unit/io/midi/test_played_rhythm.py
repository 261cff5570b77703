"""Written times stay, and simulated performances are quantised to what they are performances of."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import music21
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.io.melody_line import extract_skyline
from chromasonic.melody_generation.io.melody_part import TimedNote
from chromasonic.melody_generation.io.midi.played_rhythm import quantise
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER, Melody

RYANS_MAMMOTH = Path(music21.__file__).parent / "corpus" / "ryansMammoth"
TICKS_PER_MS = TICKS_PER_QUARTER * 120 / 60_000


def timed(*notes: tuple[float, float, int]) -> list[TimedNote]:
    return [TimedNote(Fraction(onset), Fraction(end), pitch) for onset, end, pitch in notes]


def plain(notes: Sequence[TimedNote]) -> list[tuple[int, int, int]]:
    return [(int(note.onset), int(note.end), note.pitch) for note in notes]


def durations(notes: Sequence[TimedNote]) -> list[int]:
    return [int(note.end - note.onset) for note in quantise(notes).notes]


def line(values: Sequence[int], share: float = 1.0) -> list[TimedNote]:
    begins = [sum(values[:index]) for index in range(len(values))]
    return timed(*((begin, begin + share * value, 60) for begin, value in zip(begins, values, strict=True)))


# Written notes -------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([3, 4, 5, 6, 8, 9, 12, 15, 16, 18, 24, 36, 48, 66, 96]), min_size=1, max_size=30))
def test_whole_ticks_without_gaps_are_kept(values: list[int]) -> None:
    result = quantise(line(values))
    assert plain(result.notes) == plain(line(values))
    assert (result.n_onsets_moved, result.n_ornaments) == (0, 0)


BEATS = [(24,), (12, 12), (18, 6), (6, 6, 12), (8, 8, 8), (16, 8), (36, 12), (48,), (72,)]


@given(st.lists(st.sampled_from(BEATS), min_size=1, max_size=15), st.sampled_from([0.9, 0.95, 0.99]))
def test_notes_that_a_program_shortens_are_whole(beats: list[tuple[int, ...]], share: float) -> None:
    values = [value for beat in beats for value in beat]
    assert durations(line(values, share)) == values


@pytest.mark.parametrize(("last", "value"), [(20, 18), (22.8, 24), (26, 24), (46, 48), (15, 16), (90, 96), (59.4, 60)])
def test_the_last_note_gets_the_nearest_value(last: float, value: int) -> None:
    notes = timed((0, 23.7, 60), (24, 47.6, 62), (48, 71.5, 64), (72, 72 + last, 65))
    assert durations(notes) == [24, 24, 24, value]


def test_a_gap_of_a_sixteenth_between_written_notes_is_a_rest() -> None:
    assert durations(timed((0, 18, 60), (24, 48, 62), (48, 72, 64), (72, 96, 60))) == [18, 24, 24, 24]


# Ornaments and chords ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0.5, 1, 1.7, 2, 2.5])
@pytest.mark.parametrize("begin", [24, 24.3])
def test_an_ornament_on_the_beat_leaves_the_main_note(length: float, begin: float) -> None:
    notes = timed((0, begin, 60), (begin, begin + length, 67), (begin + length, 48, 62), (48, 72, 64))
    result = quantise(notes)
    assert plain(result.notes) == [(0, 24, 60), (24, 48, 62), (48, 72, 64)]
    assert result.n_ornaments == 1


def test_ornaments_before_the_beat_leave_the_main_note() -> None:
    result = quantise(timed((0, 22, 60), (22, 23, 67), (23, 24, 66), (24, 48, 62), (48, 72, 64)))
    assert plain(result.notes) == [(0, 24, 60), (24, 48, 62), (48, 72, 64)]
    assert result.n_ornaments == 2


def test_a_triplet_of_thirty_seconds_is_no_ornament() -> None:
    values = [24, 2, 2, 2, 6, 12, 24]
    assert durations(line(values)) == values


def test_staccato_notes_are_no_ornaments() -> None:
    notes = timed(*((begin, begin + 2, 60) for begin in range(0, 96, 12)))
    result = quantise(notes)
    assert [note.onset for note in result.notes] == [*range(0, 96, 12)]
    assert result.n_ornaments == 0


def test_notes_of_a_chord_begin_together() -> None:
    rolled = timed((0.9, 23, 60), (2.1, 23, 64), (-0.4, 23, 67), (24.8, 47, 62), (23.2, 47, 71), (49.3, 70, 60))
    assert [plain([note])[0][0] for note in quantise(rolled).notes] == [0, 0, 0, 24, 24, 48]


@pytest.mark.parametrize("begin", [24, 30])
def test_a_strummed_chord_begins_with_its_first_note(begin: int) -> None:
    strummed = timed((0, 12, 60), (12, begin, 62), (begin, 60, 60), (begin + 0.5, 60, 64), (begin + 1, 60, 67))
    assert {note.onset for note in quantise([*strummed, *timed((60, 72, 60))]).notes} == {0, 12, begin, 60}


def test_a_quintuplet_is_kept_to_the_tick() -> None:
    values = [24] * 20 + [4.8] * 5 + [24] * 20
    begins = [sum(values[:index]) for index in range(len(values))]
    notes = timed(*((begin, begin + value, 60) for begin, value in zip(begins, values, strict=True)))
    assert durations(notes) == [24] * 20 + [5, 5, 4, 5, 5] + [24] * 20


# Played notes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [[12] * 16, [8] * 24, [6] * 32, [16, 8] * 8, [24, 12, 12] * 4, [12, 12, 8, 8, 8] * 4]
)
def test_one_grid_is_chosen_for_a_beat(values: list[int]) -> None:
    """Twenty milliseconds early or late, and released early."""
    random = Random(0)
    played = [
        TimedNote(note.onset + Fraction(random.uniform(-1, 1)), note.end - Fraction(random.uniform(1, 2)), note.pitch)
        for note in line([24, *values])
    ]
    result = quantise(played)
    assert [int(note.end - note.onset) for note in result.notes] == [24, *values]
    assert result.n_onsets_moved == 0


def test_onsets_that_move_by_more_than_a_tick_are_counted() -> None:
    played = timed((0, 11, 60), (13.3, 22, 60), (23.3, 34, 60), (34.8, 47, 60), (49.2, 70, 60))
    result = quantise(played)
    assert [int(note.onset) for note in result.notes] == [0, 12, 24, 36, 48]
    assert result.n_onsets_moved == 3


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 50), st.integers(0, 127)), max_size=20))
def test_any_notes_are_quantised(notes: list[tuple[float, float, int]]) -> None:
    result = quantise(timed(*((onset, onset + duration, pitch) for onset, duration, pitch in notes)))
    assert len(result.notes) + result.n_ornaments == len(notes)
    assert all(note.end >= note.onset + 2 for note in result.notes)
    assert [note.onset for note in result.notes] == sorted(note.onset for note in result.notes)


def _performed(melody: Melody, random: Random, deviation: float) -> list[TimedNote]:
    """Return a performance of a melody with onsets off by up to ``deviation`` ticks, and notes released early."""
    notes: list[TimedNote] = []
    for pitch, begin, ticks in zip(melody.pitches, melody.onsets, melody.durations, strict=True):
        if pitch != REST:
            onset = TICKS_PER_QUARTER + melody.start + int(begin) + random.uniform(-deviation, deviation)
            end = max(onset + 0.5, onset + int(ticks) * random.uniform(0.8, 1.0))
            notes.append(TimedNote(Fraction(onset), Fraction(end), int(pitch)))
    return notes


@pytest.mark.slow
@pytest.mark.parametrize(("milliseconds", "share"), [(10, 0.975), (30, 0.965)])
def test_most_durations_of_a_performance_are_right(milliseconds: float, share: float) -> None:
    """Reels, jigs and hornpipes with triplets and dotted rhythms at 120 quarter notes a minute."""
    random = Random(0)
    n_right = n_notes = 0
    for file in sorted(RYANS_MAMMOTH.glob("*.abc"))[:60]:
        for tune in read_abc(decode_abc(file.read_bytes()), file_name=file.name):
            if isinstance(tune, WrittenTune):
                melody = tune.melody
                played = quantise(_performed(melody, random, milliseconds * TICKS_PER_MS)).notes
                found = {(int(note.onset), int(note.end), note.pitch) for note in extract_skyline(played)}
                begins = melody.onsets + TICKS_PER_QUARTER + melody.start
                wanted = zip(
                    begins.tolist(), (begins + melody.durations).tolist(), melody.pitches.tolist(), strict=True
                )
                sounding = {note for note in wanted if note[2] != REST}
                n_right += len(found & sounding)
                n_notes += len(sounding)
    assert n_notes > 5_000
    assert n_right / n_notes > share
