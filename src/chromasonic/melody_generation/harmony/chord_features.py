"""Labels and features of the units of harmony: chords and notes relative to the key.

A label is a root of 12, in semitones above the home of the key, and a quality of three: S = 36 labels. The home is the
tonic in modes with a major third, and the tonic of the relative major in the others (C in A minor), so that rarer minor
tunes share what is learned of chords and scales. All else that depends on the key is left out, so that a transposed
melody gets the transposed chords.
"""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_units import ChordUnits
from chromasonic.melody_generation.melody import REST, FloatArray, IntArray, Melody

LABEL_QUALITIES = ("major", "minor", "7")
# Other qualities are taken for the one with the same third, and for a seventh chord if they have a minor seventh above
# a major third; chords without a third count as major.
QUALITY_LABELS = {
    **dict.fromkeys(("major", "maj7", "6", "aug", "sus2", "sus4", "5"), 0),
    **dict.fromkeys(("minor", "m7", "m6", "m7b5", "dim", "dim7"), 1),
    **dict.fromkeys(("7", "aug7", "7sus4"), 2),
}
N_LABELS = 12 * len(LABEL_QUALITIES)
UNLABELLED = -1

_MINOR_MODES = frozenset({"minor", "dorian", "phrygian", "locrian"})
_PHRASE_BARS = 8
_N_BEFORE_END = 6
# Blocks of 12 features, one for each degree: the shares of the unit's halves in which it sounds, its first and last
# note, the shares of the units before and after, and the first note of the unit after.
N_DEGREE_BLOCKS = 7
N_DEGREE_FEATURES = 12 * N_DEGREE_BLOCKS
N_FEATURES = N_DEGREE_FEATURES + 1 + 2 * _PHRASE_BARS + _N_BEFORE_END + 4
# Kinds of transitions to a unit: within a bar, to a bar, to a phrase of four bars, and to the last unit of a part.
WITHIN_BAR, TO_BAR, TO_PHRASE, TO_END = range(4)
N_TRANSITIONS = 4


def is_minor(melody: Melody) -> bool:
    """Return whether the mode of a melody has a minor third."""
    return melody.mode in _MINOR_MODES


def home_of(melody: Melody) -> int:
    """Return the pitch class from which the roots of labels are counted.

    Example:
        >>> home_of(Melody([69], [24], tonic=9, mode="minor")), home_of(Melody([69], [24], tonic=9))
        (0, 9)
    """
    return (melody.tonic + 3) % 12 if is_minor(melody) else melody.tonic


def label_of(chord: Chord, home: int) -> int:
    """Return the label of a chord.

    Example:
        >>> label_of(Chord(0, 9, "m7", 9), home=7), label_of(Chord(0, 7, "major", 11), home=7)
        (7, 0)
    """
    return (chord.root - home) % 12 * len(LABEL_QUALITIES) + QUALITY_LABELS[chord.quality]


def chord_of(label: int, home: int, onset: int) -> Chord:
    """Return the chord of a label, in root position."""
    root = (label // len(LABEL_QUALITIES) + home) % 12
    return Chord(onset, root, LABEL_QUALITIES[label % len(LABEL_QUALITIES)], root)


def chords_of_labels(labels: IntArray, units: ChordUnits, home: int) -> tuple[Chord, ...]:
    """Return a chord for each unit whose label (U,) is not that of the unit before, and after the end of each part.

    A player who repeats a part, or goes on to a second ending, comes from elsewhere than from the unit before.
    """
    is_written = np.diff(labels, prepend=UNLABELLED) != 0
    is_written[1:] |= units.units_left[:-1] == 0
    written = np.flatnonzero(is_written).tolist()
    return tuple(chord_of(int(labels[unit]), home, int(units.begins[unit])) for unit in written)


def unit_labels(melody: Melody, units: ChordUnits) -> IntArray:
    """Return the label of the written chord that sounds longest in each unit, ``UNLABELLED`` before the first, (U,)."""
    labels = np.full(len(units), UNLABELLED, dtype=np.int64)
    onsets = np.array([chord.onset for chord in melody.chords], dtype=np.int64)
    ends = np.append(onsets[1:], melody.ticks)
    first = np.searchsorted(ends, units.begins, side="right")  # (U,), of the chords that sound in a unit
    last = np.searchsorted(onsets, units.ends, side="left")
    home = home_of(melody)
    for unit in np.flatnonzero(first < last).tolist():
        some = slice(int(first[unit]), int(last[unit]))
        overlaps = np.minimum(ends[some], units.ends[unit]) - np.maximum(onsets[some], units.begins[unit])
        labels[unit] = label_of(melody.chords[some.start + int(overlaps.argmax())], home)
    return labels


def unit_features(melody: Melody, units: ChordUnits) -> FloatArray:
    """Return the features of each unit, shape (U, N_FEATURES)."""
    n_units = len(units)
    if not n_units:
        return np.zeros((0, N_FEATURES))
    middles = (units.begins + units.ends) / 2
    halves = [_sounding_shares(melody, units.begins, middles), _sounding_shares(melody, middles, units.ends)]
    whole = (halves[0] + halves[1]) / 2
    first, last = _first_and_last(melody, units)
    before, after, first_after = (np.zeros((n_units, 12)) for _ in range(3))
    before[1:], after[:-1], first_after[:-1] = whole[:-1], whole[1:], first[1:]
    phase = units.bars % _PHRASE_BARS * 2 + (units.positions > 0)
    is_minor_mode = np.full((n_units, 1), float(is_minor(melody)))
    begins_tune = np.zeros((n_units, 1))
    begins_tune[0] = 1
    ends_tune = np.zeros((n_units, 2))
    ends_tune[-1, 0], ends_tune[-2:-1, 1] = 1, 1
    return np.hstack(
        [
            *(*halves, first, last, before, after, first_after),
            np.ones((n_units, 1)),
            np.eye(2 * _PHRASE_BARS)[phase],
            np.eye(_N_BEFORE_END + 1)[np.minimum(units.units_left, _N_BEFORE_END), :_N_BEFORE_END],
            *(is_minor_mode, begins_tune, ends_tune),
        ]
    )


def transition_kinds(units: ChordUnits) -> IntArray:
    """Return the kind of the transition to each unit, shape (U,)."""
    begins_bar = units.positions == 0
    kinds = np.where(begins_bar, np.where(units.bars % 4 == 0, TO_PHRASE, TO_BAR), WITHIN_BAR)
    return np.where(units.units_left == 0, TO_END, kinds).astype(np.int64)


def sounding_degrees(melody: Melody, units: ChordUnits) -> FloatArray:
    """Return the share of each unit in which each degree sounds, in semitones above the home, shape (U, 12)."""
    return _sounding_shares(melody, units.begins, units.ends)


def _sounding_shares(melody: Melody, begins: FloatArray | IntArray, ends: FloatArray | IntArray) -> FloatArray:
    """Return the share of each span of ticks in which each degree sounds, shape (number of spans, 12)."""
    ticks = np.zeros((len(melody) + 1, 12))  # for which each degree has sounded at each onset and at the end
    notes = np.flatnonzero(melody.pitches != REST)
    ticks[notes + 1, (melody.pitches[notes] - home_of(melody)) % 12] = melody.durations[notes]
    ticks = ticks.cumsum(axis=0)
    onsets = np.append(melody.onsets, melody.ticks)
    spans = [np.interp(ends, onsets, ticks[:, d]) - np.interp(begins, onsets, ticks[:, d]) for d in range(12)]
    return np.asarray(np.stack(spans, axis=1) / (ends - begins)[:, None], dtype=np.float64)


def _first_and_last(melody: Melody, units: ChordUnits) -> tuple[FloatArray, FloatArray]:
    """Return the degrees of the first and of the last note that sounds in each unit, as ones, shape (U, 12) each."""
    sounding = np.flatnonzero(melody.pitches != REST)
    degrees = (melody.pitches[sounding] - home_of(melody)) % 12
    onsets = melody.onsets[sounding]
    first = np.searchsorted(onsets + melody.durations[sounding], units.begins, side="right")
    last = np.searchsorted(onsets, units.ends, side="left") - 1
    filled = np.flatnonzero(first <= last)
    ones = [np.zeros((len(units), 12)), np.zeros((len(units), 12))]
    for block, notes in zip(ones, (first, last), strict=True):
        block[filled, degrees[notes[filled]]] = 1
    return ones[0], ones[1]
