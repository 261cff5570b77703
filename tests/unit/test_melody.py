from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.melody import MODES, REST, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES


def count_by_ticks(melody: Melody) -> tuple[list[int], list[int], list[Metre]]:
    """Return positions, bar lines and metres, counted tick by tick."""
    departs = {departure.note: departure for departure in melody.departures}
    metre, position, time = melody.metre, melody.start, 0
    positions, bar_lines, metres = [], [], []
    for note, ticks in enumerate(melody.durations.tolist()):
        if note in departs:
            metre, position = departs[note].metre or metre, 0
        positions.append(position)
        metres.append(metre)
        for _ in range(ticks):
            if position == 0:
                bar_lines.append(time)
            time += 1
            position = (position + 1) % metre.bar_ticks
    return positions, bar_lines, metres


@given(melodies())
def test_positions_and_bar_lines_agree_with_a_count_tick_by_tick(melody: Melody) -> None:
    positions, bar_lines, metres = count_by_ticks(melody)
    assert melody.positions.tolist() == positions
    assert melody.bar_lines.tolist() == bar_lines
    assert [segment.metre for segment in melody.segments for _ in range(segment.begin, segment.end)] == metres


@given(melodies())
def test_onsets_and_ticks_are_sums_of_durations(melody: Melody) -> None:
    assert melody.onsets.tolist() == [sum(melody.durations[:n].tolist()) for n in range(len(melody))]
    assert melody.ticks == sum(melody.durations.tolist())


@given(melodies(min_notes=1), st.data())
def test_a_window_keeps_its_positions_bar_lines_and_labels(melody: Melody, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(melody) - 1))
    end = data.draw(st.integers(begin + 1, len(melody)))
    window = melody.window(begin, end)
    assert window.pitches.tolist() == melody.pitches[begin:end].tolist()
    assert window.durations.tolist() == melody.durations[begin:end].tolist()
    assert window.positions.tolist() == melody.positions[begin:end].tolist()
    assert count_by_ticks(window)[2] == count_by_ticks(melody)[2][begin:end]
    first = int(melody.onsets[begin])
    inside = (melody.bar_lines >= first) & (melody.bar_lines < first + window.ticks)
    assert window.bar_lines.tolist() == (melody.bar_lines[inside] - first).tolist()
    labels = ("tonic", "mode", "title", "source", "corpus")
    assert [getattr(window, name) for name in labels] == [getattr(melody, name) for name in labels]


@pytest.mark.slow
@given(melodies(min_notes=1), st.data())
def test_a_window_of_a_window_is_a_window(melody: Melody, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(melody)), min_size=4, max_size=4)))
    begin, inner_begin, inner_end, end = cuts
    assume(inner_begin < inner_end)
    window = melody.window(begin, end)
    assert window.window(inner_begin - begin, inner_end - begin) == melody.window(inner_begin, inner_end)


@given(melodies(min_notes=1))
def test_the_window_of_all_notes_is_the_melody(melody: Melody) -> None:
    assert melody.window(0, len(melody)) == melody


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (1, 1), (2, 1), (-1, 2), (0, 4)])
def test_windows_outside_a_melody_raise_an_error(begin: int, end: int) -> None:
    with pytest.raises(ValueError, match=f"window {begin}:{end} is not within a melody of 3 notes"):
        Melody([60, 62, 64], [24] * 3).window(begin, end)


@given(melodies(), st.integers(-24, 24))
def test_transposing_up_and_down_restores_the_melody(melody: Melody, semitones: int) -> None:
    transposed = melody.transposed(semitones)
    assert transposed.transposed(-semitones) == melody
    sounding = melody.pitches != REST
    assert (transposed.pitches[sounding] - melody.pitches[sounding] == semitones).all()
    assert (transposed.pitches[~sounding] == REST).all()
    assert transposed.tonic == (melody.tonic + semitones) % 12
    assert transposed.positions.tolist() == melody.positions.tolist()


@given(melodies())
def test_equal_melodies_have_equal_hashes(melody: Melody) -> None:
    same = replace(melody, pitches=melody.pitches.copy())
    assert same == melody
    assert hash(same) == hash(melody)
    assert len({melody, same}) == 1


@given(melodies(), melodies())
def test_melodies_that_differ_in_a_field_are_not_equal(first: Melody, second: Melody) -> None:
    fields = ("metre", "start", "departures", "tonic", "mode", "title", "source", "corpus")
    same = all(getattr(first, name) == getattr(second, name) for name in fields)
    same &= first.pitches.tolist() == second.pitches.tolist()
    same &= first.durations.tolist() == second.durations.tolist()
    assert (first == second) == same
    assert first != "a melody"


def test_a_melody_is_immutable_and_copies_its_arrays() -> None:
    pitches = np.array([60, 62])
    melody = Melody(pitches, [24, 24])
    pitches[0] = 0
    assert melody.pitches.tolist() == [60, 62]
    with pytest.raises(ValueError, match="read-only"):
        melody.durations[0] = 1
    with pytest.raises(AttributeError):
        melody.tonic = 3  # type: ignore[misc]


def test_the_empty_melody_is_defined() -> None:
    empty = Melody([], [])
    assert (len(empty), empty.ticks) == (0, 0)
    assert empty.positions.tolist() == empty.bar_lines.tolist() == empty.onsets.tolist() == []
    assert empty.transposed(3).tonic == 3


def test_in_free_metre_only_departures_are_bar_lines() -> None:
    free = Melody([60] * 4, [1000] * 4, metre=Metre(0, 4), departures=[Departure(2)])
    assert free.bar_lines.tolist() == [0, 2000]
    assert free.positions.tolist() == [0, 1000, 0, 1000]


FOUR: dict[str, Any] = {"pitches": [60, 62, REST, 64], "durations": [24] * 4}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"durations": [24] * 3}, "4 pitches but 3 durations"),
        ({"pitches": [60, 62, -2, 64]}, "MIDI numbers 0 to 127, or -1"),
        ({"pitches": [60, 62, 64, 128]}, "MIDI numbers 0 to 127, or -1"),
        ({"durations": [24, 24, 0, 24]}, "durations are 1 to"),
        ({"durations": [24, 24, 2**41, 24]}, "durations are 1 to"),
        ({"durations": [24, 24, 2**64, 24]}, "more than 64 bits"),
        ({"start": 96}, "start 96 is not within a bar of 4/4"),
        ({"start": -1}, "start -1 is not within a bar of 4/4"),
        ({"tonic": 12}, "pitch class 0 to 11, got 12"),
        ({"tonic": -1}, "pitch class 0 to 11, got -1"),
        ({"mode": "blues"}, r"mode is one of major, .*got 'blues'"),
        ({"departures": [Departure(0)]}, r"rise within 1 to 3: Departure\(note=0"),
        ({"departures": [Departure(4)]}, r"rise within 1 to 3: Departure\(note=4"),
        ({"departures": [Departure(2), Departure(1)]}, r"rise within 1 to 3: Departure\(note=1"),
        ({"departures": [Departure(2), Departure(2)]}, r"rise within 1 to 3: Departure\(note=2"),
        ({"metre": Metre(2, 4), "departures": [Departure(2)]}, "before note 2 is already counted"),
        ({"departures": [Departure(1), Departure(3, Metre(4, 4))]}, "before note 3 is 4/4 already"),
    ],
)
def test_invalid_values_raise_an_error(change: dict[str, Any], message: str) -> None:
    Melody(**FOUR)
    with pytest.raises(ValueError, match=message):
        Melody(**(FOUR | change))


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_parsing_a_metre_inverts_str(metre: Metre) -> None:
    assert Metre.parse(str(metre)) == metre


def test_common_and_cut_time_are_parsed() -> None:
    assert Metre.parse(" C ") == Metre(4, 4)
    assert Metre.parse("C|") == Metre(2, 2)
    assert Metre.parse("6/8").bar_ticks == Metre.parse("3/4").bar_ticks == 72
    assert Metre.parse("3/4") != Metre.parse("6/8")


@pytest.mark.parametrize("text", ["", "6", "6/", "6/8/", "-6/8", "0/4", "six/eight", "2+3/8"])
def test_text_that_is_no_metre_raises_an_error_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="a metre is written like 6/8") as caught:
        Metre.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(("beats", "unit"), [(-1, 4), (4, 0), (4, -4), (4, 5), (4, 64)])
def test_invalid_metres_raise_an_error(beats: int, unit: int) -> None:
    with pytest.raises(ValueError, match=f"got {beats}/{unit}"):
        Metre(beats, unit)


@given(st.sampled_from(METRES), st.integers(0, 400), st.sampled_from(MODES))
def test_start_must_lie_within_the_bar(metre: Metre, start: int, mode: str) -> None:
    if start < metre.bar_ticks:
        assert Melody([60], [1], metre, start, mode=mode).positions.tolist() == [start]
    else:
        with pytest.raises(ValueError, match=f"not within a bar of {metre}"):
            Melody([60], [1], metre, start, mode=mode)


@given(formed_melodies(), st.data())
def test_a_window_has_the_form_and_the_chords_of_its_notes(melody: Melody, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(melody) - 1))
    end = data.draw(st.integers(begin + 1, len(melody)))
    window = melody.window(begin, end)
    assert [mark.sign for mark in window.form] == [mark.sign for mark in melody.form if begin <= mark.note <= end]
    first = int(melody.onsets[begin])
    for time in range(window.ticks):
        assert sounding_chord(window, time) == sounding_chord(melody, first + time)
    assert window.kind == melody.kind


def sounding_chord(melody: Melody, time: int) -> tuple[int, str, int] | None:
    """Return root, quality and bass of the chord in force at a time."""
    before = [chord for chord in melody.chords if chord.onset <= time]
    return (before[-1].root, before[-1].quality, before[-1].bass) if before else None


@given(formed_melodies(), st.integers(-3, 3))
def test_chords_are_transposed_with_the_notes(melody: Melody, semitones: int) -> None:
    assume(melody.pitches.max() <= 124 and (melody.pitches[melody.pitches != REST] >= 3).all())
    transposed = melody.transposed(semitones)
    assert [chord.root for chord in transposed.chords] == [(chord.root + semitones) % 12 for chord in melody.chords]
    assert len(transposed.spelling) == (len(melody.spelling) if semitones == 0 else 0)


@pytest.mark.parametrize(
    "values",
    [
        {"form": [FormMark(-1, FormSign.SECTION)]},
        {"form": [FormMark(1, FormSign.SECTION), FormMark(0, FormSign.SECTION)]},
        {"chords": [Chord(1, 0, "7", 0), Chord(1, 2, "7", 2)]},
        {"kind": "fugue"},
    ],
)
def test_a_form_in_disorder_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Melody([60, 62], [24, 24], **values)


def test_form_of_other_notes_is_left_out() -> None:
    form = [FormMark(1, FormSign.SECTION), FormMark(2, FormSign.REPEAT_END)]
    chords = [Chord(0, 0, "7", 0), Chord(24, 0, "6", 0)]
    melody = Melody([60, 62], [24, 24], form=form, chords=chords, spelling=[0, 2])
    backwards = replace(melody, pitches=melody.pitches[::-1])
    assert (backwards.form, backwards.chords, backwards.spelling.tolist()) == (melody.form, melody.chords, [])
    shorter = replace(melody, pitches=melody.pitches[:1], durations=melody.durations[:1])
    assert (shorter.form, shorter.chords, shorter.spelling.tolist()) == (tuple(form[:1]), tuple(chords[:1]), [])
    for spelling in ([0], [0, 1], [0, 2 + 12 * 8]):
        assert Melody([60, 62], [24, 24], spelling=spelling).spelling.tolist() == []
