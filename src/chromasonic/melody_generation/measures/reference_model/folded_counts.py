"""Counts of training tunes in folds: each tune is measured by the counts of tunes that are not its variants.

What a tune has in common with itself or its variants would flatter it. Melodies that are no training tunes are spread
over the folds, so that all melodies are measured by the counts of equally many tunes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chromasonic.melody_generation.measures.features import measure_features
from chromasonic.melody_generation.measures.reference_model.tune_model import TuneModel
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody

N_FOLDS = 5


@dataclass(frozen=True, eq=False)
class FoldedCounts:
    """Counts of the tunes outside each fold.

    Attributes:
        models: Counts of the tunes outside each fold, by its number; a fold without tunes has none.
    """

    models: dict[int, TuneModel]

    @classmethod
    def fit(cls, melodies: Sequence[Melody], folds: NDArray[np.int64]) -> FoldedCounts:
        """Count the tunes outside each fold.

        Args:
            melodies: Training tunes.
            folds: Fold of each tune; variants of a tune share one.
        """
        return cls(
            {
                int(fold): TuneModel.fit([melodies[i] for i in np.flatnonzero(folds != fold).tolist()])
                for fold in np.unique(folds)
            }
        )

    def features(self, melodies: Sequence[Melody], folds: NDArray[np.int64]) -> dict[str, FloatArray]:
        """Return the features of ``OF_A_MELODY`` of melodies, each measured by the counts of the tunes of other folds.

        Args:
            melodies: The melodies.
            folds: Fold of each melody: its own for a training tune, any for another melody.

        Returns:
            Arrays of shape (number of melodies,), by name.
        """
        parts, order = [], list[int]()
        for fold, model in self.models.items():
            of_fold = np.flatnonzero(folds == fold).tolist()
            tunes = [melodies[i] for i in of_fold]
            parts.append(measure_features(tunes) | model.features(tunes))
            order.extend(of_fold)
        inverse = np.argsort(order)
        return {name: np.concatenate([part[name] for part in parts])[inverse] for name in parts[0]}


def folds_of_families(families: IntArray) -> NDArray[np.int64]:
    """Return the fold of each tune; the tunes of a family share one, and folds are equal in families.

    Example:
        >>> folds_of_families(np.array([0, 1, 0, 2]))[[0, 2]].std()
        np.float64(0.0)
    """
    order = np.random.default_rng(0).permutation(int(families.max()) + 1)
    return np.asarray(order[families] % N_FOLDS, dtype=np.int64)
