"""The loss of a network approaches the known entropy of synthetic tunes and stays above it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.small_networks import VOCABULARY, batch_of
from torch import nn

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.training import ModelTrainer
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.training.schedules import OneCycle

N_VALIDATION = 200


def bits_of(network: nn.Module, tunes: list[Melody]) -> NDArray[np.float64]:
    """Return the information content of each tune under the network, in bits, comparable to ``SyntheticCorpus.nll``."""
    scorer = TokenScorer(VOCABULARY)
    bits = []
    with torch.no_grad():
        for melody in tunes:
            tokens = batch_of([melody])
            bits.append(float(scorer(network(tokens), tokens).nats) / math.log(2))
    return np.array(bits)


@pytest.mark.slow
def test_the_loss_on_random_walks_approaches_their_entropy_from_above(tmp_path: Path) -> None:
    # Random walks repeat nothing, so the network needs no memory.
    corpus = SyntheticCorpus(num_sequences=1500 + N_VALIDATION, seed=0)
    tunes = corpus.load()
    validation, train = tunes[:N_VALIDATION], tunes[N_VALIDATION:]
    network = LSTMNetwork(hidden_size=32, num_layers=1, dropout=0.0, memory=False)
    history = ModelTrainer(network, "lstm").train(
        train,
        validation,
        epochs=4,
        batch_size=16,
        learning_rate=0.02,
        checkpoint_dir=tmp_path,
        schedule=OneCycle(),
        show_progress=False,
    )

    n_notes = sum(map(len, validation))
    bits, least = bits_of(network.eval(), validation), np.array([corpus.nll(melody) for melody in validation])
    n_tokens = n_notes + len(validation)  # a token for each note and one for the end; walks have no departures
    assert history.best_val_loss == pytest.approx(bits.sum() * math.log(2) / n_tokens, rel=1e-4)
    assert bits.sum() / n_notes < 1.05 * least.sum() / n_notes
    # The excess over the entropy is negative for some tunes, but not on average (three standard errors of the mean).
    excess = bits - least
    assert excess.mean() > -3 * excess.std() / math.sqrt(len(excess))
