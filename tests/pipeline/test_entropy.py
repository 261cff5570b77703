"""On tunes whose true entropy is known, a network comes close to it and never gets below."""

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

N_VALIDATION = 500


def bits_of(network: nn.Module, tunes: list[Melody]) -> NDArray[np.float64]:
    """Bits of each whole tune under the network, as :meth:`SyntheticCorpus.nll` gives them under the process."""
    scorer = TokenScorer(VOCABULARY)
    found = []
    with torch.no_grad():
        for melody in tunes:
            tokens = batch_of([melody])
            found.append(float(scorer(network(tokens), tokens).nats) / math.log(2))
    return np.array(found)


@pytest.mark.slow
def test_the_loss_on_random_walks_approaches_their_own_entropy_and_not_more(tmp_path: Path) -> None:
    # The memory has nothing to find in walks, and every tune is seen a few times only.
    corpus = SyntheticCorpus(num_sequences=2500 + N_VALIDATION, seed=0)
    tunes = corpus.load()
    validation, train = tunes[:N_VALIDATION], tunes[N_VALIDATION:]
    network = LSTMNetwork(hidden_size=64, num_layers=1, dropout=0.0, memory=False)
    history = ModelTrainer(network, "lstm").train(
        train,
        validation,
        epochs=5,
        batch_size=16,
        learning_rate=0.01,
        checkpoint_dir=tmp_path,
        schedule=OneCycle(),
        show_progress=False,
    )

    n_notes = sum(map(len, validation))
    bits, least = bits_of(network.eval(), validation), np.array([corpus.nll(melody) for melody in validation])
    n_tokens = n_notes + len(validation)  # walks have no departures: each note, and the end
    assert history.best_val_loss == pytest.approx(bits.sum() * math.log(2) / n_tokens, rel=1e-4)
    assert bits.sum() / n_notes < 1.03 * least.sum() / n_notes
    # What a tune costs beyond the process is negative for some, but not on average: three standard errors of the mean.
    beyond = bits - least
    assert beyond.mean() > -3 * beyond.std() / math.sqrt(len(beyond))
