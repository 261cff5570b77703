"""Linear chains: sums over all label sequences, expected counts, and the best sequence (Rabiner 1989; Lafferty 2001).

A sequence of U units with labels y has the score ``sum_u emissions[u, y_u] + sum_{u>0} transitions[k_u, y_{u-1}, y_u]``
with the kind ``k_u`` of the transition to unit u. Its probability is proportional to the exponential of the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromasonic.melody_generation.melody import FloatArray, IntArray


@dataclass(frozen=True)
class ChainSums:
    """Sums over the label sequences of a set of N units in all.

    Attributes:
        log_sums: Log of the sum of exponentiated scores of each sequence, shape (number of sequences,).
        label_probabilities: Probability of each label in each unit, shape (N, S).
        transition_counts: Expected number of transitions of each kind between each two labels, shape (K, S, S).
    """

    log_sums: FloatArray
    label_probabilities: FloatArray
    transition_counts: FloatArray


class ChainBatch:
    """Sequences of units, packed: the first units of all, longest sequence first, then the second ones, and so on.

    Args:
        kinds: The kinds of transitions of each sequence, shape (U,) each; that of the first unit is not used.
    """

    def __init__(self, kinds: Sequence[IntArray]) -> None:
        lengths = np.array([len(each) for each in kinds], dtype=np.int64)
        self._order = np.argsort(-lengths, kind="stable")
        n_steps = int(lengths.max(initial=0))
        self._sizes = [int((lengths > step).sum()) for step in range(n_steps)]  # sequences that have a unit at a step
        self._begins = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)
        starts = np.cumsum(lengths) - lengths
        rows = [starts[self._order[:size]] + step for step, size in enumerate(self._sizes)]
        # The index of each packed unit in the concatenation of all sequences.
        self.packing: IntArray = np.concatenate([np.zeros(0, dtype=np.int64), *rows]).astype(np.int64)
        self._kinds = self.pack(np.concatenate([np.zeros(0, dtype=np.int64), *kinds]).astype(np.int64))

    def pack(self, values: IntArray) -> IntArray:
        """Return the labels or kinds of all units, concatenated, in packed order, shape (N,)."""
        return values[self.packing]

    def sums(self, emissions: FloatArray, transitions: FloatArray) -> ChainSums:
        """Return sums over all label sequences, by the forward-backward algorithm.

        Args:
            emissions: Scores of labels in packed units, shape (N, S).
            transitions: Scores of transitions, shape (K, S, S).
        """
        highest, top = emissions.max(axis=1, keepdims=True), transitions.max(initial=0)
        weights, matrices = np.exp(emissions - highest), np.exp(transitions - top)
        forward, norms = self._forward(weights, matrices)
        backward, counts = self._backward(weights, matrices, forward, norms)
        logs = np.log(norms) + highest[:, 0]
        logs[self._begins[1] if self._sizes else 0 :] += top
        log_sums = np.zeros(len(self._order))
        for step, size in enumerate(self._sizes):
            log_sums[self._order[:size]] += logs[self._at(step)]
        return ChainSums(log_sums, forward * backward, counts)

    def scores(self, labels: IntArray, emissions: FloatArray, transitions: FloatArray) -> FloatArray:
        """Return the score of each sequence with these packed labels (N,), shape (number of sequences,)."""
        units = emissions[np.arange(len(labels)), labels]
        later, before = self._later_units()
        units[later] += transitions[self._kinds[later], labels[before], labels[later]]
        scores = np.zeros(len(self._order))
        for step, size in enumerate(self._sizes):
            scores[self._order[:size]] += units[self._at(step)]
        return scores

    def transition_counts(self, labels: IntArray, n_kinds: int, n_labels: int) -> FloatArray:
        """Return the number of transitions of each kind between each two labels, shape (K, S, S)."""
        later, before = self._later_units()
        counts = np.zeros((n_kinds, n_labels, n_labels))
        np.add.at(counts, (self._kinds[later], labels[before], labels[later]), 1)
        return counts

    def _at(self, step: int) -> slice:
        return slice(int(self._begins[step]), int(self._begins[step + 1]))

    def _before(self, step: int) -> slice:
        """Return the packed units before those of a step."""
        begin = int(self._begins[step - 1])
        return slice(begin, begin + self._sizes[step])

    def _later_units(self) -> tuple[IntArray, IntArray]:
        """Return the packed indices of all units but the first ones, and those of the units before them."""
        steps = range(1, len(self._sizes))
        later = [np.arange(self._at(step).start, self._at(step).stop) for step in steps]
        before = [np.arange(self._before(step).start, self._before(step).stop) for step in steps]
        none = np.zeros(0, dtype=np.int64)
        return np.concatenate([none, *later]), np.concatenate([none, *before])

    def _forward(self, weights: FloatArray, matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return normalised forward weights (N, S), and the norms (N,)."""
        forward, norms = np.empty_like(weights), np.empty(len(weights))
        for step in range(len(self._sizes)):
            here = self._at(step)
            reached = weights[here].copy()
            if step:
                for kind, rows in self._by_kind(step):
                    reached[rows] *= forward[self._before(step)][rows] @ matrices[kind]
            norms[here] = reached.sum(axis=1)
            forward[here] = reached / norms[here, None]
        return forward, norms

    def _backward(
        self, weights: FloatArray, matrices: FloatArray, forward: FloatArray, norms: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return backward weights (N, S), on the scale of the forward ones, and the expected transitions (K, S, S)."""
        backward, counts = np.ones_like(weights), np.zeros_like(matrices)
        for step in range(len(self._sizes) - 1, 0, -1):
            here = self._at(step)
            coming = weights[here] * backward[here] / norms[here, None]
            earlier = forward[self._before(step)]
            for kind, rows in self._by_kind(step):
                backward[self._before(step)][rows] = coming[rows] @ matrices[kind].T
                counts[kind] += matrices[kind] * (earlier[rows].T @ coming[rows])
        return backward, counts

    def _by_kind(self, step: int) -> list[tuple[int, IntArray]]:
        """Return each kind of transition at a step, with the sequences that have it."""
        kinds = self._kinds[self._at(step)]
        return [(int(kind), np.flatnonzero(kinds == kind)) for kind in np.unique(kinds)]


def best_labels(emissions: FloatArray, transitions: FloatArray, kinds: IntArray) -> IntArray:
    """Return the labels with the highest score, by the Viterbi algorithm, shape (U,); of equal ones the lowest labels.

    Args:
        emissions: Scores of labels, shape (U, S).
        transitions: Scores of transitions, shape (K, S, S).
        kinds: The kind of the transition to each unit, shape (U,).
    """
    n_units = len(emissions)
    if not n_units:
        return np.zeros(0, dtype=np.int64)
    best, origins = emissions[0], np.zeros(emissions.shape, dtype=np.int64)
    for unit in range(1, n_units):
        reached = best[:, None] + transitions[kinds[unit]]  # (S before, S)
        origins[unit] = reached.argmax(axis=0)
        best = reached.max(axis=0) + emissions[unit]
    labels = np.empty(n_units, dtype=np.int64)
    labels[-1] = int(best.argmax())
    for unit in range(n_units - 1, 0, -1):
        labels[unit - 1] = origins[unit, labels[unit]]
    return labels
