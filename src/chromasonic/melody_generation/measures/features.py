"""The table of features by which melodies are scored, and their groups.

A feature is not a score. A constant note stays in its scale, a random walk on the scale moves by step
more than any tune, and random pitches are the most varied. A value is good only in comparison with real tunes
(:mod:`~chromasonic.melody_generation.measures.calibration`), and a feature can be too high as well as too low.

The docstring of each function defines its feature: intervals in ``melodic_intervals``, the key in ``tonality``, bars
and form in ``structure``. Features without a function need more than the melody: those of likelihood and of endings
need counts of the training tunes (``reference_model.likelihood_features``, ``structure.endings``), ``novelty`` the
training tunes, ``distinctness`` the set to which the melody belongs.

Features belong to aspects, and aspects to groups. An aspect is what the features of a melody say together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.measures.melodic_intervals import (
    distinct_bigrams,
    interval_recurrence,
    longest_repeat,
    mean_interval,
    pitch_range,
    step_share,
)
from chromasonic.melody_generation.measures.structure import bars, contour, lines, returns
from chromasonic.melody_generation.measures.tonality import (
    ends_on_tonic,
    key_correlation,
    pitch_class_entropy,
    scale_consistency,
)
from chromasonic.melody_generation.melody import FloatArray, Melody


@dataclass(frozen=True)
class Feature:
    """A feature of melodies.

    Attributes:
        name: Name of its function.
        label: Label in charts and tables.
        unit: Unit of its value; empty for a fraction.
        more_is_fine: Whether only low values lower the score of the feature; otherwise high values do as well.
        function: Computes it from a melody; None if it needs more than the melody.
    """

    name: str
    label: str
    unit: str = ""
    more_is_fine: bool = False
    function: Callable[[Melody], float] | None = None


_BITS = "bits"
_SEMITONES = "semitones"
FEATURES = {
    feature.name: feature
    for feature in (
        Feature("step_share", "steps among moves", function=step_share),
        Feature("mean_interval", "mean interval", _SEMITONES, function=mean_interval),
        Feature("large_leaps", "leaps of nine semitones or more", function=lines.large_leaps),
        Feature("pitch_range", "range", _SEMITONES, function=pitch_range),
        Feature("distinct_bigrams", "distinct pairs of intervals", function=distinct_bigrams),
        Feature("pitch_bits", "surprise of pitches", _BITS),
        Feature("surprise_peak", "surprise of the least expected notes", _BITS),
        Feature("scale_consistency", "notes in one scale", more_is_fine=True, function=scale_consistency),
        Feature("foreign_notes", "notes outside the tune's scale", function=lines.foreign_notes),
        Feature("key_correlation", "fit to the key's profile", more_is_fine=True, function=key_correlation),
        Feature("pitch_class_entropy", "spread over pitch classes", _BITS, function=pitch_class_entropy),
        Feature("stable_time", "long notes in the tonic triad", function=lines.stable_time),
        Feature("mode_shift", "likelier than in another mode", _BITS),
        Feature("inversion", "likelier than upside down", _BITS),
        Feature("rhythm_bits", "surprise of rhythm", _BITS),
        Feature("reversal", "likelier than backwards", _BITS),
        Feature("rhythm_reversal", "rhythm likelier than backwards", _BITS),
        Feature("pitch_reversal", "likelier than with pitches backwards", _BITS),
        Feature("bar_lines", "likelier than half a bar later", _BITS),
        Feature("rhythm_bar_lines", "rhythm likelier than half a bar later", _BITS),
        Feature("beat_lines", "likelier than a beat later", _BITS),
        Feature("rotation", "likelier than on the next note's rhythm", _BITS),
        Feature("leaps_on_beats", "leaps to strong beats", _SEMITONES, function=lines.leaps_on_beats),
        Feature("motif_rhythm", "motifs that come back in their rhythm", function=lines.motif_rhythm),
        Feature("onset_agreement", "rhythm shared by neighbouring bars", function=bars.onset_agreement),
        Feature("whole_bars", "a whole number of bars", more_is_fine=True, function=returns.whole_bars),
        Feature("bar_count", "surprise of the number of bars", _BITS),
        Feature("squareness", "returns after 4 and 8 bars", function=returns.squareness),
        Feature("rhythm_squareness", "rhythm returns after 4 and 8 bars", function=returns.rhythm_squareness),
        Feature("return_after_4", "bars like those 4 before", function=returns.return_after_4),
        Feature("return_after_8", "bars like those 8 before", function=returns.return_after_8),
        Feature("rhythm_after_4", "rhythm like that 4 bars before", function=returns.rhythm_after_4),
        Feature("rhythm_after_8", "rhythm like that 8 bars before", function=returns.rhythm_after_8),
        Feature("bar_5_like_1", "bar 5 like bar 1", function=returns.bar_5_like_1),
        Feature("bar_9_like_1", "bar 9 like bar 1", function=returns.bar_9_like_1),
        Feature("like_beginnings", "two phrases begin alike", function=returns.like_beginnings),
        Feature("mean_beginnings", "phrases begin alike", function=returns.mean_beginnings),
        Feature("like_endings", "two phrases end alike", function=returns.like_endings),
        Feature("like_parts", "parts end alike", function=returns.like_parts),
        Feature("phrase_order", "likelier than with phrases in reverse order", _BITS),
        Feature("bar_order", "likelier than with bars in reverse order", _BITS),
        Feature("rhythm_bar_order", "rhythm likelier than with bars in reverse order", _BITS),
        Feature("bar_numbers", "likelier than if it began with bar 3", _BITS),
        Feature("rhythm_bar_numbers", "rhythm likelier than if it began with bar 3", _BITS),
        Feature("phrase_numbers", "likelier than if it began with bar 5", _BITS),
        Feature("rhythm_phrase_numbers", "rhythm likelier than if it began with bar 5", _BITS),
        Feature("interval_recurrence", "4-grams of intervals that come back", function=interval_recurrence),
        Feature("longest_repeat", "longest run that comes back", function=longest_repeat),
        Feature("bar_repetition", "bars that repeat an earlier one", function=bars.bar_repetition),
        Feature("phrase_agreement", "notes as a phrase before", function=bars.phrase_agreement),
        Feature("compressed_size", "compressed size", "bytes per note", function=bars.compressed_size),
        Feature("ends_on_tonic", "ends on the tonic", more_is_fine=True, function=ends_on_tonic),
        Feature("last_note_bits", "surprise of the last interval", _BITS),
        Feature("final_note", "surprise of the last note", _BITS),
        Feature("final_degree", "surprise of the last degree", _BITS),
        Feature("final_height", "surprise of the last height", _BITS),
        Feature("opening", "surprise of the opening", _BITS),
        Feature("half_close", "surprise of bars 4, 12, ...", _BITS),
        Feature("full_close", "surprise of bars 8, 16, ...", _BITS),
        Feature("phrase_end_notes", "more notes at phrase ends", "notes", function=lines.phrase_end_notes),
        Feature("part_end_notes", "more notes at part ends", "notes", function=lines.part_end_notes),
        Feature("last_bar_notes", "more notes in the last bar", "notes", function=lines.last_bar_notes),
        Feature("climax_position", "position of the highest note", function=contour.climax_position),
        Feature("highest_above_last", "highest note above the last", _SEMITONES, function=contour.highest_above_last),
        Feature("lowest_above_last", "lowest note above the last", _SEMITONES, function=contour.lowest_above_last),
        Feature("phrase_arch", "arch of phrases", _SEMITONES, function=contour.phrase_arch),
        Feature("tune_arch", "arch of the tune", _SEMITONES, function=contour.tune_arch),
        Feature("tune_slope", "rise from begin to end", _SEMITONES, function=contour.tune_slope),
        Feature("half_rise", "second half higher", _SEMITONES, function=contour.half_rise),
        Feature(
            "half_high_rise", "highest note of the second half higher", _SEMITONES, function=contour.half_high_rise
        ),
        Feature("half_low_rise", "lowest note of the second half higher", _SEMITONES, function=contour.half_low_rise),
        Feature("half_density", "second half has more notes", "notes a bar", function=contour.half_density),
        Feature("half_durations", "halves differ in durations", function=contour.half_durations),
        Feature("half_motifs", "motifs of the second half in the first", function=contour.half_motifs),
        Feature("novelty", "8-grams of intervals unseen in training", more_is_fine=True),
        Feature("distinctness", "8-grams of intervals no other tune of the set has", more_is_fine=True),
    )
}

ASPECTS = {
    "line": (
        *("step_share", "mean_interval", "large_leaps", "pitch_range", "distinct_bigrams", "pitch_bits"),
        "surprise_peak",
    ),
    "direction": (
        *("rhythm_bits", "reversal", "rhythm_reversal", "pitch_reversal", "bar_lines", "rhythm_bar_lines"),
        *("beat_lines", "rotation", "leaps_on_beats", "stable_time", "motif_rhythm"),
        "onset_agreement",
    ),
    "order": (
        *("squareness", "rhythm_squareness", "return_after_4", "return_after_8", "bar_5_like_1", "like_beginnings"),
        *("like_endings", "like_parts", "phrase_order", "bar_order", "rhythm_bar_order", "bar_numbers"),
        *("rhythm_bar_numbers", "phrase_numbers", "rhythm_phrase_numbers"),
    ),
    "key": ("scale_consistency", "foreign_notes", "key_correlation", "mode_shift", "inversion"),
    "form": (
        *("rhythm_after_4", "rhythm_after_8", "bar_9_like_1", "mean_beginnings", "interval_recurrence"),
        *("longest_repeat", "bar_repetition", "phrase_agreement", "compressed_size"),
    ),
    "length": ("whole_bars", "bar_count"),
    "closes": (*("opening", "half_close", "full_close", "phrase_end_notes", "part_end_notes", "last_bar_notes"),),
    "final": ("last_note_bits", "final_note", "final_degree", "final_height", "ends_on_tonic"),
    "shape": (
        *("climax_position", "highest_above_last", "lowest_above_last", "phrase_arch", "tune_arch", "tune_slope"),
        *("half_rise", "half_high_rise", "half_low_rise", "half_density", "half_durations", "half_motifs"),
    ),
    "variety": ("distinct_bigrams", "pitch_class_entropy", "interval_recurrence", "bar_repetition"),
}
ASPECTS["whole"] = tuple(dict.fromkeys(name for names in ASPECTS.values() for name in names))
# Novelty and distinctness are aspects of one feature each; they are left out where they are not known.
OF_A_SET = ("novelty", "distinctness")
OF_A_MELODY = tuple(name for name in FEATURES if name not in OF_A_SET)
GROUPS = {
    "coherence": ("line", "direction", "order"),
    "musicality": ("key", "form", "length", "closes", "final", "shape"),
    "diversity": ("variety", *OF_A_SET),
}


def measure_features(melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    """Return the features that need only the melody, by name, each of shape (number of melodies,).

    The value is NaN where a feature is not defined.

    Example:
        >>> measure_features([Melody([60, 62, 67], [24] * 3)])["step_share"].tolist()
        [0.5]
    """
    functions = [(name, feature.function) for name, feature in FEATURES.items() if feature.function is not None]
    rows = [[function(melody) for _, function in functions] for melody in melodies]  # a melody's bars are kept
    values = np.array(rows, dtype=np.float64).reshape(len(melodies), len(functions))
    return {name: values[:, column] for column, (name, _) in enumerate(functions)}
