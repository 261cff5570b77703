"""Sums and best sequences of chains equal those of all label sequences, tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.harmony.chord_chain import ChainBatch, best_labels
from chromasonic.melody_generation.melody import FloatArray, IntArray

N_LABELS, N_KINDS = 3, 2
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
SEEDS = st.integers(0, 10_000)


def score_of(labels: tuple[int, ...], emissions: FloatArray, transitions: FloatArray, kinds: IntArray) -> float:
    score = sum(float(emissions[unit, label]) for unit, label in enumerate(labels))
    steps = range(1, len(labels))
    return score + sum(float(transitions[kinds[unit], labels[unit - 1], labels[unit]]) for unit in steps)


def drawn(lengths: list[int], seed: int) -> tuple[list[FloatArray], FloatArray, list[IntArray]]:
    rng = np.random.default_rng(seed)
    transitions = rng.normal(scale=3, size=(N_KINDS, N_LABELS, N_LABELS))
    emissions = [rng.normal(scale=3, size=(length, N_LABELS)) for length in lengths]
    return emissions, transitions, [rng.integers(N_KINDS, size=length) for length in lengths]


@given(LENGTHS, SEEDS)
def test_viterbi_finds_the_best_of_all_sequences(lengths: list[int], seed: int) -> None:
    emissions, transitions, kinds = drawn(lengths, seed)
    for rows, kind in zip(emissions, kinds, strict=True):
        best = max(product(range(N_LABELS), repeat=len(rows)), key=lambda each: score_of(each, rows, transitions, kind))
        assert best_labels(rows, transitions, kind).tolist() == list(best)


@given(LENGTHS, SEEDS)
def test_sums_equal_those_over_all_sequences(lengths: list[int], seed: int) -> None:
    emissions, transitions, kinds = drawn(lengths, seed)
    batch = ChainBatch(kinds)
    sums = batch.sums(np.concatenate(emissions)[batch.packing], transitions)
    begins = np.cumsum([0, *lengths])
    unpacked = np.empty_like(sums.label_probabilities)
    unpacked[batch.packing] = sums.label_probabilities
    counts = np.zeros_like(transitions)
    for index, (rows, kind) in enumerate(zip(emissions, kinds, strict=True)):
        sequences = list(product(range(N_LABELS), repeat=len(rows)))
        scores = np.array([score_of(each, rows, transitions, kind) for each in sequences])
        log_sum = np.logaddexp.reduce(scores)
        assert np.isclose(sums.log_sums[index], log_sum)
        marginals = np.zeros_like(rows)
        for sequence, probability in zip(sequences, np.exp(scores - log_sum), strict=True):
            marginals[np.arange(len(rows)), sequence] += probability
            for unit in range(1, len(rows)):
                counts[kind[unit], sequence[unit - 1], sequence[unit]] += probability
        np.testing.assert_allclose(unpacked[begins[index] : begins[index + 1]], marginals, atol=1e-9)
    np.testing.assert_allclose(sums.transition_counts, counts, atol=1e-9)


@given(LENGTHS, SEEDS)
def test_scores_and_counts_of_given_labels(lengths: list[int], seed: int) -> None:
    emissions, transitions, kinds = drawn(lengths, seed)
    rng = np.random.default_rng(seed)
    labels = [rng.integers(N_LABELS, size=length) for length in lengths]
    batch = ChainBatch(kinds)
    packed = batch.pack(np.concatenate(labels))
    scores = batch.scores(packed, np.concatenate(emissions)[batch.packing], transitions)
    expected = [
        score_of(tuple(each.tolist()), rows, transitions, kind)
        for each, rows, kind in zip(labels, emissions, kinds, strict=True)
    ]
    np.testing.assert_allclose(scores, expected)
    counts = batch.transition_counts(packed, N_KINDS, N_LABELS)
    assert counts.sum() == sum(lengths) - len(lengths)
    without = batch.scores(packed, np.zeros((sum(lengths), N_LABELS)), transitions)
    assert np.isclose((counts * transitions).sum(), without.sum())


def test_very_unequal_scores_neither_overflow_nor_vanish() -> None:
    emissions = np.array([[900.0, -900.0, 0.0], [-900.0, 900.0, 0.0]])
    batch = ChainBatch([np.zeros(2, dtype=np.int64)])
    sums = batch.sums(emissions, np.zeros((1, 3, 3)))
    assert sums.log_sums.tolist() == [1800.0]


def test_no_sequence_has_no_sums() -> None:
    sums = ChainBatch([]).sums(np.zeros((0, N_LABELS)), np.zeros((N_KINDS, N_LABELS, N_LABELS)))
    assert len(sums.log_sums) == 0
    assert len(best_labels(np.zeros((0, 3)), np.zeros((1, 3, 3)), np.zeros(0, dtype=np.int64))) == 0
