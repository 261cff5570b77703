"""Tune by tune or in batches, in whatever order: the same likelihoods, and those that torch computes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.data import batching
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import TuneSums, read_tunes
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.networks import checked_logits
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


class Says(nn.Module):
    """Gives the same logits whatever it is told."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits.expand(*tokens.shape, -1)


class Twice(nn.Module):
    """Gives two things."""

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        return tokens, tokens


def test_bits_are_torchs_cross_entropy() -> None:
    network, tunes = small_lstm().eval(), walks(20)  # more than one batch
    for tune, reading in zip(tunes, read_tunes(network, tunes), strict=True):
        tokens = torch.from_numpy(VOCABULARY.encode(tune))
        logits = network(tokens[None])[0, PREFIX_LENGTH - 1 : -1]
        nats = nn.functional.cross_entropy(logits, tokens[PREFIX_LENGTH:], reduction="none")
        assert reading.tokens.tolist() == tokens[PREFIX_LENGTH:].tolist()
        assert reading.bits == pytest.approx(nats.detach().numpy() / math.log(2), rel=1e-4)


def test_the_sums_are_those_of_training() -> None:
    network, tunes = small_lstm().eval(), walks(7)
    sums = TuneSums.of(read_tunes(network, tunes))
    tokens = batch_of(tunes)
    scored = TokenScorer(VOCABULARY)(network(tokens).detach(), tokens)
    assert sums.bits.sum() == pytest.approx(float(scored.nats) / math.log(2), rel=1e-5)
    assert sums.note_bits.sum() == pytest.approx(float(scored.note_nats) / math.log(2), rel=1e-5)
    for ours, theirs in (
        (sums.n_tokens, scored.n_tokens),
        (sums.n_notes, scored.n_notes),
        (sums.notes_right, scored.notes_right),
        (sums.pitches_right, scored.pitches_right),
        (sums.durations_right, scored.durations_right),
    ):
        assert ours.sum() == int(theirs)


def test_a_uniform_model_needs_the_same_for_every_token() -> None:
    tune = Melody([60, 62, 64, 65], [24, 24, 24, 24], departures=[Departure(2), Departure(3, Metre(3, 4))])
    [reading] = read_tunes(Says(torch.zeros(len(VOCABULARY))), [tune])
    assert reading.bits == pytest.approx(np.full(len(reading.tokens), math.log2(len(VOCABULARY))), rel=1e-6)
    # Two departures and the end are tokens too, but no notes.
    assert (len(reading.tokens), int(reading.is_note.sum())) == (7, 4)
    above, below = TuneSums.of([reading]).ratios()["bits_per_note"]
    assert above / below == pytest.approx(7 / 4 * math.log2(len(VOCABULARY)), rel=1e-6)


def test_the_most_probable_token_is_right() -> None:
    tune = Melody([60, 60, 62, 60], [24, 12, 24, 24])
    logits = torch.zeros(len(VOCABULARY))
    logits[VOCABULARY.encode(tune)[PREFIX_LENGTH]] = 5
    [reading] = read_tunes(Says(logits), [tune])
    assert reading.note_right.tolist() == [True, False, False, True, False]
    assert reading.pitch_right.tolist() == [True, True, False, True, False]
    assert reading.duration_right.tolist() == [True, False, True, True, False]


def test_the_mode_of_the_network_is_kept() -> None:
    network = small_lstm(dropout=0.5)
    network.train()
    once, again = (read_tunes(network, walks(3)) for _ in range(2))
    assert all((one.bits == other.bits).all() for one, other in zip(once, again, strict=True))
    assert network.training


def test_no_tunes_give_no_readings() -> None:
    assert read_tunes(small_lstm(), []) == []
    assert len(TuneSums.of([]).bits) == 0


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Says(torch.full((len(VOCABULARY),), torch.nan)), "NaN"),
        (Says(torch.zeros(7)), rf"should give \(2, \d+, {len(VOCABULARY)}\), got \(2, \d+, 7\)"),
        (Says(torch.full((len(VOCABULARY),), -torch.inf)), "probability 0 at some position"),
        (Says(torch.zeros(len(VOCABULARY), dtype=torch.long)), "a dense float tensor, got torch.int64"),
        (Twice(), "got a tuple"),
        (nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, len(VOCABULARY))), "does not take all token ids"),
    ],
    ids=["nan", "shape", "nothing possible", "integers", "tuple", "too few tokens"],
)
def test_a_network_that_breaks_its_contract_is_refused(network: nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_tunes(network, walks(2))


def test_a_melody_that_has_no_tokens_is_named() -> None:
    odd = Melody([60], [24], Metre(13, 8), title="Thirteen")
    with pytest.raises(InputError, match=r"melody 1 \(Thirteen\) cannot be scored"):
        read_tunes(user_network(), [walks(1)[0], odd])


def test_a_long_tune_is_scored_as_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    network, tunes = small_lstm().eval(), walks(6)
    tunes.insert(2, Melody([60, 62, 64, 65, 67] * 30, [24, 12, 12, 24, 24] * 30))
    expected = read_tunes(network, tunes)
    monkeypatch.setattr(batching, "_LONG", 100)
    monkeypatch.setattr(checked_logits, "_MAX_PAIRS_OF_TOKENS", 10_000)
    monkeypatch.setattr(checked_logits, "_TOKENS_OF_A_PART", 32)
    for reading, whole in zip(read_tunes(network, tunes), expected, strict=True):
        assert reading.bits == pytest.approx(whole.bits, rel=1e-4)
        assert reading.tokens.tolist() == whole.tokens.tolist()


def test_a_tune_that_would_take_hours_is_refused_by_name() -> None:
    endless = Melody([60] * 20_001, [24] * 20_001, title="Perpetual motion")
    with pytest.raises(InputError, match="the tune Perpetual motion has 20001 notes"):
        read_tunes(small_lstm(), [*walks(2), endless])
    with pytest.raises(InputError, match="the tune Perpetual motion has 20001 notes"):
        ReferenceSet.of([*walks(2), endless])
