"""Fit a model of chords to tunes with written chords, by penalised maximum likelihood (L-BFGS)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from chromasonic.melody_generation.corpora.source_collection import SourceCollection
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.harmony.chord_chain import ChainBatch
from chromasonic.melody_generation.harmony.chord_features import (
    LABEL_QUALITIES,
    N_DEGREE_BLOCKS,
    N_DEGREE_FEATURES,
    N_FEATURES,
    N_LABELS,
    N_TRANSITIONS,
    UNLABELLED,
    transition_kinds,
    unit_features,
    unit_labels,
)
from chromasonic.melody_generation.harmony.chord_model import ChordModel
from chromasonic.melody_generation.harmony.chord_units import chord_units
from chromasonic.melody_generation.melody import FloatArray, IntArray, Melody

PENALTY = 10.0  # chosen on validation tunes among 5, 10 and 20
_SHARED_PENALTY = 0.1  # of weights that all roots share, relative to the others
_MAX_STEPS = 150
_N_QUALITIES = len(LABEL_QUALITIES)
_ROOTS, _QUALITIES = np.divmod(np.arange(N_LABELS), _N_QUALITIES)
# The part of the weights that depends on quality and on the interval from the root to a note, or between two roots.
_NOTE_SHARED = (_QUALITIES[:, None], (np.arange(12)[None] - _ROOTS[:, None]) % 12)  # (S, 12)
_ROOT_SHARED = (_QUALITIES[:, None], _QUALITIES[None], (_ROOTS[None] - _ROOTS[:, None]) % 12)  # (S, S)
_SHAPES = (
    (N_LABELS, N_FEATURES),
    (N_DEGREE_BLOCKS, _N_QUALITIES, 12),
    (N_TRANSITIONS, N_LABELS, N_LABELS),
    (N_LABELS, N_LABELS),
    (_N_QUALITIES, _N_QUALITIES, 12),
)
_PENALTIES = np.concatenate(
    [
        np.full(int(np.prod(shape)), share)
        for shape, share in zip(_SHAPES, (1, _SHARED_PENALTY, 1, 0.5, _SHARED_PENALTY), strict=True)
    ]
)
_CUTS = np.cumsum([int(np.prod(shape)) for shape in _SHAPES])[:-1]


def fit_chord_model(
    melodies: Sequence[Melody],
    sources: Sequence[SourceCollection] = (),
    *,
    note: str = "",
    penalty: float = PENALTY,
    max_steps: int = _MAX_STEPS,
) -> ChordModel:
    """Fit a model of chords.

    Weights of a note and a chord are sums of one of that chord, and one of its quality and the interval from its root,
    so that rare chords learn from frequent ones; transitions likewise.

    Args:
        melodies: Tunes; those without chords are ignored.
        sources: The collections that they are from, which the model records.
        note: Remarks that the model records.
        penalty: Half of it times the squared weights is added to the loss in nats.
        max_steps: Largest number of steps.

    Raises:
        InputError: If no melody has chords.
    """
    tunes = [_LabelledTune.of(melody) for melody in melodies if melody.chords]
    tunes = [tune for tune in tunes if len(tune.labels)]
    if not tunes:
        raise InputError("a model of chords is fitted to tunes with chord symbols, and none has any")
    batch = ChainBatch([tune.kinds for tune in tunes])
    features = np.concatenate([tune.features for tune in tunes])[batch.packing]
    labels = batch.pack(np.concatenate([tune.labels for tune in tunes]))
    counts = batch.transition_counts(labels, N_TRANSITIONS, N_LABELS)
    written = np.eye(N_LABELS)[labels]

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        weights, transitions = _combined(parameters)
        emissions = features @ weights.T
        sums = batch.sums(emissions, transitions)
        score = float((emissions * written).sum() + (transitions * counts).sum())
        gradient = _divided((sums.label_probabilities - written).T @ features, sums.transition_counts - counts)
        penalised = penalty * _PENALTIES * parameters
        value = float(sums.log_sums.sum()) - score + float(penalised @ parameters) / 2
        return value / len(labels), (gradient + penalised) / len(labels)

    found = minimize(loss, np.zeros(len(_PENALTIES)), jac=True, method="L-BFGS-B", options={"maxiter": max_steps})
    return ChordModel(*_combined(found.x), tuple(sources), note)


class _LabelledTune(NamedTuple):
    """The units of a tune that have a written chord."""

    features: FloatArray
    labels: IntArray
    kinds: IntArray

    @classmethod
    def of(cls, melody: Melody) -> _LabelledTune:
        units = chord_units(melody)
        labels = unit_labels(melody, units)
        labelled = labels != UNLABELLED
        features, kinds = unit_features(melody, units), transition_kinds(units)
        return cls(features[labelled], labels[labelled], kinds[labelled])


def _combined(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weights and the transitions as sums of their own and their shared parts."""
    parts = np.split(parameters, _CUTS)
    own, shared, by_kind, of_any_kind, by_interval = (
        part.reshape(shape) for part, shape in zip(parts, _SHAPES, strict=True)
    )
    weights = own.copy()
    weights[:, :N_DEGREE_FEATURES] += np.hstack([block[_NOTE_SHARED] for block in shared])
    return weights, by_kind + of_any_kind + by_interval[_ROOT_SHARED]


def _divided(weights: FloatArray, transitions: FloatArray) -> FloatArray:
    """Return the gradient of the parameters from those of weights and transitions, as ``_combined`` adds them."""
    shared = np.zeros(_SHAPES[1])
    for number, block in enumerate(np.split(weights[:, :N_DEGREE_FEATURES], N_DEGREE_BLOCKS, axis=1)):
        np.add.at(shared[number], _NOTE_SHARED, block)
    of_any_kind, by_interval = transitions.sum(axis=0), np.zeros(_SHAPES[4])
    np.add.at(by_interval, _ROOT_SHARED, of_any_kind)
    return np.concatenate([part.ravel() for part in (weights, shared, transitions, of_any_kind, by_interval)])
