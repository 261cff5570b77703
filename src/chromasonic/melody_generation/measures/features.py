"""The table of features by which melodies are scored, and their groups.

The docstring of each function defines its feature: intervals in ``melodic_intervals``, the key in ``tonality``, bars
in ``bars``. A feature is not a score. A constant note stays in its scale, a random walk on the scale moves by step
more than any tune, and random pitches are the most varied. A value is good only in comparison with real tunes
(:mod:`~chromasonic.melody_generation.measures.calibration`), and most features can be too high as well as too low.

Three features need more than the melody: ``degree_likelihood`` the transitions of the training tunes, ``novelty`` the
training tunes, ``distinctness`` the set to which the melody belongs.
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
    """A feature of melodies.

    Attributes:
        name: Name of its function.
        label: Label in charts and tables.
        unit: Unit of its value; empty for a fraction.
        more_is_fine: Whether only low values lower the score; otherwise high values do as well.
        function: Computes it from a melody; None if it needs more than the melody.
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

# The ending is reported for a set but not scored: a quarter of real tunes do not end on the tonic.
GROUPS = {
    "coherence": ("step_share", "mean_interval", "interval_recurrence", "longest_repeat", "onset_agreement"),
    "musicality": (
        *("scale_consistency", "key_correlation", "pitch_class_entropy", "pitch_range", "degree_likelihood"),
        *("bar_repetition", "phrase_agreement", "compressed_size"),
    ),
    "diversity": ("distinct_bigrams", "pitch_class_entropy", "interval_recurrence", "novelty", "distinctness"),
}


def measure_features(melodies: Sequence[Melody]) -> dict[str, FloatArray]:
    """Return the features that need only the melody, by name, each of shape (number of melodies,).

    The value is NaN where a feature is not defined.

    Example:
        >>> measure_features([Melody([60, 62, 67], [24] * 3)])["step_share"].tolist()
        [0.5]
    """
    return {
        name: np.array([feature.function(melody) for melody in melodies], dtype=np.float64)
        for name, feature in FEATURES.items()
        if feature.function is not None
    }
