"""Paired comparison of two models on the same tunes, since tunes differ more than models do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from chromasonic.melody_generation.measures.bootstrap import Estimate
from chromasonic.melody_generation.measures.comparisons.leverage import MAX_TUNES, Leverage
from chromasonic.melody_generation.measures.comparisons.paired_tests import N_RESAMPLES, paired_test
from chromasonic.melody_generation.measures.comparisons.run_effects import RunVariance, crossed_test
from chromasonic.melody_generation.melody import FloatArray

_NAN = float("nan")


@dataclass(frozen=True)
class ModelBits:
    """The bits that a model needs for each tune, run by run.

    Attributes:
        by_run: Bits, shape (number of runs, number of tunes).
        is_repeatable: True if every run of the recipe gives the same bits, as those of networks that count do.
    """

    by_run: FloatArray
    is_repeatable: bool = False

    @property
    def mean(self) -> FloatArray:
        """The mean over the runs, shape (number of tunes,)."""
        return np.asarray(self.by_run.mean(axis=0))

    @property
    def knows_its_spread(self) -> bool:
        """True if these runs tell how far other runs of the recipe would be from them."""
        return self.is_repeatable or len(self.by_run) > 1


@dataclass(frozen=True)
class Difference:
    """Difference in bits per note between two models on the same tunes.

    Attributes:
        bits_per_note: First model minus second, with its 95 % interval; below 0 if the first is better.
        p_value: Probability of a difference at least as large if the models do not differ; NaN for fewer than two
            tunes, or if a model needs infinitely many bits for one.
        about: What the interval and the p value are about: ``recipes`` if other runs and other tunes like these would
            show the same, ``runs`` if only these runs on other tunes like these would, since a model has a single one.
        leverage: The part of the difference that up to three tunes account for; None where there is no p value.
        n_better: Number of tunes for which the first model needs fewer bits, both finite.
        n_tunes: Number of tunes.
    """

    bits_per_note: Estimate
    p_value: float
    about: Literal["recipes", "runs"]
    leverage: Leverage | None
    n_better: int
    n_tunes: int


def difference(
    first: ModelBits, second: ModelBits, n_notes: FloatArray, *, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Difference:
    """Compare two models on the same tunes.

    The difference of the means over runs is tested over tunes
    (:func:`~chromasonic.melody_generation.measures.comparisons.paired_tests.paired_test`). If both models have several
    runs, or are the same in every run, it is tested over tunes and runs as well
    (:func:`~chromasonic.melody_generation.measures.comparisons.run_effects.crossed_test`). Recipes differ if both
    tests say so: the p value is the larger of the two, and the interval covers both.

    Args:
        first: Bits of the first model for each tune.
        second: Bits of the second model for each tune.
        n_notes: Number of notes of each tune, shape (number of tunes,).
        seed: Seed of the draws.
        n_resamples: Number of draws.

    Raises:
        ValueError: If the numbers of tunes differ.

    Example:
        >>> one, other = (ModelBits(np.full((1, 20), bits)) for bits in (90.0, 100.0))
        >>> result = difference(one, other, np.full(20, 50.0))
        >>> round(result.bits_per_note.value, 3), result.p_value < 0.001, result.about, result.n_better
        (-0.2, True, 'runs', 20)
    """
    sizes = [first.by_run.shape[1], second.by_run.shape[1], len(n_notes)]
    if len(set(sizes)) > 1:
        raise ValueError(f"arrays must have one value for each tune: got {', '.join(map(str, sizes))}")
    is_finite = np.isfinite(first.mean) & np.isfinite(second.mean)
    gap = np.where(is_finite, first.mean, np.nan) - np.where(is_finite, second.mean, np.nan)
    n_better = int((gap < 0).sum())
    are_recipes = first.knows_its_spread and second.knows_its_spread
    about: Literal["recipes", "runs"] = "recipes" if are_recipes else "runs"
    if len(gap) < 2 or not is_finite.all() or not n_notes.sum():
        value = float(gap.sum() / n_notes.sum()) if n_notes.sum() else _NAN
        return Difference(Estimate(value, _NAN, _NAN), _NAN, about, None, n_better, len(gap))
    over_tunes = paired_test(gap, n_notes, seed=seed, n_resamples=n_resamples)
    estimate, p_value = over_tunes.ratio, over_tunes.p_value
    if are_recipes:
        runs = [RunVariance.of(model.by_run, n_notes) for model in (first, second) if len(model.by_run) > 1]
        crossed, p_crossed = crossed_test(estimate.value, over_tunes.variance, len(gap), runs)
        p_value = max(p_value, p_crossed)
        ends = np.array([[estimate.low, crossed.low], [estimate.high, crossed.high]])
        estimate = Estimate(estimate.value, float(ends[0].min()), float(ends[1].max()))  # NaN if one is
    leverage = Leverage.of(gap, n_notes, min(MAX_TUNES, len(gap) - 1))
    return Difference(estimate, p_value, about, leverage, n_better, len(gap))
