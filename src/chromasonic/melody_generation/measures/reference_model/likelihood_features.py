"""Features of the bits that the reference model needs for a melody, and of what they become when it is altered.

A real tune is likelier as it is than reversed in time, turned upside down, with its bar lines or its tonic moved, or
with its phrases in another order. Each contrast is the bits per note of an altered version less those of the melody:
above 0 if the melody is likelier. What a tune as a whole is like (its key, its style, how hard it is to predict)
cancels out. The principle is that of contrastive estimation (Smith & Eisner 2005) and of the curvature of likelihood
(Mitchell et al., DetectGPT, 2023).

All features are NaN for fewer than two sounding notes. ``pitch_bits`` and the like have the range 0 to about 15, and
contrasts -15 to 15:

| feature | bits |
|---|---|
| ``pitch_bits`` | of the interval to each note, mean |
| ``rhythm_bits`` | of the duration of each note, mean |
| ``surprise_peak`` | of the twentieth of notes with most pitch bits, two at least, mean |
| ``last_note_bits`` | of the interval to the last note |
| ``reversal`` | of pitch: the melody reversed in time |
| ``rhythm_reversal`` | of rhythm: the same |
| ``pitch_reversal`` | of pitch: pitches reversed, on the melody's own rhythm |
| ``inversion`` | of pitch: turned upside down in the scale, about the likeliest of seven steps around its median |
| ``bar_lines`` | of pitch: half a bar later in the bar |
| ``rhythm_bar_lines`` | of rhythm: the same |
| ``beat_lines`` | of pitch: a beat later in the bar |
| ``rotation`` | of pitch: each pitch on the rhythm of the next or the last note, the likelier of both |
| ``mode_shift`` | of pitch: one to three steps of the scale higher or lower, the likeliest of them |
| ``phrase_order`` | of pitch: its phrases of four bars in reverse order |
| ``bar_order``, ``rhythm_bar_order`` | of pitch, of rhythm: its bars in reverse order |
| ``bar_numbers``, ``rhythm_bar_numbers`` | of pitch, of rhythm: bars numbered from 3 instead of 1 |
| ``phrase_numbers``, ``rhythm_phrase_numbers`` | of pitch, of rhythm: bars numbered from 5 instead of 1 |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chromasonic.melody_generation.measures.reference_model.counting_model import CountingModel
from chromasonic.melody_generation.measures.reference_model.note_arrays import (
    ALTERATIONS,
    NoteArrays,
    altered,
)
from chromasonic.melody_generation.melody import FloatArray

_VERSION = {name: index for index, name in enumerate(ALTERATIONS)}
# The altered versions of each contrast, of which the likeliest counts, and whether it is of rhythm.
_CONTRASTS = {
    "reversal": (["reversed"], False),
    "rhythm_reversal": (["reversed"], True),
    "pitch_reversal": (["pitches_reversed"], False),
    "bar_lines": (["half_bar_later"], False),
    "rhythm_bar_lines": (["half_bar_later"], True),
    "beat_lines": (["beat_later"], False),
    "phrase_order": (["phrases_reversed"], False),
    "bar_order": (["bars_reversed"], False),
    "rhythm_bar_order": (["bars_reversed"], True),
    "bar_numbers": (["bars_2_later"], False),
    "rhythm_bar_numbers": (["bars_2_later"], True),
    "phrase_numbers": (["bars_4_later"], False),
    "rhythm_phrase_numbers": (["bars_4_later"], True),
    "rotation": (["rotated_forwards", "rotated_backwards"], False),
    "mode_shift": ([name for name in ALTERATIONS if name.startswith("moved")], False),
    "inversion": ([name for name in ALTERATIONS if name.startswith("inverted")], False),
}
LIKELIHOOD_FEATURES = ("pitch_bits", "rhythm_bits", "surprise_peak", "last_note_bits", *_CONTRASTS)
_PEAK_SHARE, _PEAK_NOTES = 20, 2


def likelihood_features(model: CountingModel, tunes: Sequence[NoteArrays]) -> dict[str, FloatArray]:
    """Return the features of ``LIKELIHOOD_FEATURES`` of each tune, by name, each of shape (number of tunes,)."""
    rows = np.full((len(tunes), len(LIKELIHOOD_FEATURES)), np.nan)
    for index, tune in enumerate(tunes):
        if tune.n_notes > 1:
            rows[index] = _features(model, tune)
    return {name: rows[:, column] for column, name in enumerate(LIKELIHOOD_FEATURES)}


def _features(model: CountingModel, tune: NoteArrays) -> list[float]:
    bits = model.bits(altered(tune))
    own = bits.pitch[0]
    pitch, rhythm = bits.pitch.mean(axis=1), bits.rhythm.mean(axis=1)
    n_peak = min(len(own), max(_PEAK_NOTES, len(own) // _PEAK_SHARE))
    contrasts = []
    for names, of_rhythm in _CONTRASTS.values():
        means = rhythm if of_rhythm else pitch
        contrasts.append(min(means[_VERSION[name]] for name in names) - means[0])
    peak = np.partition(own, len(own) - n_peak)[-n_peak:].mean()
    return [pitch[0], rhythm[0], peak, own[-1], *contrasts]
