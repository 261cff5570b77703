"""Models by counting: their chords and probabilities in tunes that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.counted_chords import ChordsOfNotes, fit_hidden_markov, tonic_chords
from chromasonic.melody_generation.melody import Melody

# C for a bar of E, G7 for a bar of D.
TUNE = Melody(
    [64, 62] * 4, [96] * 8, chords=[Chord(96 * bar, 7 * (bar % 2), ("major", "7")[bar % 2], 0) for bar in range(8)]
)
PLAIN = Melody([64, 64, 62, 64], [96] * 4)


def names(chords: tuple[Chord, ...]) -> list[tuple[int, int, str]]:
    return [(chord.onset, chord.root, chord.quality) for chord in chords]


def test_the_tonic_sounds_from_the_first_bar_on() -> None:
    melody = Melody([69, 72], [24, 96], start=72, tonic=9, mode="dorian")
    assert names(tonic_chords(melody)) == [(24, 9, "minor")]
    assert tonic_chords(Melody([], [])) == ()


@pytest.mark.parametrize("fit", [ChordsOfNotes.fit, fit_hidden_markov])
def test_the_chord_of_notes_is_learned(fit: type) -> None:
    model = fit([TUNE])
    expected = [(0, 0, "major"), (192, 7, "7"), (288, 0, "major")]
    assert names(model.chords(PLAIN)) == expected
    assert names(model.chords(PLAIN.transposed(2))) == [(onset, root + 2, q) for onset, root, q in expected]


def test_bits_of_the_chords_of_notes_follow_from_counts() -> None:
    bits, n_units = ChordsOfNotes.fit([TUNE]).surprisal(TUNE)
    # 8 of 8 units with the same notes have the chord; 2 units of the prior, in which half of the chords are the same.
    expected = (8 + 2 * 8.1 / (16 + 36 * 0.1)) / 10
    assert n_units == 16
    assert np.isclose(bits, -16 * np.log2(expected))


def test_tunes_without_chords_have_no_bits() -> None:
    assert ChordsOfNotes.fit([TUNE]).surprisal(PLAIN) == (0.0, 0)
    assert fit_hidden_markov([TUNE]).surprisal(PLAIN) == (0.0, 0)
