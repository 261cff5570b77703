from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from chromasonic.melody_generation.networks import transformer
from chromasonic.melody_generation.networks.transformer import EVENTS_JOINED, TransformerNetwork, apply_rotary

places = st.integers(0, 500)


@given(places, places, st.integers(0, 500))
def test_products_of_rotated_vectors_see_distances_only(place: int, other: int, shift: int) -> None:
    query, key = torch.randn(2, 1, 8, dtype=torch.float64)
    here = apply_rotary(query, place) @ apply_rotary(key, other).T
    there = apply_rotary(query, place + shift) @ apply_rotary(key, other + shift).T
    torch.testing.assert_close(here, there, atol=1e-3, rtol=0)  # angles are of single precision


def test_products_of_rotated_vectors_do_change_with_distance() -> None:
    query = torch.ones(1, 8)
    products = [float(apply_rotary(query, 0) @ apply_rotary(query, distance).T) for distance in range(4)]
    assert products == sorted(products, reverse=True)
    assert len(set(products)) == len(products)


@given(places)
def test_rotation_keeps_lengths_and_leaves_place_0_alone(first: int) -> None:
    vectors = torch.randn(2, 3, 8)
    torch.testing.assert_close(apply_rotary(vectors, first).norm(dim=-1), vectors.norm(dim=-1))
    torch.testing.assert_close(apply_rotary(vectors, 0)[:, 0], vectors[:, 0])
    torch.testing.assert_close(apply_rotary(vectors, first)[:, 1:], apply_rotary(vectors[:, 1:], first + 1))


def test_without_rotation_a_layer_is_torchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def left_alone(vectors: Tensor, first: int) -> Tensor:
        del first
        return vectors

    monkeypatch.setattr(transformer, "apply_rotary", left_alone)
    ours: Any = TransformerNetwork(8, 1, 2, 0.0).get_submodule("body.layers.0")
    theirs = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": ours.queries_keys_values.weight,
            "self_attn.in_proj_bias": ours.queries_keys_values.bias,
            "self_attn.out_proj.weight": ours.attended.weight,
            "self_attn.out_proj.bias": ours.attended.bias,
            "norm1.weight": ours.attention_norm.weight,
            "norm1.bias": ours.attention_norm.bias,
            "norm2.weight": ours.feed_forward[0].weight,
            "norm2.bias": ours.feed_forward[0].bias,
            "linear1.weight": ours.feed_forward[1].weight,
            "linear1.bias": ours.feed_forward[1].bias,
            "linear2.weight": ours.feed_forward[3].weight,
            "linear2.bias": ours.feed_forward[3].bias,
        }
    )
    vectors = torch.randn(2, 6, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(6)
    torch.testing.assert_close(ours(vectors, 0, None)[0], theirs(vectors, src_mask=mask, is_causal=True))


def test_without_layers_a_place_hears_itself_and_the_two_before_it() -> None:
    body: Any = TransformerNetwork(8, 1, 2, 0.0).body
    body.layers = nn.ModuleList()
    vectors = torch.randn(1, 6, 8, requires_grad=True)
    body(vectors)[0][0, 4].square().sum().backward()
    assert vectors.grad is not None
    assert vectors.grad[0].any(dim=1).tolist() == [place in range(5 - EVENTS_JOINED, 5) for place in range(6)]


def test_dropout_is_for_training_only() -> None:
    network, tokens = TransformerNetwork(8, 2, 2, 0.5), torch.randint(0, 100, (2, 6))
    assert not torch.equal(network(tokens), network(tokens))
    network.eval()
    torch.testing.assert_close(network(tokens), network(tokens), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"hidden_size": 0}, "hidden_size .*got 0"),
        ({"num_layers": -1}, "num_layers .*got -1"),
        ({"num_heads": 0}, "num_heads .*got 0"),
        ({"dropout": -0.1}, "dropout .*got -0.1"),
        ({"hidden_size": 20, "num_heads": 4}, "hidden_size .*twice num_heads, got 20 for 4 heads"),
    ],
)
def test_a_bad_size_is_named(sizes: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TransformerNetwork(**sizes)  # type: ignore[arg-type]
