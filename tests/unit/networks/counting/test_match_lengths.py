"""Matches in batches and in parts are those that the measure finds in a single sequence."""

from __future__ import annotations

import pytest
import torch
from tests.small_networks import batch_of, walks

from chromasonic.melody_generation.measures.earlier_matches import longest_earlier_matches
from chromasonic.melody_generation.networks.counting.match_lengths import MatchState, match_lengths
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


@pytest.mark.parametrize("stretches", [[50], [1] * 50, [3, 1, 20, 26]])
def test_it_is_the_measure_whole_and_in_parts(stretches: list[int]) -> None:
    music = torch.randint(0, 3, (4, 50 - PREFIX_LENGTH), generator=torch.Generator().manual_seed(0))
    tokens = torch.cat([torch.full((4, PREFIX_LENGTH), 1), music], dim=1)
    state: MatchState | None = None
    found = []
    for part in torch.split(tokens, stretches, dim=1):
        lengths, state = match_lengths(part, state)
        found.append(lengths)
    for row, expected in zip(torch.cat(found, dim=1), music, strict=True):
        assert row[:PREFIX_LENGTH].tolist() == [0] * PREFIX_LENGTH  # equal as they are
        assert row[PREFIX_LENGTH:].tolist() == longest_earlier_matches(expected.numpy()).tolist()


def test_padding_behind_changes_nothing_before_it() -> None:
    short, long = walks(2)
    tokens = batch_of([short, long])
    n_tokens = int((tokens[0] != 0).sum())
    alone, _ = match_lengths(tokens[:1, :n_tokens])
    assert match_lengths(tokens)[0][0, :n_tokens].tolist() == alone[0].tolist()
