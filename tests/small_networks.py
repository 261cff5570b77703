"""Small networks for fast tests, and batches of melodies for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from chromasonic.melody_generation.corpora.synthetic import SyntheticCorpus
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.neural.sequence import SequenceNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork
from chromasonic.melody_generation.vocabulary import NoteVocabulary

VOCABULARY = NoteVocabulary()


def small_lstm(*, memory: bool = True, position: bool = True, dropout: float = 0.0) -> LSTMNetwork:
    """Return an LSTM of two layers of width 16."""
    return LSTMNetwork(16, 2, dropout, memory=memory, position=position)


def small_transformer(*, memory: bool = True, position: bool = True, dropout: float = 0.0) -> TransformerNetwork:
    """Return a Transformer of two layers of width 16 with two heads."""
    return TransformerNetwork(16, 2, 2, dropout, memory=memory, position=position)


# Networks trained by gradient, with and without memory and bar positions.
SMALL_NETWORKS: dict[str, Callable[[], SequenceNetwork]] = {  # type: ignore[type-arg]
    "lstm": small_lstm,
    "lstm without memory": lambda: small_lstm(memory=False),
    "lstm without position": lambda: small_lstm(position=False),
    "transformer": small_transformer,
    "transformer without memory": lambda: small_transformer(memory=False),
    "transformer without position": lambda: small_transformer(position=False),
}


def user_network(width: int = 8) -> nn.Module:
    """Return a module that fulfils the contract and has no state, as users may write it."""
    return nn.Sequential(nn.Embedding(len(VOCABULARY), width), nn.Linear(width, len(VOCABULARY)))


def batch_of(melodies: Sequence[Melody]) -> Tensor:
    """Return the tokens of melodies as one batch (B, T), padded at the end."""
    sequences = [torch.from_numpy(VOCABULARY.encode(melody)) for melody in melodies]
    return nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=VOCABULARY.pad)


def walks(n: int, seed: int = 0) -> list[Melody]:
    """Return synthetic tunes."""
    return SyntheticCorpus(num_sequences=n, seed=seed).load()


class OwnNetwork(LSTMNetwork):
    """A network of a user's own, which takes the options of ``model=lstm``."""
