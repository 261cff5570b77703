"""The features that melodies are judged by: a closed table, and how they group.

What a feature is, and its range, stands with its function: the line in ``intervals``, the key in ``tonality``,
the bars in ``bars``. None of them is a score. A constant note keeps to its scale, a random walk on the scale moves
by step more than any tune, and random pitches are the most varied, so each feature says how good a melody is
only beside what real tunes have (:mod:`~chromasonic.melody_generation.measures.calibration`), and most have too
much as well as too little.

Three features need more than the melody: ``degree_likelihood`` the transitions that training tunes have,
``novelty`` the training tunes, ``distinctness`` the set that the melody belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.measures.bars import (
    bar_repetition,
    compressed_size,
    onset_agreement,
    phrase_agreement,
)
from chromasonic.melody_generation.measures.melodic_intervals import (
    distinct_bigrams,
    interval_recurrence,
    longest_repeat,
    mean_interval,
    pitch_range,
    step_share,
)
from chromasonic.melody_generation.measures.tonality import (
    ends_on_tonic,
    key_correlation,
    pitch_class_entropy,
    scale_consistency,
)
from chromasonic.melody_generation.melody import FloatArray, Melody


@dataclass(frozen=True)
class Feature:
    """One number that a melody has.

    Attributes:
        name: The function's name.
        label: What a chart or a table calls it.
        unit: Of its value; empty for a share.
        more_is_fine: Whether only too little counts against a melody; else too much does as well.
        function: From a melody alone; None where it needs more.
    """

    name: str
    label: str
    unit: str = ""
    more_is_fine: bool = False
    function: Callable[[Melody], float] | None = None


FEATURES = {
    feature.name: feature
    for feature in (
        Feature("step_share", "steps among moves", function=step_share),
        Feature("mean_interval", "mean interval", "semitones", function=mean_interval),
        Feature("interval_recurrence", "4-grams of intervals that come back", function=interval_recurrence),
        Feature("longest_repeat", "longest run that comes back", function=longest_repeat),
        Feature("onset_agreement", "rhythm shared by neighbouring bars", function=onset_agreement),
        Feature("scale_consistency", "notes in one scale", more_is_fine=True, function=scale_consistency),
        Feature("key_correlation", "fit to the key's profile", more_is_fine=True, function=key_correlation),
        Feature("pitch_class_entropy", "spread over pitch classes", "bits", function=pitch_class_entropy),
        Feature("compressed_size", "compressed size", "bytes per note", function=compressed_size),
        Feature("pitch_range", "range", "semitones", function=pitch_range),
        Feature("bar_repetition", "bars that repeat an earlier one", function=bar_repetition),
        Feature("phrase_agreement", "notes as a phrase before", function=phrase_agreement),
        Feature("ends_on_tonic", "ends on the tonic", more_is_fine=True, function=ends_on_tonic),
        Feature("degree_likelihood", "likelihood of scale-degree transitions", "bits"),
        Feature("distinct_bigrams", "distinct pairs of intervals", function=distinct_bigrams),
        Feature("novelty", "8-grams of intervals unseen in training", more_is_fine=True),
        Feature("distinctness", "8-grams of intervals no other tune of the set has", more_is_fine=True),
    )
}

# How melodies end is told of a set, not scored: a quarter of real tunes do not end on the tonic, so it is no fault.
GROUPS = {
    "coherence": ("step_share", "mean_interval", "interval_recurrence", "longest_repeat", "onset_agreement"),
    "musicality": (
        *("scale_consistency", "key_correlation", "pitch_class_entropy", "pitch_range", "degree_likelihood"),
        *("bar_repetition", "phrase_agreement", "compressed_size"),
    ),
    "diversity": ("distinct_bigrams", "pitch_class_entropy", "interval_recurrence", "novelty", "distinctness"),
}


def measure_features(melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    """Every feature that a melody has by itself, by name, each of shape (number of melodies,); NaN where undefined.

    Example:
        >>> measure_features([Melody([60, 62, 67], [24] * 3)])["step_share"].tolist()
        [0.5]
    """
    return {
        name: np.array([feature.function(melody) for melody in melodies], dtype=np.float64)
        for name, feature in FEATURES.items()
        if feature.function is not None
    }
