"""Harmonising: chords within the melody, alike in every key, and better than simple rules on unknown tunes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies
from tools.fit_chord_model import digest_of, sides

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_model import ChordModel, shipped_chord_model
from chromasonic.melody_generation.harmony.chord_scores import chord_agreement
from chromasonic.melody_generation.harmony.chord_units import chord_units
from chromasonic.melody_generation.harmony.counted_chords import ChordsOfNotes, tonic_chords
from chromasonic.melody_generation.harmony.harmonise import harmonise
from chromasonic.melody_generation.io.read_abc import read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.io.write_abc import to_abc
from chromasonic.melody_generation.melody import REST, Melody, Metre


@given(formed_melodies())
def test_chords_begin_with_units_and_change(melody: Melody) -> None:
    made = harmonise(melody)
    assert replace(made, chords=()) == replace(melody, chords=())
    onsets = [chord.onset for chord in made.chords]
    assert set(onsets) <= set(chord_units(melody).begins.tolist())
    assert all(onset < melody.ticks for onset in onsets)
    assert bool(onsets) == bool((melody.pitches != REST).any())
    units = chord_units(melody)
    begin_part = {int(begin) for begin, left in zip(units.begins[1:], units.units_left, strict=False) if left == 0}
    for before, after in pairwise(made.chords):
        assert (before.root, before.quality) != (after.root, after.quality) or after.onset in begin_part
    assert not onsets or begin_part <= set(onsets)
    assert harmonise(made) == made


@given(formed_melodies(), st.integers(1, 11))
def test_a_transposed_melody_gets_the_transposed_chords(melody: Melody, semitones: int) -> None:
    semitones = semitones if melody.pitches.max() < 100 else -semitones
    expected = tuple(chord.transposed(semitones) for chord in harmonise(melody).chords)
    assert harmonise(melody.transposed(semitones)).chords == expected


def test_melodies_without_a_sounding_note_get_no_chord() -> None:
    assert harmonise(Melody([], [])).chords == ()
    assert harmonise(Melody([REST, REST], [96, 96])).chords == ()


def test_rests_and_free_metre_are_harmonised() -> None:
    melody = Melody([REST, 67, REST, 71, 74, REST, 67], [96, 48, 96, 48, 48, 96, 96], metre=Metre(0, 4), tonic=7)
    assert harmonise(melody).chords[0].root == 7


@pytest.mark.parametrize(
    ("tonic", "mode", "name"), [(9, "major", '"E7"'), (10, "major", '"F7"'), (6, "major", '"C#7"')]
)
def test_chords_are_spelled_in_the_key(tonic: int, mode: str, name: str) -> None:
    steps = [0, 4, 7, 4, 2, -1, 2, 5, 0]
    melody = Melody([60 + tonic + step for step in steps], [24] * 8 + [96], tonic=tonic, mode=mode)
    text = to_abc(harmonise(melody), 120)
    assert name in text
    [read] = read_abc(text, file_name="t.abc", corpus="unknown")
    assert isinstance(read, WrittenTune)
    assert read.melody.chords == harmonise(melody).chords


def test_long_melodies_take_less_than_seconds() -> None:
    rng = np.random.default_rng(0)
    melody = Melody(rng.integers(60, 80, 12_000), np.full(12_000, 12))
    begin = time.process_time()
    assert harmonise(melody).chords
    assert time.process_time() - begin < 10  # a fifth of a second on one core


@pytest.mark.usefixtures("nottingham_directory")
def test_held_out_tunes_are_harmonised_better_than_by_simple_rules() -> None:
    tunes = sides()
    model = shipped_chord_model()
    assert digest_of(tunes["validation"] + tunes["test"]) in model.note
    of_notes = ChordsOfNotes.fit(tunes["train"])

    def share(chords: Callable[[Melody], Sequence[Chord]], name: str) -> float:
        agreements = [chord_agreement(melody, chords(melody)) for melody in tunes["test"]]
        shared: int = sum(getattr(each, name) for each in agreements)
        return shared / sum(each.ticks for each in agreements)

    def bits(surprisal: Callable[[Melody], tuple[float, int]]) -> float:
        pairs = [surprisal(melody) for melody in tunes["test"]]
        return sum(each for each, _ in pairs) / sum(n_units for _, n_units in pairs)

    for name in ("same_root", "same_chord"):
        of_model = share(model.chords, name)
        assert of_model > share(of_notes.chords, name) + 0.05
        assert of_model > share(tonic_chords, name) + 0.05
    assert bits(model.surprisal) < bits(of_notes.surprisal) - 0.5


def test_the_file_of_the_package_names_its_source_and_is_small() -> None:
    model = shipped_chord_model()
    [source] = model.sources
    assert ("Nottingham" in source.title, "GPL-3.0" in source.licence) == (True, True)
    again = ChordModel.from_values(model.to_values())
    np.testing.assert_array_equal(again.weights, model.weights)


def test_other_versions_and_wrong_weights_are_refused() -> None:
    values = shipped_chord_model().to_values()
    with pytest.raises(ValueError, match="version 1, got 2"):
        ChordModel.from_values(values | {"version": 2})
    with pytest.raises(ValueError, match="shapes"):
        ChordModel.from_values(values | {"weights": values["weights"][1:]})
    with pytest.raises(ValueError, match="finite"):
        ChordModel(shipped_chord_model().weights * np.nan, shipped_chord_model().transitions)
