"""Filters equal slow oracles, and a draw is the inverse of the cumulative distribution."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.sampling import sample_from, token_probabilities

# Few different values, so that ties are common; minus infinity rules a token out.
scores = st.lists(st.sampled_from([-math.inf, -2.0, -1.0, 0.0, 0.5, 3.0]), min_size=2, max_size=9).filter(
    lambda row: max(row) > -math.inf
)
_LAST_BELOW_ONE = math.nextafter(1.0, 0.0)


def row(values: list[float]) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def softmax(values: list[float], temperature: float = 1.0) -> list[float]:
    weights = [math.exp(value / temperature) for value in values]
    return [weight / sum(weights) for weight in weights]


def by_falling_probability(probabilities: list[float]) -> list[int]:
    return sorted(range(len(probabilities)), key=lambda token: -probabilities[token])


def kept_alone(probabilities: list[float], kept: set[int]) -> list[float]:
    total = sum(probabilities[token] for token in kept)
    return [p / total if token in kept else 0.0 for token, p in enumerate(probabilities)]


@given(scores, st.sampled_from([0.3, 1.0, 2.5]))
def test_temperature_divides_the_logits(values: list[float], temperature: float) -> None:
    filtered = token_probabilities(row(values), GenerationConfig(temperature=temperature))
    assert filtered[0].tolist() == pytest.approx(softmax(values, temperature))


@given(scores)
def test_temperature_zero_takes_the_first_of_the_most_probable(values: list[float]) -> None:
    filtered = token_probabilities(row(values), GenerationConfig(temperature=0))[0].tolist()
    assert filtered == [float(token == values.index(max(values))) for token in range(len(values))]


@pytest.mark.parametrize("temperature", [5e-324, 1e-9, 1e308])
def test_no_temperature_overflows(temperature: float) -> None:
    filtered = token_probabilities(row([-math.inf, 700.0, -700.0, 701.0]), GenerationConfig(temperature=temperature))[0]
    assert filtered.sum().item() == pytest.approx(1)
    assert filtered[0] == 0
    assert filtered[3] >= filtered[1] >= filtered[2]


@given(scores, st.integers(1, 12))
def test_top_k_keeps_the_k_most_probable_and_of_equal_ones_the_first(values: list[float], k: int) -> None:
    probabilities = softmax(values)
    kept = set(by_falling_probability(probabilities)[:k])
    filtered = token_probabilities(row(values), GenerationConfig(top_k=k))[0].tolist()
    assert filtered == pytest.approx(kept_alone(probabilities, kept))


def test_top_k_keeps_exactly_k_of_equal_ones() -> None:
    filtered = token_probabilities(torch.zeros(2, 50, dtype=torch.float64), GenerationConfig(top_k=3))
    assert (filtered > 0).sum(dim=1).tolist() == [3, 3]


@given(scores, st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_holds_its_share(values: list[float], top_p: float) -> None:
    probabilities = softmax(values)
    filtered = token_probabilities(row(values), GenerationConfig(top_p=top_p))[0].tolist()
    kept = [token for token, p in enumerate(filtered) if p > 0]
    held = sum(probabilities[token] for token in kept)
    assert held >= top_p - 1e-12
    assert held - min(probabilities[token] for token in kept) < top_p + 1e-12
    assert kept == sorted(by_falling_probability(probabilities)[: len(kept)])
    assert filtered == pytest.approx(kept_alone(probabilities, set(kept)))


@given(scores, st.floats(0, 1))
def test_min_p_keeps_tokens_above_its_share_of_the_highest_probability(values: list[float], min_p: float) -> None:
    probabilities = softmax(values)
    threshold = min_p * max(probabilities)
    filtered = token_probabilities(row(values), GenerationConfig(min_p=min_p))[0].tolist()
    for p, after in zip(probabilities, filtered, strict=True):
        if abs(p - threshold) > 1e-12:
            assert (after > 0) == (p > threshold)
    assert sum(filtered) == pytest.approx(1)


def test_each_filter_works_on_the_tokens_kept_by_the_one_before() -> None:
    values = [math.log(p) for p in (0.4, 0.3, 0.2, 0.1)]
    # After top-k the first token has 4/7, more than half, so that top-p keeps it alone.
    assert token_probabilities(row(values), GenerationConfig(top_k=2, top_p=0.5))[0].tolist() == [1, 0, 0, 0]
    assert token_probabilities(row(values), GenerationConfig(top_p=0.5))[0].tolist() == pytest.approx(
        [4 / 7, 3 / 7, 0, 0]
    )


@given(
    st.lists(st.sampled_from([0.0, 1e-300, 0.1, 0.25, 1.0]), min_size=1, max_size=8).filter(any),
    st.just(0.0) | st.just(_LAST_BELOW_ONE) | st.floats(0, 1, exclude_max=True),
)
def test_a_draw_is_the_inverse_of_the_cumulative_distribution(weights: list[float], uniform: float) -> None:
    token = int(sample_from(row(weights), torch.tensor([uniform], dtype=torch.float64)))
    assert weights[token] > 0
    wanted = uniform * sum(weights)
    assert sum(weights[:token]) <= wanted * (1 + 1e-12)
    assert sum(weights[: token + 1]) >= wanted * (1 - 1e-12)


@given(st.lists(scores.filter(lambda values: len(values) == 4), min_size=2, max_size=5), st.integers(0, 10))
def test_a_draw_does_not_depend_on_the_batch(rows: list[list[float]], seed: int) -> None:
    config = GenerationConfig(temperature=0.8, top_k=3, top_p=0.9)
    logits = torch.tensor(rows, dtype=torch.float64)
    uniforms = torch.rand(len(rows), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    together = sample_from(token_probabilities(logits, config), uniforms)
    alone = [sample_from(token_probabilities(logits[[i]], config), uniforms[[i]]) for i in range(len(rows))]
    assert torch.equal(together, torch.cat(alone))
