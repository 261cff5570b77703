"""Bootstrap intervals have their coverage and agree with those of summaries."""

from __future__ import annotations

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import estimate, estimate_ratio
from chromasonic.melody_generation.measures.melody_scores import MelodyScores


def test_an_estimate_equals_that_of_the_summary() -> None:
    values = np.linspace(0, 1, 20)
    scores = MelodyScores({}, {}, {}, values)
    assert estimate(values, seed=3) == scores.summary(seed=3).overall


def test_an_estimate_without_values_is_nan() -> None:
    for values in ([], [np.nan]):
        assert np.isnan(estimate(np.array(values)).value)


def test_intervals_of_ratios_have_their_coverage() -> None:
    """Over many samples of 20 tunes, the 95 % interval contains the ratio of all tunes about as often."""
    rng = np.random.default_rng(0)
    bits, notes = rng.normal(300, 60, 2000), rng.uniform(80, 120, 2000)
    truth, n_contained = bits.sum() / notes.sum(), 0
    for _ in range(200):
        indices = rng.integers(2000, size=20)
        interval = estimate_ratio(bits[indices], notes[indices], n_resamples=300)
        n_contained += interval.low <= truth <= interval.high
    assert 0.87 <= n_contained / 200 <= 0.99
